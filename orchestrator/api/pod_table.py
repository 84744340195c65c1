"""The STATUS, READY and RESTARTS of a pod, decided exactly as kubectl's printPod does.

Source: kubernetes/pkg/printers/internalversion/printers.go.  Pure: `now` is in Unix seconds.
"""

from dataclasses import dataclass

from orchestrator.api.ages import age
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES, ContainerState, ContainerStatus

NONE = "<none>"


@dataclass(frozen=True, slots=True)
class PodSummary:
    """One pod in a table's words."""

    ready: int
    total: int
    status: str
    restarts: int
    last_restart: str
    """When the last dead container ended (RFC 3339), "" where none died."""


def pod_cells(pod: Pod, now: float) -> tuple[str, ...]:
    """Name, Ready, Status, Restarts, Age, and what -o wide adds: IP, Node, Nominated Node, Readiness Gates."""
    summary = summarize(pod)
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts += f" ({age(summary.last_restart, now)} ago)"
    gates = [gate.condition_type for gate in pod.spec.readiness_gates]
    true = {condition.type for condition in pod.status.conditions if condition.status == "True"}
    return (
        pod.metadata.name,
        f"{summary.ready}/{summary.total}",
        summary.status,
        restarts,
        age(pod.metadata.creation_timestamp, now),
        pod.status.pod_ip or NONE,
        pod.spec.node_name or NONE,
        pod.status.nominated_node_name or NONE,
        f"{sum(gate in true for gate in gates)}/{len(gates)}" if gates else NONE,
    )


def summarize(pod: Pod) -> PodSummary:
    """Give the pod's line without its ages."""
    status = pod.status.reason or pod.status.phase or "Pending"
    sidecars = {c.name for c in pod.spec.sidecars}
    init = pod.status.init_container_statuses
    problem = _initializing(pod, sidecars)
    ready = sum(1 for s in init if s.name in sidecars and s.started and s.ready)
    counted = init
    if problem is None or _has_condition(pod, "Initialized"):
        main = pod.status.container_statuses
        ready += sum(1 for s in main if _is_ready(s))
        counted = (*(s for s in init if s.name in sidecars), *main)
        status = _main_status(pod, status)
    else:
        status = problem
    if pod.metadata.deletion_timestamp and pod.status.phase not in FINAL_PHASES:
        status = "Terminating"
    return PodSummary(
        ready=ready,
        total=len(pod.spec.containers) + len(sidecars),
        status=status,
        restarts=sum(s.restart_count for s in counted),
        last_restart=max((_last_end(s) for s in counted), default=""),
    )


def _initializing(pod: Pod, sidecars: set[str]) -> str | None:
    """What the first init container that is not done is up to; None when all are."""
    for number, container in enumerate(pod.status.init_container_statuses):
        ended, waiting = container.state.terminated, container.state.waiting
        if ended and ended.exit_code == 0:
            continue
        if container.name in sidecars and container.started:
            continue
        if ended:
            return "Init:" + _ending(container.state)
        if waiting and waiting.reason not in ("", "PodInitializing"):
            return "Init:" + waiting.reason
        return f"Init:{number}/{len(pod.spec.init_containers)}"
    return None


def _main_status(pod: Pod, status: str) -> str:
    """What the first container that does not simply run says."""
    running = False
    for container in reversed(pod.status.container_statuses):
        if container.state.waiting and container.state.waiting.reason:
            status = container.state.waiting.reason
        elif container.state.terminated:
            status = _ending(container.state)
        elif _is_ready(container):
            running = True
    if status == "Completed" and running:
        return "Running" if _has_condition(pod, "Ready") else "NotReady"
    return status


def _ending(state: ContainerState) -> str:
    ended = state.terminated
    assert ended is not None
    if ended.reason:
        return ended.reason
    return f"Signal:{ended.signal}" if ended.signal else f"ExitCode:{ended.exit_code}"


def _is_ready(container: ContainerStatus) -> bool:
    return container.ready and container.state.running is not None


def _last_end(container: ContainerStatus) -> str:
    return container.last_state.terminated.finished_at if container.last_state.terminated else ""


def _has_condition(pod: Pod, type_: str) -> bool:
    return any(c.type == type_ and c.status == "True" for c in pod.status.conditions)
