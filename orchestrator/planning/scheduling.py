"""What a scheduler would refuse: whether a pod that does not run yet has a place on this host.

Those that were let in keep their place, whatever becomes of the host; the others are let in in the order of their age,
each that fits, so that a large one that waits is in nobody's way.
"""

from orchestrator.objects.pod import Pod
from orchestrator.planning.claims import unclaimed
from orchestrator.planning.host_ports import host_ports
from orchestrator.planning.requests import pod_requests
from orchestrator.planning.room import Room
from orchestrator.planning.surroundings import Surroundings

_OVER = ("Succeeded", "Failed")


def refusal(pod: Pod, around: Surroundings) -> str:
    """Why the pod cannot be placed on this host now, in the scheduler's words; "" when it can."""
    if problem := unclaimed(pod, around.claims):
        return problem
    # A place that it has is not taken away: then only ports can be in the way, which two pods cannot have at a time.
    requests = {} if _is_placed(pod) else pod_requests(pod, around.runtime_classes)
    ports = tuple(host_ports(pod))
    if not ports and not any(requests.values()):
        return ""
    return _room_before(pod, around).refusal(ports, requests)


def _room_before(pod: Pod, around: Surroundings) -> Room:
    """The host when all who come before the pod have their part of it."""
    room, turn = Room(around.node.allocatable), _turn(pod)
    others = (other for other in around.pods() if other.metadata.uid != pod.metadata.uid and _holds(other))
    for other in sorted((other for other in others if _turn(other) < turn), key=_turn):
        requests, ports = pod_requests(other, around.runtime_classes), tuple(host_ports(other))
        waits = not _is_placed(other) and (
            unclaimed(other, around.claims_in(other.metadata.namespace)) or room.refusal(ports, requests)
        )
        if not waits:
            room.let_in(other, ports, requests)
    return room


def _holds(pod: Pod) -> bool:
    """Whether it has a part of the host, or would get one."""
    return pod.status.phase not in _OVER and (_is_placed(pod) or not pod.metadata.deletion_timestamp)


def _is_placed(pod: Pod) -> bool:
    return _true(pod) & {"PodScheduled", "PodReadyToStartContainers"} != set()


def _turn(pod: Pod) -> tuple[int, str, str]:
    """Who comes first: what runs, then what was placed, then what was written first."""
    true = _true(pod)
    place = 0 if "PodReadyToStartContainers" in true else 1 if "PodScheduled" in true else 2
    return place, pod.metadata.creation_timestamp, f"{pod.metadata.namespace}/{pod.metadata.name}"


def _true(pod: Pod) -> set[str]:
    return {condition.type for condition in pod.status.conditions if condition.status == "True"}
