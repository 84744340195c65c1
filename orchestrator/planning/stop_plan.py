"""How a container is ended: preStop, the stop signal, SIGKILL (behaviour cases L10, H03, H04).

    BeginStop -> [preStop runs] -> stop signal -> (it ends, or the grace is over) -> KILL

The grace period counts from BeginStop and includes preStop; the signal always gets at least two seconds, and so does a
hook that begins late, as the daemon was away meanwhile.  A grace of zero is SIGKILL now.

A second BeginStop never makes it later.  For the same reason its grace counts from the first one (a second deletion);
for another reason (a deletion while an edit ends the container) from now, as in the kubelet, and that reason holds.
"""

from dataclasses import replace

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.observed import HookState, Observed, SeenContainer, Stop, StopReason
from orchestrator.planning.ops import BeginStop, EventNote, Op, Plan, RunHook, Signal

MIN_GRACE = 2.0
"""Seconds that the stop signal gets whatever preStop took, and a preStop that begins late.

A grace period that is shorter counts as this; none at all stays none.
"""

_OVER = 0.001
"""Seconds that stand for a grace period of which nothing is left: the signal comes at once, and SIGKILL follows."""
_RETRY = 5.0
"""Seconds until a SIGKILL that did nothing is sent again."""


def grace_of(pod: Pod | None) -> float:
    """Seconds that the pod's containers get: what its deletion says, else its spec; 0 means now."""
    if pod is None:
        return 30.0
    grace: float | None = pod.metadata.deletion_grace_period_seconds if pod.metadata.deletion_timestamp else None
    grace = pod.spec.termination_grace_period_seconds if grace is None else grace
    return max(grace, MIN_GRACE) if grace > 0 else 0.0


def begin_stop(container: SeenContainer, reason: StopReason, grace: float, cause: str, message: str = "") -> BeginStop:
    """The first step; `message` is the Event Killing's."""
    text = message or f"Stopping container {container.name}"
    event = EventNote("Normal", "Killing", text, container.name)
    return BeginStop(
        name=container.name,
        target=container.id,
        lane=container.name,
        reason=reason,
        grace=grace,
        cause=cause,
        event=event,
    )


def shorter(stop: Stop, reason: StopReason, grace: float, now: float) -> float | None:
    """The grace for a second BeginStop of a container that is being stopped; None where nothing is to change."""
    if reason is stop.reason:
        return grace if grace < stop.grace else None
    left = stop.since + stop.grace - now
    return max(min(left, grace), _OVER) if grace and stop.grace else 0.0


def begun(before: Stop | None, op: BeginStop, now: float) -> Stop:
    """What is known of a termination once BeginStop is done at `now`; `before` is what was known."""
    if before is None:
        return Stop(op.reason, now, op.grace)
    since = before.since if op.reason is before.reason else now
    return replace(before, reason=op.reason, since=since, grace=op.grace)


def stop_steps(
    container: SeenContainer, spec: Container | None, stop: Stop, observed: Observed, now: float, *, turn: bool = True
) -> Plan:
    """The next step of a termination that has begun; the signal waits for its `turn` as long as the grace lasts."""
    if container.phase == "paused" or stop.grace == 0:
        return _kill(container, stop, now, f"{stop.reason}: now")
    if stop.signalled_at:
        kill_at = max(stop.since + stop.grace, stop.signalled_at + MIN_GRACE)
        return _kill(container, stop, now, "the grace period is over") if now >= kill_at else Plan(wake_at=kill_at)
    hook = observed.pre_stops.get(container.id)
    has_hook = spec is not None and spec.lifecycle is not None and spec.lifecycle.pre_stop is not None
    end = stop.since + stop.grace
    if has_hook and hook is None:
        run = RunHook(
            kind="preStop",
            name=container.name,
            target=container.id,
            lane=container.name,
            seconds=stop.grace,
            cause=f"before the end ({stop.reason})",
        )
        return Plan((run,), wake_at=max(end, now + MIN_GRACE))
    if hook is not None and hook.state is HookState.RUNNING and now < (over := max(end, hook.since + MIN_GRACE)):
        return Plan(wake_at=over)
    if not turn and now < end:
        return Plan(wake_at=end)
    return Plan((_signal(container, "", f"end ({stop.reason})"),))


def _kill(container: SeenContainer, stop: Stop, now: float, cause: str) -> Plan:
    if stop.killed_at and now < stop.killed_at + _RETRY:
        return Plan(wake_at=stop.killed_at + _RETRY)
    return Plan((_signal(container, "KILL", cause),))


def _signal(container: SeenContainer, signal: str, cause: str) -> Op:
    return Signal(name=container.name, target=container.id, lane=container.name, signal=signal, cause=cause)
