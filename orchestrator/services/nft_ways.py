"""The text of the ways to pods: by a Service's address, by one of its externalIPs, by a port of the host.  Pure.

All Services share a few chains, and a map for each place in the line of endpoints (here "10.201.2.40 . tcp . 80" is the
second of three that lead to three endpoints each):

    @services   key : goto random-3          nobody is there without an element
    random-3    one of to-0, to-1, to-2      by-client-3 with sessionAffinity; a single endpoint is to-0 at once
    to-1        dnat to @endpoint-1
    @endpoint-1 key : 10.201.0.7 . 8080

A Service is elements only, no chain and no set of its own: nft(8) lists all chains and sets before each change, and the
kernel looks through all rules after it, so with those every change would cost more the more Services there are.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

K = TypeVar("K", str, tuple[str, str])

Shape = tuple[bool, int]
"""How one of several endpoints is chosen (by the client's address, or at random), and among how many."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a key leads: endpoints as (ip, port), at random or, `sticky`, by the client's address.

    With `sources`, networks such as "192.0.2.0/24", only their clients may come in.
    """

    backends: tuple[tuple[str, int], ...]
    sticky: bool = False
    sources: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """How one of the endpoints is chosen."""
        return self.sticky, len(self.backends)


Leads = Mapping[str, Target]
"""Where keys lead, as they stand in the maps ("10.201.2.40 . tcp . 80")."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chain with its rule, or a map: what Services share."""

    kind: Literal["chain", "map"]
    name: str
    content: str

    def add(self, table: str) -> list[str]:
        """The commands that make it."""
        if self.kind == "map":
            return [f"add map ip {table} {self.name} {{ {self.content} }}"]
        return [f"add chain ip {table} {self.name}", f"add rule ip {table} {self.name} {self.content}"]


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

    def pieces(self, shapes: Collection[Shape], some: Iterable[Target] = ()) -> Iterator[Piece]:
        """What targets of these shapes share, and those that only some clients may reach; needed ones first."""
        for number in range(max((count for _, count in shapes), default=0)):
            yield Piece("map", self._map(number), f"type {self.declared} : ipv4_addr . inet_service;")
            translate = f"dnat ip addr . port to {self.key} map @{self._map(number)}"
            yield Piece("chain", self._to(number), f"meta l4proto {{ tcp, udp, sctp }} {translate}")
        for sticky, count in sorted(shapes):
            if count > 1:
                which = f"jhash ip saddr mod {count}" if sticky else f"numgen random mod {count}"
                choices = ", ".join(f"{index} : goto {self._to(index)}" for index in range(count))
                yield Piece("chain", self._choice((sticky, count)), f"{which} vmap {{ {choices} }}")
        for target in some:
            if target.sources:
                clients = ", ".join(target.sources)
                yield Piece("chain", self._goal(target), f"ip saddr {{ {clients} }} goto {self._choice(target.shape)}")

    def _map(self, number: int) -> str:
        return f"{self.prefix}endpoint-{number}"

    def _to(self, number: int) -> str:
        return f"{self.prefix}to-{number}"

    def _choice(self, shape: Shape) -> str:
        sticky, count = shape
        return f"{self.prefix}{'by-client' if sticky else 'random'}-{count}" if count > 1 else self._to(0)

    def _goal(self, target: Target) -> str:
        """The chain that a key leads to."""
        chain = self._choice(target.shape)
        if not target.sources:
            return chain
        return "src-" + hashlib.sha256(" ".join((chain, *target.sources)).encode()).hexdigest()[:16]

    def _goals(self, leads: Leads) -> dict[str, str]:
        return {key: self._goal(target) for key, target in leads.items()}

    def _places(self, leads: Leads) -> dict[tuple[str, str], str]:
        return {
            (self._map(number), key): f"{ip} . {port}"
            for key, target in leads.items()
            for number, (ip, port) in enumerate(target.backends)
        }


ADDRESSES = Way("services", "", "ip daddr . meta l4proto . th dport", "ipv4_addr . inet_proto . inet_service")
EXTERNALS = Way("externals", "external-", ADDRESSES.key, ADDRESSES.declared)
DOORS = Way("doors", "door-", "meta l4proto . th dport", "inet_proto . inet_service")


def remove_pieces(table: str, was: Iterable[Piece], now: Collection[Piece]) -> list[str]:
    """Remove what nothing leads to any more."""
    return [f"delete {piece.kind} ip {table} {piece.name}" for piece in reversed(list(was)) if piece not in now]


def add_pieces(table: str, was: Collection[Piece], now: Iterable[Piece]) -> list[str]:
    """Make what something leads to for the first time."""
    return [line for piece in now if piece not in was for line in piece.add(table)]


def elements(verb: str, table: str, name: str, texts: Iterable[str]) -> list[str]:
    """The command for these elements of a map or set; none for none."""
    text = ", ".join(texts)
    return [f"{verb} element ip {table} {name} {{ {text} }}"] if text else []


def _in_maps(verb: str, table: str, places: Mapping[tuple[str, str], str]) -> list[str]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for (name, key), place in places.items():
        found[name].append(f"{key} : {place}" if verb == "add" else key)
    return [line for name, texts in found.items() for line in elements(verb, table, name, texts)]


def _less(some: Mapping[K, str], others: Mapping[K, str]) -> dict[K, str]:
    """What is in one and is not so in the other, in order."""
    return {key: some[key] for key in sorted(some) if others.get(key) != some[key]}
