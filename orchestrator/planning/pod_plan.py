"""The plan of a pod: `observed -> plan -> ops`.  Every decision about what runs is made from here.

In order: containers of an older pod of this name go first; a pod that is being deleted is torn down; network, volumes
and hosts file come before the sandbox, the sandbox before everything; init containers one by one, then all others at
once; at last what is left over is collected.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchestrator.objects.pod import Pod
from orchestrator.planning.container import sandbox_config
from orchestrator.planning.container_plan import (
    Scene,
    container_plan,
    policy_of,
    probes_while_stopping,
    should_restart,
    together,
)
from orchestrator.planning.errors import MountError
from orchestrator.planning.identity import container_digest
from orchestrator.planning.labels import SANDBOX_NAME
from orchestrator.planning.observed import Observed, SeenContainer, StopReason
from orchestrator.planning.ops import (
    Create,
    EnsureNetwork,
    EventNote,
    ForgetPod,
    Note,
    Op,
    Plan,
    PrepareVolume,
    Remove,
    Start,
    Waiting,
    WriteHosts,
    earliest,
)
from orchestrator.planning.projection import volume_content
from orchestrator.planning.stop_plan import begin_stop, grace_of, stop_steps
from orchestrator.planning.surroundings import Surroundings


def plan(
    pod: Pod | None, former: Mapping[str, Pod | None], observed: Observed, around: Surroundings, now: float
) -> Plan:
    """What to do now.  `pod` is what is wanted (None: nothing); `former` are earlier pods of this name, by uid.

    A former pod whose spec nobody knows any more is None: it gets the default grace and no hooks.
    """
    uid = pod.metadata.uid if pod else ""
    going = [_teardown(old, spec, observed, now) for old, spec in former.items() if old != uid]
    if any(part.ops or part.wake_at for part in going):
        return together(going)
    if pod is None:
        return Plan(done=True)
    if pod.metadata.deletion_timestamp:
        return _teardown(uid, pod, observed, now)
    return _pod(pod, observed, around, now)


def is_over(pod: Pod, observed: Observed) -> bool:
    """Whether the pod has Succeeded or Failed: nothing of it will ever run again, also when its dead are removed."""
    uid = pod.metadata.uid
    told = pod.status.phase in ("Succeeded", "Failed")
    for container in pod.spec.init_containers:
        newest = observed.newest(uid, container.name)
        if newest is not None and newest.ended and policy_of(pod, container, "init") == "Never":
            failed = newest.failed_to_start or newest.exit_code != 0
            if failed:
                return True
    for container in pod.spec.containers:
        newest = observed.newest(uid, container.name)
        if newest is None and told:
            continue
        if newest is None or not newest.ended or newest.digest != container_digest(container):
            return False
        if should_restart(policy_of(pod, container, "container"), newest):
            return False
    return True


def _teardown(uid: str, pod: Pod | None, observed: Observed, now: float) -> Plan:
    """End everything of one uid: hooks and signals in parallel, then remove, then forget."""
    own = [c for c in observed.containers if c.uid == uid]
    if not own:
        return Plan((ForgetPod(uid=uid, cause="nothing of it is left"),), done=True)
    alive = [c for c in own if c.alive and not c.is_sandbox]
    if alive:
        return together([_stop(c, pod, observed, now, StopReason.DELETED, "the pod goes") for c in alive])
    return Plan(tuple(_remove(c, "the pod goes") for c in own))


def _stop(seen: SeenContainer, pod: Pod | None, observed: Observed, now: float, reason: StopReason, cause: str) -> Plan:
    stop, grace = observed.stops.get(seen.id), grace_of(pod)
    named = next((c for c in pod.spec.containers if c.name == seen.name), None) if pod else None
    spec = observed.replaced.get(seen.digest, named)
    probes = probes_while_stopping(observed, spec, seen) if spec else frozenset()
    if stop is None or stop.grace > grace:
        return Plan((begin_stop(seen, reason, grace, cause),), probes=probes)
    return replace(stop_steps(seen, spec, stop, observed, now), probes=probes)


def _pod(pod: Pod, observed: Observed, around: Surroundings, now: float) -> Plan:
    sandbox = observed.sandbox(pod.metadata.uid)
    if is_over(pod, observed):
        return _over(pod, observed, sandbox, now)
    failure = observed.failures.get(SANDBOX_NAME)
    held = failure if failure is not None and now < failure.retry_at else None
    if sandbox is None or not sandbox.alive:
        if held is not None:
            return Plan(wake_at=held.retry_at, waiting=_all_waiting(pod, Waiting(held.reason, held.message)))
        volumes = _volumes(pod, observed, around)
        return volumes if volumes.waiting else _before(volumes.ops, _new_sandbox(pod, observed, around, sandbox, now))
    if pod.spec.host_network:
        sandbox = replace(sandbox, ip=around.node.ip)
    scene = Scene(pod, observed, around, sandbox, now)
    result = together([_containers(scene), _left_over(scene)])
    if held is not None:
        # Its files could not be written a moment ago (a full disk): what runs goes on as it is.
        return replace(result, wake_at=earliest((result.wake_at, held.retry_at)))
    if volume_ops := _volumes(pod, observed, around).ops:
        return replace(result, ops=volume_ops)
    if observed.hosts_ip == sandbox.ip or pod.spec.host_network:
        return result
    return _before((WriteHosts(ip=sandbox.ip, cause="the pod has its address"),), result)


def _before(ops: tuple[Op, ...], then: Plan) -> Plan:
    return replace(then, ops=(*ops, *then.ops))


def _over(pod: Pod, observed: Observed, sandbox: SeenContainer | None, now: float) -> Plan:
    """A pod that is over keeps its dead containers, for their logs, and needs no sandbox."""
    alive = [c for c in observed.containers if c.uid == pod.metadata.uid and c.alive and not c.is_sandbox]
    if alive:
        return together([_stop(c, pod, observed, now, StopReason.REPLACED, "the pod is over") for c in alive])
    return Plan((_remove(sandbox, "the pod is over"),) if sandbox is not None else ())


def _volumes(pod: Pod, observed: Observed, around: Surroundings) -> Plan:
    """Bring every volume's content up to date; wait while a source is missing that no container has had yet."""
    ops: list[Op] = []
    for volume in pod.spec.volumes:
        try:
            content = volume_content(volume, pod, around, "")
        except MountError as error:
            if volume.name not in observed.volumes:
                return _failed_mount(pod, volume.name, str(error), observed)
            continue
        if observed.volumes.get(volume.name) != content.digest:
            first = volume.name not in observed.volumes
            cause = "the pod mounts it" if first else "its source changed"
            ops.append(PrepareVolume(volume=volume.name, content=content, lane=volume.name, cause=cause))
    return Plan(tuple(ops))


def _failed_mount(pod: Pod, volume: str, problem: str, observed: Observed) -> Plan:
    text = f'MountVolume.SetUp failed for volume "{volume}" : {problem}'
    key = f"mount/{pod.metadata.uid}/{text}"
    event = EventNote("Warning", "FailedMount", text)
    ops = () if key in observed.noted else (Note(key=key, cause=text, event=event),)
    return Plan(ops, waiting=_all_waiting(pod, Waiting("ContainerCreating")))


def _new_sandbox(pod: Pod, observed: Observed, around: Surroundings, dead: SeenContainer | None, now: float) -> Plan:
    """A sandbox where there is none; after one that died, everything in the pod starts anew."""
    uid = pod.metadata.uid
    own = [c for c in observed.containers if c.uid == uid and not c.is_sandbox]
    if dead is not None and dead.phase == "created" and not dead.error:
        return Plan((Start(name=SANDBOX_NAME, target=dead.id, cause="it was made and not started"),))
    alive = [c for c in own if c.alive]
    if alive:
        stops = [_stop(c, pod, observed, now, StopReason.SANDBOX, "its sandbox is gone") for c in alive]
        return together([Plan(_sandbox_changed(pod, dead, observed)), *stops])
    if dead is not None:
        told = () if dead.failed_to_start else _sandbox_changed(pod, dead, observed)
        return Plan((*told, _remove(dead, "it does not run")))
    attempt = observed.restarts[SANDBOX_NAME].next_attempt if SANDBOX_NAME in observed.restarts else 0
    config = sandbox_config(pod, attempt, around)
    ops: tuple[Op, ...] = (
        WriteHosts(ip=None, cause="the pod's containers mount it"),
        Create(name=SANDBOX_NAME, attempt=attempt, config=config, cause="the pod has no sandbox"),
        Start(name=SANDBOX_NAME, target=config.name, cause="the pod has no sandbox"),
    )
    if not pod.spec.host_network and not observed.network:
        ops = (EnsureNetwork(cause="the pod needs it"), *ops)
    return Plan(ops)


def _sandbox_changed(pod: Pod, dead: SeenContainer | None, observed: Observed) -> tuple[Op, ...]:
    key = f"sandbox/{pod.metadata.uid}/{dead.id if dead else 'gone'}"
    event = EventNote("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
    return () if key in observed.noted else (Note(key=key, cause="the sandbox does not run", event=event),)


def _containers(scene: Scene) -> Plan:
    """Init containers one after another, each to success; then all others at once (L06, L08)."""
    pod, uid = scene.pod, scene.pod.metadata.uid
    initializing = _all_waiting(pod, Waiting("PodInitializing"))
    for container in () if _initialized(scene) else pod.spec.init_containers:
        newest = scene.observed.newest(uid, container.name)
        current = newest is not None and newest.created_at >= scene.sandbox.created_at
        if newest is not None and current and newest.ended and newest.exit_code == 0 and not newest.failed_to_start:
            continue
        step = container_plan(scene, container, "init")
        return together([Plan(waiting=initializing), step])
    return together([container_plan(scene, container, "container") for container in pod.spec.containers])


def _initialized(scene: Scene) -> bool:
    """An app container was made in this sandbox: all init containers have succeeded, and may be gone by now."""
    newest = (scene.observed.newest(scene.pod.metadata.uid, container.name) for container in scene.pod.spec.containers)
    return any(seen is not None and seen.created_at >= scene.sandbox.created_at for seen in newest)


def _left_over(scene: Scene) -> Plan:
    """Dead attempts but the last one, older sandboxes, and containers that the spec names no longer."""
    pod, observed, uid = scene.pod, scene.observed, scene.pod.metadata.uid
    names = {c.name for c in (*pod.spec.init_containers, *pod.spec.containers)}
    parts: list[Plan] = []
    for seen in observed.containers:
        if seen.uid != uid or seen.id == scene.sandbox.id:
            continue
        if seen.is_sandbox:
            parts.append(Plan((_remove(seen, "a newer sandbox runs"),)))
        elif seen.name not in names and seen.alive:
            parts.append(_stop(seen, pod, observed, scene.now, StopReason.REPLACED, "the spec has no such container"))
        elif seen.name not in names:
            parts.append(Plan((_remove(seen, "the spec has no such container"),)))
        elif not seen.alive and seen.id not in _kept(observed.of(uid, seen.name)):
            parts.append(Plan((_remove(seen, "an older attempt"),)))
    return together(parts)


def _kept(attempts: Iterable[SeenContainer]) -> set[str]:
    """The newest attempt and the one before it, for `logs --previous`."""
    return {seen.id for seen in list(attempts)[:2]}


def _all_waiting(pod: Pod, waiting: Waiting) -> dict[str, Waiting]:
    return {container.name: waiting for container in pod.spec.containers}


def _remove(seen: SeenContainer, cause: str) -> Remove:
    return Remove(name=seen.name, target=seen.id, lane=f"{seen.name}/{seen.attempt}", cause=cause)
