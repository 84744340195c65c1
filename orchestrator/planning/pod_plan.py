"""The plan of a pod: `observed -> plan -> ops`.  Every decision about what runs is made from here.

In order: containers of an older pod of this name go first; a pod that is being deleted is torn down; network, volumes
and hosts file come before the sandbox, the sandbox before everything; init containers one by one, then all others at
once; at last what is left over is collected.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from msgspec import structs

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.planning.container import sandbox_config
from orchestrator.planning.errors import MountError
from orchestrator.planning.labels import SANDBOX_NAME
from orchestrator.planning.observed import Observed, SeenContainer, StopReason
from orchestrator.planning.ops import (
    Create,
    EnsureNetwork,
    EventNote,
    Isolate,
    Note,
    Op,
    Plan,
    PrepareVolume,
    Remove,
    Signal,
    Start,
    Unpause,
    Waiting,
    WriteHosts,
    earliest,
    together,
)
from orchestrator.planning.outcome import Outcome, deadline, outcome, reason_of
from orchestrator.planning.projection import volume_content
from orchestrator.planning.readiness import stands
from orchestrator.planning.rejection import Rejection, is_rejected, rejection
from orchestrator.planning.resolver import asks_cluster_first
from orchestrator.planning.runtime_class import missing_class
from orchestrator.planning.scene import Scene, told_again
from orchestrator.planning.scheduling import refusal
from orchestrator.planning.startup_plan import startup_plan
from orchestrator.planning.surroundings import Surroundings
from orchestrator.planning.sysctls import shared_sysctls
from orchestrator.planning.teardown_plan import remove, stop_all, stop_one, teardown_plan

_EVICTION_GRACE = 1
"""Seconds that a pod has which uses more of the disk than it may, as the kubelet gives it."""
_SHARED = {"Net": "network", "IPC": "memory (hostIPC)"}
_STOPS = {
    Outcome.COMPLETED: StopReason.OVER,
    Outcome.DEADLINE: StopReason.DEADLINE,
    Outcome.EVICTED: StopReason.EVICTED,
}


def plan(
    pod: Pod | None, former: Mapping[str, Pod | None], observed: Observed, around: Surroundings, now: float
) -> Plan:
    """What to do now.  `pod` is what is wanted (None: nothing); `former` are earlier pods of this name, by uid.

    A former pod whose spec nobody knows any more is None: it gets the default grace and no hooks.
    """
    return _without_held(_plan(pod, former, observed, around, now), observed, now)


def _plan(
    pod: Pod | None, former: Mapping[str, Pod | None], observed: Observed, around: Surroundings, now: float
) -> Plan:
    uid = pod.metadata.uid if pod else ""
    going = [teardown_plan(old, spec, observed, now) for old, spec in former.items() if old != uid]
    if any(part.ops or part.wake_at for part in going):
        return replace(together(going), waiting=_behind(pod, observed))
    if pod is None:
        return Plan(done=True)
    if pod.metadata.deletion_timestamp:
        return teardown_plan(uid, pod, observed, now)
    return _pod(pod, observed, around, now)


def _behind(pod: Pod | None, observed: Observed) -> Mapping[str, Waiting]:
    """What a pod waits for of which there is nothing yet while an earlier one of its name ends."""
    if pod is None or _is_begun(pod, observed) or pod.status.phase in FINAL_PHASES:
        return {}
    return _all_waiting(pod, Waiting("ContainerCreating", "the pod that had this name before is still ending"))


def _pod(pod: Pod, observed: Observed, around: Surroundings, now: float) -> Plan:
    if is_rejected(pod):
        return Plan()
    sandbox = observed.sandbox(pod.metadata.uid)
    ended = outcome(pod, observed, now)
    if ended is not None:
        return _over(pod, observed, sandbox, ended, now)
    result = _going_on(pod, observed, around, sandbox, now)
    return replace(result, wake_at=earliest((result.wake_at, deadline(pod))))


def _going_on(pod: Pod, observed: Observed, around: Surroundings, sandbox: SeenContainer | None, now: float) -> Plan:
    failure = observed.failures.get(SANDBOX_NAME)
    held = failure if failure is not None and now < failure.retry_at else None
    if sandbox is None or not stands(pod, sandbox):
        if problem := refusal(pod, around):
            return _unschedulable(pod, problem, observed, now)
        if not _is_begun(pod, observed) and (refused := rejection(pod, around)):
            return _rejected(pod, refused, observed)
        if problem := missing_class(pod, around.runtime_classes):
            return _no_sandbox(pod, problem, observed, now)
        if held is not None:
            return Plan(wake_at=held.retry_at, waiting=_all_waiting(pod, Waiting(held.reason, held.message)))
        volumes = _volumes(pod, observed, around, now)
        return volumes if volumes.waiting else _before(volumes.ops, _new_sandbox(pod, observed, around, sandbox, now))
    if pod.spec.host_network:
        sandbox = replace(sandbox, ip=around.node.ip)
    scene = Scene(pod, observed, around, sandbox, now)
    result = together([startup_plan(scene), _left_over(scene)])
    isolated = pod.spec.host_network or observed.isolated_ip == sandbox.ip
    if held is not None:
        # Its files could not be written a moment ago (a full disk): what runs goes on as it is.
        result = result if isolated else _without_starts(result)
        return replace(result, wake_at=earliest((result.wake_at, held.retry_at)))
    if volume_ops := _volumes(pod, observed, around, now).ops:
        return replace(result, ops=volume_ops)
    if not isolated:
        result = _before((Isolate(ip=sandbox.ip, cause="the pod has its address"),), result)
    if observed.hosts_ip == sandbox.ip or pod.spec.host_network:
        return result
    return _before((WriteHosts(ip=sandbox.ip, cause="the pod has its address"),), result)


def _without_starts(plan: Plan) -> Plan:
    """Nothing of a pod may begin to run that network policies do not hold for yet."""
    return replace(plan, ops=tuple(op for op in plan.ops if not isinstance(op, Create | Start)))


def _before(ops: tuple[Op, ...], then: Plan) -> Plan:
    return replace(then, ops=(*ops, *then.ops))


def _over(pod: Pod, observed: Observed, sandbox: SeenContainer | None, ended: Outcome, now: float) -> Plan:
    """A pod that is over keeps its dead containers, for their logs, and needs no sandbox and no sidecars."""
    told = _told_of_end(pod, ended, observed)
    alive = [c for c in observed.containers if c.uid == pod.metadata.uid and c.alive and not c.is_sandbox]
    if alive:
        if ended is Outcome.EVICTED:
            pod = _with_grace(pod, _EVICTION_GRACE)
        reason = _STOPS[ended]
        return together([Plan(told), stop_all(alive, pod, observed, now, reason, f"the pod is over ({ended})")])
    return Plan((*told, remove(sandbox, "the pod is over")) if sandbox is not None else told)


def _with_grace(pod: Pod, seconds: int) -> Pod:
    grace = min(pod.spec.termination_grace_period_seconds, seconds)
    return structs.replace(pod, spec=structs.replace(pod.spec, termination_grace_period_seconds=grace))


def _told_of_end(pod: Pod, ended: Outcome, observed: Observed) -> tuple[Op, ...]:
    """Of a pod that does not end by itself, once; a daemon that finds it Failed for it says nothing again."""
    reason, message = reason_of(ended, pod, observed)
    key = f"{ended}/{pod.metadata.uid}"
    if not reason or key in observed.noted or pod.status.reason == reason:
        return ()
    event = EventNote("Warning" if ended is Outcome.EVICTED else "Normal", reason, message)
    return (Note(key=key, cause=message.strip(), event=event),)


def _volumes(pod: Pod, observed: Observed, around: Surroundings, now: float) -> Plan:
    """Bring every volume's content up to date; wait while sources are missing that no container has had yet."""
    ops: list[Op] = []
    missing: list[Plan] = []
    for volume in pod.spec.volumes:
        try:
            content = volume_content(volume, pod, around)
        except MountError as error:
            if volume.name not in observed.volumes:
                missing.append(_failed_mount(pod, volume.name, str(error), observed, now))
            continue
        if observed.volumes.get(volume.name) != content.digest:
            first = volume.name not in observed.volumes
            cause = "the pod mounts it" if first else "its source changed"
            ops.append(PrepareVolume(volume=volume.name, content=content, lane=volume.name, cause=cause))
    return together(missing) if missing else Plan(tuple(ops))


def _unschedulable(pod: Pod, problem: str, observed: Observed, now: float) -> Plan:
    event = EventNote("Warning", "FailedScheduling", problem)
    told = told_again(f"scheduling/{pod.metadata.uid}/{problem}", event, observed, now)
    return replace(told, unschedulable=problem, waiting=_all_waiting(pod, Waiting("ContainerCreating")))


def _no_sandbox(pod: Pod, problem: str, observed: Observed, now: float) -> Plan:
    text = f"Failed to create pod sandbox: {problem}"
    event = EventNote("Warning", "FailedCreatePodSandBox", text)
    told = told_again(f"sandbox/{pod.metadata.uid}/{problem}", event, observed, now)
    return replace(told, waiting=_all_waiting(pod, Waiting("ContainerCreating", problem)))


def _is_begun(pod: Pod, observed: Observed) -> bool:
    return any(seen.uid == pod.metadata.uid for seen in observed.containers)


def _rejected(pod: Pod, refused: Rejection, observed: Observed) -> Plan:
    key = f"rejected/{pod.metadata.uid}"
    note = Note(key=key, cause=refused.message, event=EventNote("Warning", refused.reason, refused.message))
    return Plan(() if key in observed.noted else (note,), rejected=refused)


def _failed_mount(pod: Pod, volume: str, problem: str, observed: Observed, now: float) -> Plan:
    text = f'MountVolume.SetUp failed for volume "{volume}" : {problem}'
    event = EventNote("Warning", "FailedMount", text)
    told = told_again(f"mount/{pod.metadata.uid}/{text}", event, observed, now)
    return replace(told, waiting=_all_waiting(pod, Waiting("ContainerCreating")))


def _new_sandbox(pod: Pod, observed: Observed, around: Surroundings, dead: SeenContainer | None, now: float) -> Plan:
    """A sandbox where there is none; after one that died, or is of no use, everything in the pod starts anew."""
    uid = pod.metadata.uid
    own = [c for c in observed.containers if c.uid == uid and not c.is_sandbox]
    if dead is not None and dead.phase == "created" and not dead.error:
        return Plan((Start(name=SANDBOX_NAME, target=dead.id, cause="it was made and not started"),))
    alive = [c for c in own if c.alive]
    if alive:
        stops = stop_all(alive, pod, observed, now, StopReason.SANDBOX, "its sandbox is gone")
        return together([Plan(_sandbox_changed(pod, dead, observed)), stops])
    if dead is not None:
        told = () if dead.failed_to_start else _sandbox_changed(pod, dead, observed)
        return Plan((*told, remove(dead, "it is of no use" if dead.alive else "it does not run")))
    config = sandbox_config(pod, 0, around)
    ops: tuple[Op, ...] = (
        WriteHosts(ip=None, cause="the pod's containers mount it"),
        Create(name=SANDBOX_NAME, attempt=0, config=config, cause="the pod has no sandbox"),
        Start(name=SANDBOX_NAME, target=config.name, cause="the pod has no sandbox"),
    )
    if not pod.spec.host_network and not observed.network:
        gateway = around.dns_server() if asks_cluster_first(pod.spec) else ""
        ops = (EnsureNetwork(gateway=gateway, cause="the pod needs it"), *ops)
    return Plan((*_not_set(pod, observed), *ops))


def _not_set(pod: Pod, observed: Observed) -> tuple[Op, ...]:
    """Tell of the kernel settings that would be the host's."""
    told = (
        f"{name} is not set: the pod shares the host's {_SHARED[space]}" for name, space in shared_sysctls(pod.spec)
    )
    events = [EventNote("Warning", "SysctlNotSet", f"{text}, whose own value holds") for text in told]
    keyed = ((f"sysctl/{pod.metadata.uid}/{event.message}", event) for event in events)
    return tuple(Note(key=key, cause=event.message, event=event) for key, event in keyed if key not in observed.noted)


def _sandbox_changed(pod: Pod, dead: SeenContainer | None, observed: Observed) -> tuple[Op, ...]:
    key = f"sandbox/{pod.metadata.uid}/{dead.id if dead else 'gone'}"
    event = EventNote("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
    cause = "the sandbox was started again, or cut off" if dead and dead.alive else "the sandbox does not run"
    return () if key in observed.noted else (Note(key=key, cause=cause, event=event),)


def _left_over(scene: Scene) -> Plan:
    """Dead attempts but the last one, older sandboxes, and containers that the spec names no longer."""
    pod, observed, uid = scene.pod, scene.observed, scene.pod.metadata.uid
    names = {c.name for c in pod.spec.every_container}
    parts: list[Plan] = []
    for seen in observed.containers:
        if seen.uid != uid or seen.id == scene.sandbox.id:
            continue
        if seen.is_sandbox:
            parts.append(Plan((remove(seen, "a newer sandbox runs"),)))
        elif seen.name not in names and seen.alive:
            parts.append(
                stop_one(seen, pod, observed, scene.now, StopReason.REPLACED, "the spec has no such container")
            )
        elif seen.name not in names:
            parts.append(Plan((remove(seen, "the spec has no such container"),)))
        elif not seen.alive and seen.id not in _kept(observed.of(uid, seen.name)):
            parts.append(Plan((remove(seen, "an older attempt"),)))
        elif seen.alive and seen != observed.newest(uid, seen.name):
            reason = StopReason.STARTED_AGAIN
            parts.append(stop_one(seen, pod, observed, scene.now, reason, "a newer attempt is there"))
    return together(parts)


def _kept(attempts: Iterable[SeenContainer]) -> set[str]:
    """The newest attempt and the one before it, for `logs --previous`."""
    return {seen.id for seen in list(attempts)[:2]}


def _all_waiting(pod: Pod, waiting: Waiting) -> dict[str, Waiting]:
    return {container.name: waiting for container in pod.spec.every_container}


def _without_held(plan: Plan, observed: Observed, now: float) -> Plan:
    """Leave out what the engine refused a moment ago to do to a container, until it is time to try again."""
    held = {target: failure.retry_at for target, failure in observed.failures.items() if now < failure.retry_at}
    refused = [op for op in plan.ops if isinstance(op, Remove | Signal | Unpause) and op.target in held]
    if not refused:
        return plan
    retry_at = min(held[op.target] for op in refused)
    ops = tuple(op for op in plan.ops if op not in refused)
    return replace(plan, ops=ops, wake_at=earliest((plan.wake_at, retry_at)))
