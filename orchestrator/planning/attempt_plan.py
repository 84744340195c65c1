"""How an attempt of a container is begun: its image, what its spec refers to, then create and start.

Whatever is missing is told in the kubelet's words, and waited for.
"""

from dataclasses import replace
from typing import Literal

from orchestrator.objects.container import Container
from orchestrator.planning.container import Joined, container_config, message_file, sub_path_of, sub_path_source
from orchestrator.planning.environment import environment
from orchestrator.planning.errors import ConfigError, MountError
from orchestrator.planning.image_plan import image_plan
from orchestrator.planning.image_request import ImageRequest, image_request, unretrieved
from orchestrator.planning.observed import ImageState, Restarts, SeenContainer
from orchestrator.planning.ops import (
    Create,
    EventNote,
    KeepRestarts,
    Op,
    Plan,
    ResolveSubPath,
    Start,
    Waiting,
    together,
)
from orchestrator.planning.projection import is_projected, volume_directory
from orchestrator.planning.scene import Scene, told_again

Role = Literal["init", "container"]


def attempt_plan(
    scene: Scene, container: Container, role: Role, attempt: int, history: Restarts, cause: str, due: float = 0.0
) -> Plan:
    """The next attempt, since `cause`; `due` is when its turn came (Unix seconds), 0 for when the sandbox was made."""
    name, meta = container.name, scene.pod.metadata
    if waits := _held(scene, container):
        return waits
    request = image_request(scene.pod, container.image, scene.around)
    due = due or scene.sandbox.created_at
    key = f"{meta.uid}/{name}/{attempt}"
    image = image_plan(container, request, key, due, scene.observed, scene.now)
    without_secrets = _without_secrets(scene, name, request, key)
    if image.waiting:
        return together([without_secrets, image])
    state = scene.observed.images.get(container.image, ImageState(present=False))
    try:
        config = container_config(
            scene.pod,
            container,
            attempt,
            scene.around,
            Joined(scene.sandbox.id, scene.sandbox.ip),
            role,
            state.user,
        )
        config = replace(config, image=state.id if state.by_id else config.image, platform=request.platform)
        sub_paths = _sub_paths(scene, container)
    except (ConfigError, MountError) as error:
        return _config_error(scene, container, str(error))
    create = Create(
        name=name,
        attempt=attempt,
        config=config,
        message_file=message_file(scene.pod, name, attempt, scene.around),
        lane=name,
        cause=cause,
        event=EventNote("Normal", "Created", "Container created", name),
    )
    keep = KeepRestarts(name=name, lane=name, cause=cause, restarts=replace(history, next_attempt=attempt + 1))
    return Plan((*without_secrets.ops, *image.ops, *sub_paths, create, keep, _start(container, config.name, cause)))


def start_made(scene: Scene, container: Container, made: SeenContainer) -> Plan:
    """Start an attempt that was made and not started: a call failed, or the daemon was killed in between."""
    return _held(scene, container) or Plan((_start(container, made.id, "it was made and not started"),))


def _without_secrets(scene: Scene, name: str, request: ImageRequest, key: str) -> Plan:
    """Secrets that are not there hold nothing up: the image may be here, or public, or the host have credentials.

    They are told of all the same, as a kubelet looks for them whenever it is to start something.
    """
    state = scene.observed.images.get(request.image)
    if not request.missing or (state is not None and state.pulling):
        return Plan()
    event = EventNote("Warning", "FailedToRetrieveImagePullSecret", unretrieved(request.missing))
    return told_again(f"pull-secrets/{key}/{request.missing}", event, scene.observed, scene.now, lane=name)


def _held(scene: Scene, container: Container) -> Plan | None:
    """An operation on it failed a moment ago: wait before the next try."""
    failure = scene.observed.failures.get(container.name)
    if failure is None or scene.now >= failure.retry_at:
        return None
    return Plan(wake_at=failure.retry_at, waiting={container.name: Waiting(failure.reason, failure.message)})


def _start(container: Container, target: str, cause: str) -> Start:
    event = EventNote("Normal", "Started", "Container started", container.name)
    return Start(name=container.name, target=target, lane=container.name, cause=cause, event=event)


def _sub_paths(scene: Scene, container: Container) -> tuple[Op, ...]:
    volumes = {volume.name: volume for volume in scene.pod.spec.volumes}
    variables = environment(scene.pod, container, scene.around, scene.sandbox.ip)
    ops = []
    for index, mount in enumerate(container.volume_mounts):
        if path := sub_path_of(mount, variables):
            volume = volumes[mount.name]
            root = volume_directory(volume, scene.pod, scene.around)
            source = sub_path_source(scene.pod, container, index, root, path, scene.around)
            op = ResolveSubPath(
                root=root,
                sub_path=path,
                make=not is_projected(volume),
                target=source if scene.around.binds_sub_paths else "",
                lane=container.name,
                cause="a mount names it",
            )
            ops.append(op)
    return tuple(ops)


def _config_error(scene: Scene, container: Container, message: str) -> Plan:
    name = container.name
    event = EventNote("Warning", "Failed", f"Error: {message}", name)
    told = told_again(f"config/{name}/{message}", event, scene.observed, scene.now, lane=name)
    return replace(told, waiting={name: Waiting("CreateContainerConfigError", message)})
