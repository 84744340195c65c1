"""Whether a pod is over, and how it ended: by itself, or by its deadline (behaviour cases L01, L03, L09).

What was told to be Succeeded or Failed stays so, whatever becomes of its containers, its spec or the clock.
"""

from enum import StrEnum

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.objects.times import parse_time
from orchestrator.planning.identity import container_digest
from orchestrator.planning.observed import Observed, StopReason
from orchestrator.planning.restart_policy import is_sidecar, should_restart

DEADLINE_EXCEEDED = "DeadlineExceeded"
DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"
EVICTED = "Evicted"
_BY_AN_EARLIER_DAEMON = "An earlier daemon began to evict the pod; why is in its Events. "


class Outcome(StrEnum):
    """How a pod ended."""

    COMPLETED = "completed"
    """Its containers ended, and none will run again; the exit codes say whether it Succeeded."""
    DEADLINE = "deadline"
    EVICTED = "evicted"


def reason_of(ended: Outcome | None, pod: Pod, observed: Observed) -> tuple[str, str]:
    """Reason and message of a pod that did not end by itself; both are "" for any other."""
    match ended:
        case Outcome.DEADLINE:
            return DEADLINE_EXCEEDED, DEADLINE_MESSAGE
        case Outcome.EVICTED:
            return EVICTED, observed.evicted or pod.status.message or _BY_AN_EARLIER_DAEMON
    return "", ""


def outcome(pod: Pod, observed: Observed, now: float) -> Outcome | None:
    """How the pod ended; None while it goes on."""
    if pod.status.reason == EVICTED or _is_evicted(pod, observed):
        return Outcome.EVICTED
    if pod.status.reason == DEADLINE_EXCEEDED:
        return Outcome.DEADLINE
    if pod.status.phase in FINAL_PHASES:
        return Outcome.COMPLETED
    due = deadline(pod)
    if due is not None and now >= due and not _ended_before(pod, observed, due):
        return Outcome.DEADLINE
    return Outcome.COMPLETED if is_completed(pod, observed) else None


def deadline(pod: Pod) -> float | None:
    """When activeDeadlineSeconds are over (Unix seconds)."""
    seconds = pod.spec.active_deadline_seconds
    start = pod.status.start_time or pod.metadata.creation_timestamp
    return parse_time(start) + seconds if seconds is not None and start else None


def is_completed(pod: Pod, observed: Observed) -> bool:
    """Whether nothing of it will ever run again.  Sidecars keep no pod from it."""
    uid = pod.metadata.uid
    if pod.status.phase in FINAL_PHASES:
        return True
    for container in pod.spec.init_containers:
        newest = observed.newest(uid, container.name)
        if is_sidecar(pod, container) or newest is None or not newest.ended:
            continue
        failed = newest.failed_to_start or newest.exit_code != 0
        if failed and not should_restart(pod, container, newest):
            return True
    for container in pod.spec.containers:
        newest = observed.newest(uid, container.name)
        if newest is None or not newest.ended or newest.digest != container_digest(container):
            return False
        if observed.is_stopped_for(newest, StopReason.CONFIG) or should_restart(pod, container, newest):
            return False
    return True


def _is_evicted(pod: Pod, observed: Observed) -> bool:
    """What an eviction has stopped did not complete, also where an earlier daemon began it; what had completed did."""
    own = (seen for seen in observed.containers if seen.uid == pod.metadata.uid)
    if any(observed.is_stopped_for(seen, StopReason.EVICTED) for seen in own):
        return True
    return bool(observed.evicted) and not is_completed(pod, observed)


def _ended_before(pod: Pod, observed: Observed, due: float) -> bool:
    """Whether it had completed by itself when its deadline came."""
    if not is_completed(pod, observed):
        return False
    every = (c for c in pod.spec.every_container if not is_sidecar(pod, c))
    newest = [observed.newest(pod.metadata.uid, container.name) for container in every]
    return all(seen is None or seen.finished_at < due for seen in newest)
