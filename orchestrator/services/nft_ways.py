"""The text of the ways to pods: by a Service's address, by one of its externalIPs, by a port of the host.  Pure.

All Services share a few chains, and a map for each place in the line of endpoints (here "10.201.2.40 . tcp . 80" is the
second of three that lead to three endpoints each):

    @services   key : goto random-3          nobody is there without an element
    random-3    one of to-0, to-1, to-2      a single endpoint is to-0 at once
    to-1        dnat to @endpoint-1
    @endpoint-1 key : 10.201.0.7 . 8080

A Service is elements only, no chain and no set of its own: nft(8) lists all chains and sets before each change, and the
kernel looks through all rules after it, so with those every change would cost more the more Services there are.  Those
with sessionAffinity are the exception (nft_affinity.py): only they have something to remember.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.services import nft_affinity
from orchestrator.services.nft_affinity import Affinity
from orchestrator.services.nft_pieces import Piece, elements

K = TypeVar("K", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Target:
    """Where a key leads: endpoints as (ip, port), at random or, with `affinity`, to the one where the client was.

    With `sources`, networks such as "192.0.2.0/24", only their clients may come in.
    """

    backends: tuple[tuple[str, int], ...]
    affinity: Affinity | None = None
    sources: tuple[str, ...] = ()

    @property
    def shared(self) -> int:
        """Among how many endpoints what all Services share is to choose; 0 for a port that has all of its own."""
        return 0 if self.affinity else len(self.backends)

    def own(self) -> Iterator[Piece]:
        """What is there for this port alone; needed ones first."""
        if self.affinity:
            yield from nft_affinity.pieces(self.affinity, self.backends)


Leads = Mapping[str, Target]
"""Where keys lead, as they stand in the maps ("10.201.2.40 . tcp . 80")."""


@dataclass(frozen=True, slots=True)
class Way:
    """One of them: what a packet is looked up by, as expression and as type, and how its parts are called."""

    verdicts: str
    prefix: str
    key: str
    declared: str

    def skeleton(self) -> str:
        """The map that the way begins with."""
        return f"map {self.verdicts} {{ type {self.declared} : verdict; }}"

    def remove(self, table: str, was: Leads, now: Leads) -> list[str]:
        """Take out what does not hold any more."""
        goals, places = _less(self._goals(was), self._goals(now)), _less(self._places(was), self._places(now))
        return [*elements("delete", table, self.verdicts, goals), *_in_maps("delete", table, places)]

    def add(self, table: str, was: Leads, now: Leads) -> list[str]:
        """Put in what holds from now on."""
        goals, places = _less(self._goals(now), self._goals(was)), _less(self._places(now), self._places(was))
        led = (f"{key} : goto {chain}" for key, chain in goals.items())
        return [*_in_maps("add", table, places), *elements("add", table, self.verdicts, led)]

    def pieces(self, counts: Collection[int], some: Iterable[Target] = ()) -> Iterator[Piece]:
        """What targets of so many endpoints share, and those that only some clients may reach; needed ones first."""
        for number in range(max(counts, default=0)):
            yield Piece("map", self._map(number), (f"type {self.declared} : ipv4_addr . inet_service;",))
            translate = f"dnat ip addr . port to {self.key} map @{self._map(number)}"
            yield Piece("chain", self._to(number), (f"meta l4proto {{ tcp, udp, sctp }} {translate}",))
        for count in sorted(counts):
            if count > 1:
                choices = ", ".join(f"{index} : goto {self._to(index)}" for index in range(count))
                yield Piece("chain", self._random(count), (f"numgen random mod {count} vmap {{ {choices} }}",))
        for target in some:
            if target.sources:
                clients = ", ".join(target.sources)
                yield Piece("chain", self._goal(target), (f"ip saddr {{ {clients} }} goto {self._choice(target)}",))

    def _map(self, number: int) -> str:
        return f"{self.prefix}endpoint-{number}"

    def _to(self, number: int) -> str:
        return f"{self.prefix}to-{number}"

    def _random(self, count: int) -> str:
        return f"{self.prefix}random-{count}" if count > 1 else self._to(0)

    def _choice(self, target: Target) -> str:
        """The chain that chooses one of its endpoints."""
        if target.affinity:
            return nft_affinity.choice(target.affinity, target.backends)
        return self._random(len(target.backends))

    def _goal(self, target: Target) -> str:
        """The chain that a key leads to."""
        chain = self._choice(target)
        if not target.sources:
            return chain
        return "src-" + hashlib.sha256(" ".join((chain, *target.sources)).encode()).hexdigest()[:16]

    def _goals(self, leads: Leads) -> dict[str, str]:
        return {key: self._goal(target) for key, target in leads.items()}

    def _places(self, leads: Leads) -> dict[tuple[str, str], str]:
        return {
            (self._map(number), key): f"{ip} . {port}"
            for key, target in leads.items()
            if target.shared
            for number, (ip, port) in enumerate(target.backends)
        }


ADDRESSES = Way("services", "", "ip daddr . meta l4proto . th dport", "ipv4_addr . inet_proto . inet_service")
EXTERNALS = Way("externals", "external-", ADDRESSES.key, ADDRESSES.declared)
DOORS = Way("doors", "door-", "meta l4proto . th dport", "inet_proto . inet_service")


def _in_maps(verb: str, table: str, places: Mapping[tuple[str, str], str]) -> list[str]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for (name, key), place in places.items():
        found[name].append(f"{key} : {place}" if verb == "add" else key)
    return [line for name, texts in found.items() for line in elements(verb, table, name, texts)]


def _less(some: Mapping[K, str], others: Mapping[K, str]) -> dict[K, str]:
    """What is in one and is not so in the other, in order."""
    return {key: some[key] for key in sorted(some) if others.get(key) != some[key]}
