"""What a scheduler would refuse: whether a pod that does not run yet has a place on this host.

Those that were let in keep their place, whatever becomes of the host; the others are let in in the order of their age,
each that fits, so that a large one that waits is in nobody's way.
"""

from operator import itemgetter

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.planning.claims import claims_of, unclaimed
from orchestrator.planning.requests import Asked, asked
from orchestrator.planning.room import Room
from orchestrator.planning.surroundings import Surroundings

_RUNS, _PLACED, _WAITS = range(3)
_Turn = tuple[int, str, str, str]


def refusal(pod: Pod, around: Surroundings) -> str:
    """Why the pod cannot be placed on this host now, in the scheduler's words; "" when it can."""
    if problem := unclaimed(pod, around.claims):
        return problem
    wants = asked(pod, around.runtime_classes)
    if _is_placed(pod):
        # A place that it has is not taken away: only ports can be in the way, which two cannot have at a time.
        wants = Asked({}, wants.ports)
    return _room_before(pod, around).refusal(wants) if wants else ""


def never_fits(pod: Pod, around: Surroundings) -> str:
    """Why the pod has no place on this host even when nobody else is there; "" when it would have one."""
    wants = asked(pod, around.runtime_classes)
    return Room(around.node.allocatable).refusal(Asked(wants.requests, ()))


def _room_before(pod: Pod, around: Surroundings) -> Room:
    """The host when all who come before the pod have their part of it."""
    room, own = Room(around.node.allocatable), _turn(pod)
    before: list[tuple[_Turn, Pod, Asked]] = []
    for other in around.pods():
        wants = asked(other, around.runtime_classes)
        if wants and other.metadata.uid != pod.metadata.uid and _holds(other) and (turn := _turn(other)) < own:
            before.append((turn, other, wants))
    for turn, other, wants in sorted(before, key=itemgetter(0)):
        if turn[0] < _WAITS or not (_waits_for_claim(other, around) or room.refusal(wants)):
            room.let_in(other, wants)
    return room


def _waits_for_claim(pod: Pod, around: Surroundings) -> bool:
    return bool(claims_of(pod) and unclaimed(pod, around.claims_in(pod.metadata.namespace)))


def _holds(pod: Pod) -> bool:
    """Whether it has a part of the host, or would get one."""
    return pod.status.phase not in FINAL_PHASES and (_is_placed(pod) or not pod.metadata.deletion_timestamp)


def _is_placed(pod: Pod) -> bool:
    return _turn(pod)[0] < _WAITS


def _turn(pod: Pod) -> _Turn:
    """Who comes first: what runs, then what was placed, then what was written first."""
    true = _true(pod)
    place = _RUNS if "PodReadyToStartContainers" in true else _PLACED if "PodScheduled" in true else _WAITS
    return place, pod.metadata.creation_timestamp, pod.metadata.namespace, pod.metadata.name


def _true(pod: Pod) -> set[str]:
    return {condition.type for condition in pod.status.conditions if condition.status == "True"}
