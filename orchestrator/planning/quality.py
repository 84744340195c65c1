"""Whom the kernel sacrifices first when memory runs out: quality of service, and the score that follows from it.

Follows kubernetes/pkg/apis/core/v1/helper/qos and pkg/kubelet/qos/policy.go.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import parse_quantity, quantity_units
from orchestrator.planning.restart_policy import is_sidecar

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]

SANDBOX_SCORE = -998
_GUARANTEED_SCORE, _BEST_EFFORT_SCORE = -997, 1000
_COUNTS = ("cpu", "memory")


def qos_class(pod: Pod) -> QosClass:
    """Guaranteed: every container limits cpu and memory and asks for no less.  BestEffort: none asks for anything."""
    guaranteed, nothing = True, True
    for container in pod.spec.every_container:
        limits, requests = container.resources.limits, container.resources.requests
        for name in _COUNTS:
            limit, request = _amount(limits, name), _amount(requests, name) or _amount(limits, name)
            nothing = nothing and not limit and not request
            guaranteed = guaranteed and bool(limit) and request == limit
    return "BestEffort" if nothing else "Guaranteed" if guaranteed else "Burstable"


def oom_score_adj(pod: Pod, container: Container, memory_bytes: int) -> int:
    """The container's score on a host with this much memory, -997 (never) to 1000 (first)."""
    match qos_class(pod):
        case "Guaranteed":
            return _GUARANTEED_SCORE
        case "BestEffort":
            return _BEST_EFFORT_SCORE
    request = _memory(container)
    if is_sidecar(pod, container):
        # A sidecar goes no sooner than the containers that it serves.
        request = max(request, min(map(_memory, pod.spec.containers), default=0))
    score = 1000 - 1000 * request // max(memory_bytes, 1)
    # Above all that is Guaranteed, below all that is BestEffort.
    return min(max(score, 1000 + _GUARANTEED_SCORE), _BEST_EFFORT_SCORE - 1)


def _memory(container: Container) -> int:
    return quantity_units(container.resources.requests.get("memory", "0"))


def _amount(amounts: Mapping[str, str], name: str) -> Fraction:
    return parse_quantity(amounts.get(name, "0"))
