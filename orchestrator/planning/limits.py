"""A container's requests and limits in the engine's terms, as a kubelet computes them (behaviour case R02).

Follows kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container_linux.go.
"""

from dataclasses import dataclass

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import quantity_milli, quantity_units
from orchestrator.planning.quality import oom_score_adj
from orchestrator.planning.surroundings import NodeFacts

GPU = "nvidia.com/gpu"

_SHARES_PER_CORE, _LEAST_SHARES, _MOST_SHARES = 1024, 2, 262144
_QUOTA_PER_CORE, _LEAST_QUOTA = 100_000, 1000
"""Microseconds in a period of 100 ms."""


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What the engine is told; 0 is no limit.  The fields are those of ContainerConfig."""

    memory_bytes: int
    cpu_quota: int
    cpu_shares: int
    pids_limit: int
    gpus: int
    oom_score_adj: int


def engine_limits(pod: Pod, container: Container, node: NodeFacts) -> EngineLimits:
    """The limits of one container."""
    limits, requests = container.resources.limits, container.resources.requests
    cores = quantity_milli(limits.get("cpu", "0"))
    return EngineLimits(
        memory_bytes=quantity_units(limits.get("memory", "0")),
        cpu_quota=max(cores * _QUOTA_PER_CORE // 1000, _LEAST_QUOTA) if cores else 0,
        cpu_shares=_shares(quantity_milli(requests.get("cpu", "0")) or cores),
        pids_limit=node.pod_pids_limit,
        gpus=quantity_units(limits.get(GPU, "0")),
        oom_score_adj=oom_score_adj(pod, container, node.memory_bytes),
    )


def _shares(milli: int) -> int:
    """The weight among containers that want more CPU than there is; who asks for nothing gets what is left."""
    return min(max(milli * _SHARES_PER_CORE // 1000, _LEAST_SHARES), _MOST_SHARES)
