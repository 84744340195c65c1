"""What the containers of a deleted pod are told to have come to when nothing of it is left, and its last phase.

As the kubelet has it (getPhase of a terminal pod, TerminatePod): whoever watches a pod to its end sees it Succeeded or
Failed, and no container is told to run for ever.
"""

from collections.abc import Iterator, Sequence

from msgspec import structs

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import ContainerState, ContainerStateTerminated, ContainerStatus, PodPhase
from orchestrator.planning.restart_policy import is_sidecar
from orchestrator.planning.terminated import UNKNOWN, UNKNOWN_CODE

_LOST = ContainerState(
    terminated=ContainerStateTerminated(
        exit_code=UNKNOWN_CODE,
        reason=UNKNOWN,
        message="The container could not be located when the pod was terminated",
    )
)
Statuses = tuple[ContainerStatus, ...]


def last_phase(pod: Pod) -> PodPhase:
    """Succeeded where every container but the sidecars was told to have ended with 0."""
    ends = [status.state.terminated for status in pod.status.container_statuses]
    return "Succeeded" if ends and all(end is not None and end.exit_code == 0 for end in ends) else "Failed"


def last_containers(pod: Pod) -> tuple[Statuses, Statuses]:
    """The init containers and the others: who may have run, and was not seen to end, ended as nobody knows."""
    init, main = pod.status.init_container_statuses, pod.status.container_statuses
    begun = _begun(init)
    return (
        tuple(_ended(status) if status.name in begun else status for status in init),
        tuple(map(_ended, main)) if _has_initialized(pod) else main,
    )


def _ended(status: ContainerStatus) -> ContainerStatus:
    if status.state.terminated:
        return status
    return structs.replace(status, state=_LOST, ready=False, started=False)


def _begun(init: Sequence[ContainerStatus]) -> set[str]:
    """The init containers up to the last one of which anything is known; the first one counts always."""
    known = [number for number, status in enumerate(init) if _has_run(status)]
    return {status.name for status in init[: max(known, default=0) + 1]}


def _has_initialized(pod: Pod) -> bool:
    """Whether its own containers may have been begun."""
    if not pod.spec.init_containers or any(map(_has_run, pod.status.container_statuses)):
        return True
    last, told = pod.spec.init_containers[-1], pod.status.init_container_statuses[-1:]
    if is_sidecar(pod, last):
        return any(status.state.running and status.started for status in told)
    return any(end.exit_code == 0 for status in told for end in _ends(status))


def _has_run(status: ContainerStatus) -> bool:
    return status.state.waiting is None or status.last_state.terminated is not None


def _ends(status: ContainerStatus) -> Iterator[ContainerStateTerminated]:
    yield from (state.terminated for state in (status.state, status.last_state) if state.terminated)
