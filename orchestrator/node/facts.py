"""What pods can know of the node: its name and size, and its resolver's settings."""

import shutil
from contextlib import suppress
from pathlib import Path

from orchestrator.engine.base import EngineInfo
from orchestrator.node.host import host_address, resolver_settings
from orchestrator.planning.amounts import Amounts, total
from orchestrator.planning.limits import GPU
from orchestrator.planning.pressure import RESOURCES, Thresholds
from orchestrator.planning.surroundings import NodeFacts

_GPUS = Path("/proc/driver/nvidia/gpus")
"""A folder for each, where NVIDIA's driver is loaded."""
_RECURSIVE_READ_ONLY = (1, 44)
"""The first API version whose engine can mount a tree read-only."""


def node_facts(
    name: str,
    info: EngineInfo,
    resolv_conf: Path,
    reserved: Amounts,
    thresholds: Thresholds,
    pod_pids_limit: int,
) -> NodeFacts:
    """Read them from the engine's answer and the host.

    What is `reserved`, and what must be left so that nobody is evicted, pods may not have.
    """
    resolver = resolver_settings(resolv_conf)
    capacity = _capacity(info)
    kept = {RESOURCES[signal]: each.of(capacity.get(RESOURCES[signal], 0)) for signal, each in thresholds.items()}
    reserved = total((reserved, kept))
    return NodeFacts(
        name=name,
        ip=host_address(),
        nano_cpus=info.cpus * 10**9,
        memory_bytes=info.memory_bytes,
        nameservers=resolver.nameservers,
        searches=resolver.searches,
        resolver_options=resolver.options,
        capacity=capacity,
        allocatable={name: max(value - reserved.get(name, 0), 0) for name, value in capacity.items()},
        pod_pids_limit=pod_pids_limit,
        app_armor=info.app_armor,
        recursive_read_only=_version(info.api_version) >= _RECURSIVE_READ_ONLY,
    )


def _capacity(info: EngineInfo) -> dict[str, int]:
    """What the host has; what cannot be seen (the disk of an engine elsewhere) is left out."""
    capacity = {"cpu": info.cpus * 1000, "memory": info.memory_bytes}
    with suppress(OSError):
        capacity["ephemeral-storage"] = shutil.disk_usage(info.root or "/").total
    if _GPUS.is_dir():
        capacity[GPU] = len(list(_GPUS.iterdir()))
    return capacity


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
