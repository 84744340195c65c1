"""In which order a pod's containers start: init containers one by one, then all others at once (L06, L07, L08).

A plain init container runs to success before the next begins; a sidecar must be started (its startup probe passed)
before the next begins, and goes on beside the app.
"""

from orchestrator.objects.container import Container
from orchestrator.planning.container_plan import container_plan
from orchestrator.planning.ops import Plan, Waiting, together
from orchestrator.planning.readiness import is_started
from orchestrator.planning.restart_policy import is_sidecar
from orchestrator.planning.scene import Scene

_INITIALIZING = Waiting("PodInitializing")


def startup_plan(scene: Scene) -> Plan:
    """The next steps of all containers of a pod whose sandbox stands."""
    spec, reached = scene.pod.spec, _reached(scene)
    parts: list[Plan] = []
    for position, container in enumerate(spec.init_containers):
        beside = is_sidecar(scene.pod, container)
        if not beside and (position < reached or _has_succeeded(scene, container)):
            continue
        parts.append(container_plan(scene, container, "init"))
        if position < reached or (beside and _is_up(scene, container)):
            continue
        later = (*spec.init_containers[position + 1 :], *spec.containers)
        return together([Plan(waiting={each.name: _INITIALIZING for each in later}), *parts])
    return together([*parts, *(container_plan(scene, container, "container") for container in spec.containers)])


def _reached(scene: Scene) -> int:
    """How many init containers have had their turn in this sandbox: what came after them was made.

    They may be gone by now, and a sidecar that is being restarted holds up nothing that has begun.
    """
    init = scene.pod.spec.init_containers
    if any(_is_made(scene, container) for container in scene.pod.spec.containers):
        return len(init)
    return max((position for position, container in enumerate(init) if _is_made(scene, container)), default=0)


def _is_made(scene: Scene, container: Container) -> bool:
    newest = scene.observed.newest(scene.pod.metadata.uid, container.name)
    return newest is not None and newest.joined == scene.sandbox.id


def _has_succeeded(scene: Scene, container: Container) -> bool:
    newest = scene.observed.newest(scene.pod.metadata.uid, container.name)
    if newest is None or newest.joined != scene.sandbox.id:
        return False
    return newest.ended and newest.exit_code == 0 and not newest.failed_to_start


def _is_up(scene: Scene, container: Container) -> bool:
    newest = scene.observed.newest(scene.pod.metadata.uid, container.name)
    return newest is not None and is_started(container, newest, scene.observed)
