"""What a pod has come to, as Kubernetes tells it: phase, conditions, container states (behaviour cases L01, L02).

A pure function of what is seen and what the plan waits for, so it is true at every instant; only the times of
transitions are taken over from the status before.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from msgspec import structs

from orchestrator.objects.annotations import CONFIG_CURRENT
from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import (
    FINAL_PHASES,
    ConditionStatus,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodCondition,
    PodIP,
    PodPhase,
    PodStatus,
)
from orchestrator.objects.times import format_time
from orchestrator.planning.config_restart import out_of_date
from orchestrator.planning.last_status import last_containers, last_phase
from orchestrator.planning.observed import LastState, Observed, Restarts, SeenContainer
from orchestrator.planning.ops import Create, Plan, Waiting
from orchestrator.planning.outcome import Outcome, outcome, reason_of
from orchestrator.planning.quality import qos_class
from orchestrator.planning.readiness import is_ready, is_started, stands
from orchestrator.planning.rejection import Rejection, is_rejected
from orchestrator.planning.restart_policy import is_init, is_sidecar, should_restart
from orchestrator.planning.surroundings import Surroundings
from orchestrator.planning.terminated import last_state, lost_end

_CREATING = "ContainerCreating"
_MESSAGES = 12 * 1024
"""Bytes that the termination messages of a pod may have together; each container has an equal part."""


def pod_status(pod: Pod, observed: Observed, plan: Plan, around: Surroundings, now: float) -> PodStatus:
    """The status now; `pod.status` is the one before."""
    spec, uid = pod.spec, pod.metadata.uid
    gone = not any(container.uid == uid for container in observed.containers)
    if pod.metadata.deletion_timestamp and gone and pod.status.phase:
        return _last_told(pod, now)
    if gone and (plan.rejected or is_rejected(pod)):
        return _rejected(pod, plan.rejected)
    if plan.unschedulable and gone:
        return _unscheduled(pod, plan.unschedulable, now)
    ended = outcome(pod, observed, now)
    told = partial(_container, pod, observed, plan, now, ended)
    init, main = tuple(map(told, spec.init_containers)), tuple(map(told, spec.containers))
    sandbox = observed.sandbox(uid)
    up = sandbox is not None and stands(pod, sandbox)
    ip = (around.node.ip if spec.host_network else sandbox.ip) if up and sandbox else ""
    if ended is not None:
        ip = ip or pod.status.pod_ip
    phase = _phase(pod, init, main, ended)
    shown = _not_before_the_end(pod, observed, phase)
    reason, message = reason_of(ended, pod, observed) if shown == "Failed" else ("", "")
    return PodStatus(
        observed_generation=pod.metadata.generation,
        phase=shown,
        reason=reason,
        message=message,
        conditions=(
            *_conditions(pod, phase, init, main, up, now),
            *_disrupted(pod, ended, observed, now),
            *_config_current(pod, observed, around, now),
        ),
        host_ip=around.node.ip,
        host_ips=(HostIP(ip=around.node.ip),),
        pod_ip=ip,
        pod_ips=(PodIP(ip=ip),) if ip else (),
        start_time=pod.status.start_time or pod.metadata.creation_timestamp,
        init_container_statuses=init,
        container_statuses=main,
        qos_class=qos_class(pod),
    )


def _last_told(pod: Pod, now: float) -> PodStatus:
    """All of it is gone from the engine: how its containers ended was told while they were there."""
    before = pod.status
    if before.phase in FINAL_PHASES or any(c.type == "PodScheduled" and c.status == "False" for c in before.conditions):
        return before
    phase, (init, main) = last_phase(pod), last_containers(pod)
    told = _conditions(pod, phase, init, main, False, now)
    others = (c for c in before.conditions if c.type not in {each.type for each in told})
    return structs.replace(
        before,
        observed_generation=pod.metadata.generation,
        phase=phase,
        conditions=(*told, *others),
        init_container_statuses=init,
        container_statuses=main,
    )


def _rejected(pod: Pod, why: Rejection | None) -> PodStatus:
    """A pod that this host does not run, for good: nothing of it is ever made."""
    reason, message = (why.reason, why.status_message) if why else (pod.status.reason, pod.status.message)
    start = pod.status.start_time or pod.metadata.creation_timestamp
    return PodStatus(
        observed_generation=pod.metadata.generation,
        phase="Failed",
        reason=reason,
        message=message,
        start_time=start,
        qos_class=qos_class(pod),
    )


def _unscheduled(pod: Pod, problem: str, now: float) -> PodStatus:
    """A pod that no host has yet: nothing is known of its containers."""
    return PodStatus(
        observed_generation=pod.metadata.generation,
        phase="Pending",
        conditions=(_condition(pod, "PodScheduled", False, "Unschedulable", problem, now),),
        qos_class=qos_class(pod),
    )


def _container(
    pod: Pod, observed: Observed, plan: Plan, now: float, over: Outcome | None, container: Container
) -> ContainerStatus:
    attempts = observed.of(pod.metadata.uid, container.name)
    newest = attempts[0] if attempts else None
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    before = next((status for status in statuses if status.name == container.name), None)
    history = observed.restarts.get(container.name, Restarts())
    lost = lost_end(pod, container.name, observed, now)
    had_ended = before is not None and before.state.terminated and container.name not in plan.waiting
    if before is not None and had_ended and (newest is None or (lost is not None and newest.ended)):
        # What has ended may be removed by anyone: it has ended so all the same.
        return before
    if before is not None and newest is not None and newest.started_again and before.container_id == _id(newest.id):
        # A run has one start and one end.  What runs now is somebody else's, and is to end.
        return structs.replace(before, ready=False) if before.state.running else before
    waiting = plan.waiting.get(container.name)
    if waiting is None and over is None and not pod.metadata.deletion_timestamp:
        starts = any(isinstance(op, Create) and op.name == container.name for op in plan.ops)
        again = starts or bool(newest and newest.ended and should_restart(pod, container, newest))
        waiting = _until_it_runs(before, newest, again=again)
    state, ended = _state(pod, before, newest, waiting)
    to_success = is_init(pod, container) and not is_sidecar(pod, container)
    last = lost or _last(attempts, history, ended)
    running = state.running is not None and newest is not None
    return ContainerStatus(
        name=container.name,
        state=state,
        last_state=ContainerState(terminated=_terminated(pod, before, last)) if last else ContainerState(),
        ready=(
            bool(ended and newest and newest.exit_code == 0 and not newest.failed_to_start)
            if to_success
            else bool(running and newest and is_ready(pod, container, newest, observed))
        ),
        restart_count=max(newest.attempt if newest else 0, history.count),
        image=container.image,
        image_id=newest.image_id if newest else "",
        container_id=_id(newest.id) if newest else "",
        started=bool(running and newest and is_started(container, newest, observed)),
    )


def _until_it_runs(before: ContainerStatus | None, newest: SeenContainer | None, *, again: bool) -> Waiting | None:
    """Between a wait and the next run a container is told to wait, as by the kubelet, not to have ended once more."""
    if before is None or before.state.waiting is None or newest is None or not newest.ended:
        return None
    waited, last = before.state.waiting, before.last_state.terminated
    told = last is not None and last.container_id == _id(newest.id)
    return Waiting(waited.reason, waited.message) if waited.reason == "CrashLoopBackOff" or (again and told) else None


def _state(
    pod: Pod, before: ContainerStatus | None, newest: SeenContainer | None, waiting: Waiting | None
) -> tuple[ContainerState, bool]:
    """The state, and whether it is "terminated"."""
    if newest is not None and newest.alive and waiting is None:
        return ContainerState(running=ContainerStateRunning(started_at=format_time(newest.started_at))), False
    if newest is not None and newest.ended and waiting is None:
        return ContainerState(terminated=_terminated(pod, before, last_state(newest))), True
    waiting = waiting or Waiting(_CREATING)
    # The kubelet has one word for what only takes its time, for all containers of a pod.
    reason = "PodInitializing" if waiting.reason == _CREATING and pod.spec.init_containers else waiting.reason
    return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=waiting.message)), False


def _last(attempts: Sequence[SeenContainer], history: Restarts, shown: bool) -> LastState | None:
    """How the run before the one that `state` tells of ended."""
    dead = [seen for seen in attempts if seen.ended]
    if shown:
        dead = dead[1:]
        return last_state(dead[0]) if dead else history.last if _other(history, attempts) else None
    return last_state(dead[0]) if dead else history.last


def _other(history: Restarts, attempts: Sequence[SeenContainer]) -> bool:
    return history.last is not None and all(seen.id != history.last.id for seen in attempts)


def _id(engine_id: str) -> str:
    """A container's id as Kubernetes tells it."""
    return f"docker://{engine_id}"


def _terminated(pod: Pod, before: ContainerStatus | None, last: LastState) -> ContainerStateTerminated:
    """What was told of an end holds: a container that somebody started again ends once more."""
    told = (before.state.terminated, before.last_state.terminated) if before is not None else ()
    for end in told:
        if end is not None and end.container_id == _id(last.id):
            return end
    return ContainerStateTerminated(
        exit_code=last.exit_code,
        reason=last.reason,
        message=_cut(last.message, _MESSAGES // len(pod.spec.every_container)),
        # A container that never started has 1970 here, as in the kubelet.
        started_at=format_time(last.started_at),
        finished_at=format_time(last.finished_at),
        container_id=_id(last.id),
    )


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def _phase(
    pod: Pod, init: Sequence[ContainerStatus], main: Sequence[ContainerStatus], ended: Outcome | None
) -> PodPhase:
    if ended in (Outcome.DEADLINE, Outcome.EVICTED):
        return "Failed"
    if ended is not None:
        if pod.status.phase in FINAL_PHASES:
            return pod.status.phase
        every = (*(status for status in init if not _is_sidecars(pod, status)), *main)
        terminated = [status.state.terminated for status in every]
        return "Succeeded" if all(t is not None and t.exit_code == 0 for t in terminated) else "Failed"
    if any(not _has_run(status) for status in main) or _uninitialized(pod, init, main):
        # A pod that has been Running stays so: initialized again (its sandbox changed), or a container is gone.
        return "Running" if pod.status.phase == "Running" else "Pending"
    return "Running"


def _not_before_the_end(pod: Pod, observed: Observed, phase: PodPhase) -> PodPhase:
    """A pod is told to be over when its last process is gone; its conditions say at once that it is not Ready.

    As the kubelet does: whoever reads Succeeded or Failed may count on it that nothing of the pod runs.
    """
    before = pod.status.phase
    alive = any(seen.uid == pod.metadata.uid and seen.alive and not seen.is_sandbox for seen in observed.containers)
    if phase in FINAL_PHASES and alive and before not in FINAL_PHASES:
        return before or "Pending"
    return phase


def _uninitialized(pod: Pod, init: Sequence[ContainerStatus], main: Sequence[ContainerStatus]) -> list[str]:
    """The init containers that have not succeeded, and the sidecars that have not started; none once the app has."""
    if any(status.state.running or status.state.terminated for status in main):
        return []
    return [status.name for status in init if not (status.started if _is_sidecars(pod, status) else status.ready)]


def _is_sidecars(pod: Pod, status: ContainerStatus) -> bool:
    return any(sidecar.name == status.name for sidecar in pod.spec.sidecars)


def _has_run(status: ContainerStatus) -> bool:
    return bool(status.state.running or status.state.terminated or status.last_state.terminated)


def _conditions(
    pod: Pod,
    phase: PodPhase,
    init: Sequence[ContainerStatus],
    main: Sequence[ContainerStatus],
    sandbox_up: bool,
    now: float,
) -> tuple[PodCondition, ...]:
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")
    uninitialized = _uninitialized(pod, init, main)
    beside = [status for status in init if _is_sidecars(pod, status)]
    unready = [status.name for status in (*beside, *main) if not status.ready]
    initialized: tuple[bool, str, str] = (True, over if phase == "Succeeded" else "", "")
    if uninitialized:
        text = f"containers with incomplete status: {_names(uninitialized)}"
        initialized = False, "ContainersNotInitialized", text
    ready: tuple[bool, str, str] = (True, "", "")
    if over:
        ready = False, over, ""
    elif unready:
        ready = False, "ContainersNotReady", f"containers with unready status: {_names(unready)}"
    facts: Iterable[tuple[str, tuple[bool, str, str]]] = (
        ("PodReadyToStartContainers", (sandbox_up, "", "")),
        ("Initialized", initialized),
        ("Ready", ready),
        ("ContainersReady", ready),
        ("PodScheduled", (True, "", "")),
    )
    return tuple(_condition(pod, name, *fact, now) for name, fact in facts)


def _config_current(pod: Pod, observed: Observed, around: Surroundings, now: float) -> tuple[PodCondition, ...]:
    """A condition of our own, once an edit did not reach what runs: `describe` and any client can say so."""
    before = tuple(c for c in pod.status.conditions if c.type == CONFIG_CURRENT)
    if pod.metadata.deletion_timestamp:
        # Its config may go with it.
        return before
    told = []
    for container in pod.spec.every_container:
        newest = observed.newest(pod.metadata.uid, container.name)
        told.append(out_of_date(pod, container, newest, observed, around, now) if newest else "")
    text = "; ".join(filter(None, told))
    if not text and not before:
        return ()
    return (_condition(pod, CONFIG_CURRENT, not text, "ConfigChanged" if text else "", text, now),)


def _disrupted(pod: Pod, ended: Outcome | None, observed: Observed, now: float) -> tuple[PodCondition, ...]:
    if ended is not Outcome.EVICTED:
        return ()
    _, message = reason_of(ended, pod, observed)
    return (_condition(pod, "DisruptionTarget", True, "TerminationByKubelet", message, now),)


def _condition(pod: Pod, name: str, holds: bool, reason: str, message: str, now: float) -> PodCondition:
    status: ConditionStatus = "True" if holds else "False"
    before = next((c for c in pod.status.conditions if c.type == name), None)
    since = before.last_transition_time if before and before.status == status else format_time(now)
    return PodCondition(
        type=name,
        status=status,
        observed_generation=pod.metadata.generation,
        last_transition_time=since,
        reason=reason,
        message=message,
    )


def _names(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"
