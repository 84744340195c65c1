"""What pods can know of the node: its name and size, and its resolver's settings."""

from pathlib import Path

from orchestrator.engine.base import EngineInfo
from orchestrator.node.host import host_address, resolver_settings
from orchestrator.planning.surroundings import NodeFacts

_RECURSIVE_READ_ONLY = (1, 44)
"""The first API version whose engine can mount a tree read-only."""


def node_facts(name: str, info: EngineInfo, resolv_conf: Path) -> NodeFacts:
    """Read them from the engine's answer and the host."""
    resolver = resolver_settings(resolv_conf)
    return NodeFacts(
        name=name,
        ip=host_address(),
        nano_cpus=info.cpus * 10**9,
        memory_bytes=info.memory_bytes,
        nameservers=resolver.nameservers,
        searches=resolver.searches,
        resolver_options=resolver.options,
        recursive_read_only=_version(info.api_version) >= _RECURSIVE_READ_ONLY,
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
