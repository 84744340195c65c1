"""How an attempt ended, in Kubernetes' words (behaviour case L02)."""

from orchestrator.objects.pod import Pod
from orchestrator.objects.times import parse_time
from orchestrator.planning.observed import LastState, Observed, Restarts, SeenContainer

START_ERROR = 128
"""The exit code that the kubelet gives a container that could not be started."""
UNKNOWN = "ContainerStatusUnknown"
UNKNOWN_CODE = 137
_UNKNOWN_MESSAGE = "The container could not be located when the pod was deleted.  The container used to be Running"
_SCHEME = "docker://"


def last_state(seen: SeenContainer) -> LastState:
    """Reason, exit code and message of an attempt that is over."""
    if seen.failed_to_start:
        return LastState(seen.id, START_ERROR, "StartError", seen.error, 0.0, max(seen.finished_at, seen.created_at))
    reason = "OOMKilled" if seen.oom_killed else "Completed" if seen.exit_code == 0 else "Error"
    return LastState(seen.id, seen.exit_code, reason, seen.message or seen.error, seen.started_at, seen.finished_at)


def lost_end(pod: Pod, name: str, observed: Observed, now: float) -> LastState | None:
    """How a container's newest run ended that neither the engine nor the journal tells of; None where they do.

    `pod.status` is the one before.  An end that it told of holds.  A first run that it told of, and that is gone, ended
    as nobody knows; of a later one the kubelet tells the end before it (convertToAPIContainerStatuses).
    """
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    before = next((status for status in statuses if status.name == name), None)
    if before is None:
        return None
    journalled = observed.restarts.get(name, Restarts()).last
    known = {seen.id for seen in observed.of(pod.metadata.uid, name) if seen.phase != "removing"}
    known |= {journalled.id} if journalled else set()
    told = before.state.terminated or before.last_state.terminated
    if told is not None:
        identity = told.container_id.removeprefix(_SCHEME)
        if identity in known:
            return None
        began, ended = parse_time(told.started_at), parse_time(told.finished_at)
        return LastState(identity, told.exit_code, told.reason, told.message, began, ended)
    identity, running = before.container_id.removeprefix(_SCHEME), before.state.running
    if running is None or identity in known:
        return None
    return LastState(identity, UNKNOWN_CODE, UNKNOWN, _UNKNOWN_MESSAGE, parse_time(running.started_at), now)
