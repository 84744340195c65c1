"""The pool of addresses: whether its ranges are free, next to the host's routes and the engine's other networks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from orchestrator.doctor.scene import Scene
from orchestrator.engine.base import Network
from orchestrator.errors import OrchestratorError
from orchestrator.findings import Finding, error, ok, warning
from orchestrator.planning import labels
from orchestrator.services.subnets import candidates, host_routes, overlaps, parse_pool

CHECK = "addresses"
_FEW = 4
"""Free ranges (of 1,024 addresses, one a namespace) below which it is told."""
_TEN = IPv4Network("10.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Facts:
    """`own` are the ranges that namespaces of this instance have, `foreign` those of others, by who has them."""

    pool: str
    own: frozenset[IPv4Network] = frozenset()
    foreign: tuple[tuple[IPv4Network, str], ...] = ()


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    return judge(look(scene.patient.pool, scene.patient.instance, scene.survey.networks, host_routes()))


def look(pool: str, instance: str, networks: Iterable[Network], routes: Iterable[IPv4Network]) -> Facts:
    """Sort what the engine and the host have into ours and others'."""
    own: set[IPv4Network] = set()
    foreign: dict[IPv4Network, str] = {}
    for network in networks:
        if network.subnet and ":" not in network.subnet:
            cidr = IPv4Network(network.subnet)
            if network.labels.get(labels.INSTANCE) == instance:
                own.add(cidr)
            else:
                foreign[cidr] = f"network {network.name}"
    for route in routes:
        if not any(route.subnet_of(cidr) for cidr in own):
            foreign.setdefault(route, "a route of the host")
    return Facts(pool, frozenset(own), tuple(sorted(foreign.items())))


def judge(facts: Facts) -> Iterator[Finding]:
    """Say how much is left, and who has the rest."""
    try:
        pool = parse_pool(facts.pool)
    except OrchestratorError as problem:
        yield error(CHECK, str(problem), _mend(facts))
        return
    taken = [cidr for cidr, _ in facts.foreign]
    for cidr in sorted(facts.own):
        clash = next((f"{other} ({whose})" for other, whose in facts.foreign if other.overlaps(cidr)), "")
        if clash:
            yield warning(
                CHECK, f"the network {cidr} of a namespace overlaps {clash}", f"ip route show to match {cidr[1]}"
            )
    ranges = list(candidates(pool, ""))
    free = sum(not overlaps(each, [*taken, *facts.own]) for each in ranges)
    inside = [f"{cidr} ({whose})" for cidr, whose in facts.foreign if cidr.overlaps(pool)]
    text = f"{free} of {len(ranges)} ranges of {pool} are free, {len(facts.own)} in use"
    text += f"; others have {', '.join(inside[:3])}{' and more' if len(inside) > 3 else ''}" if inside else ""
    if not free and not facts.own:
        yield error(CHECK, f"no pod gets a network: {text}", _mend(facts))
    elif free < min(_FEW, len(ranges)):
        yield warning(CHECK, text, _mend(facts))
    else:
        yield ok(CHECK, text)


def _mend(facts: Facts) -> str:
    """Propose a /16 that nobody has."""
    taken = [*(cidr for cidr, _ in facts.foreign), *facts.own]
    free = next((each for each in reversed(list(_TEN.subnets(new_prefix=16))) if not overlaps(each, taken)), None)
    return f"orchestrator run --pool {free} SPECS" if free else "ip route show; docker network ls"
