"""How an attempt ended, in Kubernetes' words (behaviour case L02)."""

from collections.abc import Sequence

from orchestrator.objects.pod_status import ContainerStatus
from orchestrator.objects.times import parse_time
from orchestrator.planning.observed import LastState, Restarts, SeenContainer

START_ERROR = 128
"""The exit code that the kubelet gives a container that could not be started."""
UNKNOWN = "ContainerStatusUnknown"
_UNKNOWN_CODE = 137
_UNKNOWN_MESSAGE = "The container could not be located when the pod was terminated"
_SCHEME = "docker://"


def last_state(seen: SeenContainer) -> LastState:
    """Reason, exit code and message of an attempt that is over."""
    if seen.failed_to_start:
        return LastState(seen.id, START_ERROR, "StartError", seen.error, 0.0, max(seen.finished_at, seen.created_at))
    reason = "OOMKilled" if seen.oom_killed else "Completed" if seen.exit_code == 0 else "Error"
    return LastState(seen.id, seen.exit_code, reason, seen.message or seen.error, seen.started_at, seen.finished_at)


def lost_run(
    before: ContainerStatus | None, attempts: Sequence[SeenContainer], history: Restarts, now: float
) -> LastState | None:
    """How the kubelet tells of a run whose container is gone without having been seen to end, None for no such run.

    `before` is the status as it was: it told of the run, and then tells of its end.
    """
    if before is None:
        return None
    told = before.last_state.terminated
    if told is not None and told.reason == UNKNOWN:
        identity = told.container_id.removeprefix(_SCHEME)
        began, ended = parse_time(told.started_at), parse_time(told.finished_at)
        return LastState(identity, _UNKNOWN_CODE, UNKNOWN, told.message, began, ended)
    identity = before.container_id.removeprefix(_SCHEME)
    known = {seen.id for seen in attempts} | ({history.last.id} if history.last else set())
    if not identity or before.state.terminated or identity in known:
        return None
    # While the engine was removing it, it was told to wait.
    began = parse_time(before.state.running.started_at) if before.state.running else 0.0
    return LastState(identity, _UNKNOWN_CODE, UNKNOWN, _UNKNOWN_MESSAGE, began, now)
