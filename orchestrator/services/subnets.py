"""Where a namespace's network lies: the pool, how it is cut, and which parts of it the host already uses."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from orchestrator.errors import OrchestratorError

PREFIX = 22
"""A namespace gets 1,024 addresses: 510 for pods, 510 for Services."""

_ROUTES = Path("/proc/net/route")


@dataclass(frozen=True, slots=True)
class Subnet:
    """A namespace's network: `pods` is its lower half (the engine's ip-range), `services` its upper half.

    `bridge` is the host interface's name, at most 15 characters.
    """

    namespace: str
    cidr: IPv4Network
    pods: IPv4Network
    services: IPv4Network
    gateway: IPv4Address
    bridge: str


def cut(instance: str, namespace: str, cidr: IPv4Network) -> Subnet:
    """The parts of a namespace's network."""
    pods, services = cidr.subnets(prefixlen_diff=1)
    return Subnet(namespace, cidr, pods, services, cidr[1], bridge_name(instance, namespace))


def bridge_name(instance: str, namespace: str) -> str:
    """The host interface's name, "orc-" and 10 digits: the kernel allows 15 characters."""
    return "orc-" + hashlib.sha256(f"{instance}/{namespace}".encode()).hexdigest()[:10]


def parse_pool(text: str) -> IPv4Network:
    """The pool as a network.  OrchestratorError when it is none, or too small for one namespace."""
    try:
        pool = IPv4Network(text)
    except ValueError as error:
        raise OrchestratorError(
            f'cannot use the network pool "{text}": {error}; give one such as --pool 10.201.0.0/16'
        ) from error
    if pool.prefixlen > PREFIX:
        raise OrchestratorError(f'cannot use the network pool "{text}": it must be a /{PREFIX} or larger')
    return pool


def candidates(pool: IPv4Network, seed: str) -> Iterator[IPv4Network]:
    """All /22s of the pool, from one that the seed chooses: two daemons seldom want the same."""
    count = 2 ** (PREFIX - pool.prefixlen)
    first = spread(seed, count)
    size = 2 ** (32 - PREFIX)
    for step in range(count):
        start = int(pool.network_address) + (first + step) % count * size
        yield IPv4Network((start, PREFIX))


def spread(seed: str, count: int) -> int:
    """A number below `count`, always the same for the same seed."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % count


def overlaps(network: IPv4Network, taken: Iterable[IPv4Network]) -> bool:
    """Whether a network shares an address with any of these."""
    return any(network.overlaps(other) for other in taken)


def host_routes(table: Path = _ROUTES) -> list[IPv4Network]:
    """The networks that this host has routes to, but for the default route."""
    return [network for _, network in _routes(table)]


def leads_to_its_bridge(subnet: Subnet, table: Path = _ROUTES) -> bool:
    """Whether the host's route to this network is its own: an engine that lost its disk leaves the bridge standing."""
    return (subnet.bridge, subnet.cidr) in _routes(table)


def _routes(table: Path) -> list[tuple[str, IPv4Network]]:
    """Interface and network of each route (proc(5), /proc/net/route)."""
    routes = []
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        address, mask = (int.from_bytes(bytes.fromhex(fields[column]), "little") for column in (1, 7))
        if mask:
            routes.append((fields[0], IPv4Network((address & mask, mask.bit_count()))))
    return routes
