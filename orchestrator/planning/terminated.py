"""How an attempt ended, in Kubernetes' words (behaviour case L02)."""

from orchestrator.planning.observed import LastState, SeenContainer

START_ERROR = 128
"""The exit code that the kubelet gives a container that could not be started."""


def last_state(seen: SeenContainer) -> LastState:
    """Reason, exit code and message of an attempt that is over."""
    if seen.failed_to_start:
        return LastState(seen.id, START_ERROR, "StartError", seen.error, 0.0, max(seen.finished_at, seen.created_at))
    reason = "OOMKilled" if seen.oom_killed else "Completed" if seen.exit_code == 0 else "Error"
    return LastState(seen.id, seen.exit_code, reason, seen.message or seen.error, seen.started_at, seen.finished_at)
