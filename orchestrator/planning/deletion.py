"""What a deletion says of a pod: until when it may end, and in how many seconds (behaviour cases L10, L11)."""

from dataclasses import dataclass

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.objects.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class Deletion:
    """`metadata.deletionTimestamp` and `metadata.deletionGracePeriodSeconds`."""

    timestamp: str
    grace: int


def deletion(pod: Pod, grace: float | None, now: float) -> Deletion | None:
    """What a deletion at `now` (Unix seconds) makes of a pod; None when it changes nothing.

    `grace` is what was asked for in seconds, None when nothing was.  As Kubernetes' API server has it: a second
    deletion counts from the first one and can only be shorter; a negative period is a second; a pod that is over goes
    now.
    """
    meta = pod.metadata
    asked = None if grace is None else 1 if grace < 0 else int(grace)
    if meta.deletion_timestamp:
        before = meta.deletion_grace_period_seconds or 0
        if asked is None or asked >= before:
            return None
        since = parse_time(meta.deletion_timestamp) - before
        return Deletion(format_time(max(since + asked, now)), asked)
    if pod.status.phase in FINAL_PHASES:
        asked = 0
    elif asked is None:
        asked = pod.spec.termination_grace_period_seconds
    return Deletion(format_time(now + asked), asked)
