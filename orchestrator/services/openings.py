"""What lets the host's ports lead to pods, and namespaces to each other: two things that are not ours alone.

The engine drops what is forwarded to its bridges and was not published by itself; no other table can overrule that.
So connections that were translated are admitted in its chain DOCKER-USER, which is made for others' rules: below those
that are there, for an administrator's word counts more than ours.  So is, where namespaces are not kept apart, what
goes from one of our bridges to another; from Docker 28.0 on the engine drops that in the table raw already, where no
chain is made for others (https://github.com/moby/moby/pull/49325): there ours come just before the engine's.  And a
packet from 127.0.0.1 may only leave by a bridge that has `route_localnet`; what that opens the other way is shut in our
table (chain guard).
"""

import asyncio
import logging
import shlex
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.services.commands import run

log = logging.getLogger(__name__)

_SETTINGS = Path("/proc/sys/net/ipv4/conf")
_IPTABLES = ("iptables", "-w", "10")
_RESTORE = ("iptables-restore", "-w", "10", "--noflush")
_ATTEMPTS = 3

Rule = list[str]


@dataclass(frozen=True)
class Chain:
    """A chain that is not ours; our rules come before the first of which it is said that it `ends` the chain."""

    table: str
    name: str
    ends: Callable[[Rule], bool]

    def place(self, rules: list[Rule]) -> int:
        """How many rules there are before the one that ends it."""
        return next((index for index, rule in enumerate(rules) if self.ends(rule)), len(rules))


FORWARDED = Chain("filter", "DOCKER-USER", lambda rule: rule == ["-j", "RETURN"])
ARRIVING = Chain("raw", "PREROUTING", lambda rule: "!" in rule and rule[-2:] == ["-j", "DROP"])
"""Here the engine's rules are of the form "-d ADDRESS ! -i BRIDGE -j DROP"."""


class Openings:
    """One daemon's openings.  `trouble` says why other machines cannot be served, "" when they can."""

    def __init__(self, mark: str) -> None:
        """`mark` is the comment that tells our rules from others'."""
        self._mark = mark
        self._admitted: tuple[frozenset[str], Mapping[str, str]] | None = None
        self._lock = asyncio.Lock()
        self.trouble = ""

    def shut(self, bridges: Iterable[str]) -> None:
        """Nothing from 127.0.0.1 leaves by these bridges any more; before the table lets go of them."""
        for bridge in bridges:
            _set_route_localnet(bridge, "0")

    async def open(self, bridges: Collection[str], joined: Mapping[str, str] | None = None) -> None:
        """Let connections in to exactly these, and from each of `joined` to the others; after the table has them.

        `joined` has the addresses behind each bridge ("10.201.0.0/22").
        """
        for bridge in bridges:
            _set_route_localnet(bridge, "1")
        async with self._lock:
            wanted = frozenset(bridges), dict(joined or {})
            if self._admitted != wanted:
                await self._admit(*wanted)

    async def repair(self) -> None:
        """Put back what an engine that restarted, or a flush, took away."""
        async with self._lock:
            if self._admitted is not None and any(self._admitted):
                await self._admit(*self._admitted)

    async def _admit(self, bridges: frozenset[str], joined: Mapping[str, str]) -> None:
        trouble = ""
        for _ in range(_ATTEMPTS):
            try:
                await self._lead(bridges, joined)
            except OrchestratorError as error:  # or another daemon changed the chain between the two
                trouble = _why(error)
            else:
                trouble = ""
                break
        # What does not work now is tried again by `repair`.
        self._admitted = bridges, joined
        if trouble and joined and trouble != self.trouble:
            log.warning("namespaces cannot reach each other: %s", trouble)
        self._tell(trouble if bridges else "")

    async def _lead(self, bridges: frozenset[str], joined: Mapping[str, str]) -> None:
        listing = await _listed(FORWARDED)
        # Whatever kills us meanwhile: where something of ours is in the other chain, there is in this one too.
        if len(joined) < 2 and _joins(listing, self._mark):
            await self._lead_arriving(joined)
        await _apply(changes(listing, FORWARDED, self._mark, forwarded(bridges, joined, self._mark)))
        if len(joined) > 1:
            await self._lead_arriving(joined)

    async def _lead_arriving(self, joined: Mapping[str, str]) -> None:
        try:
            listing = await _listed(ARRIVING)
        except OrchestratorError as error:  # a kernel without that table: the engine has no rules there either
            log.debug("nothing to admit: %s", error)
            return
        await _apply(changes(listing, ARRIVING, self._mark, arriving(joined, self._mark)))

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("other machines cannot reach node ports: %s", trouble)
        self.trouble = trouble


async def _listed(chain: Chain) -> str:
    return await run(*_IPTABLES, "-t", chain.table, "-S", chain.name)


async def _apply(script: str) -> None:
    if script:
        await run(*_RESTORE, script=script)


def changes(listing: str, chain: Chain, mark: str, wanted: list[Rule]) -> str:
    """A script for iptables-restore(8) that leads from what a chain holds (`iptables -S`) to our `wanted` rules in it.

    "" when there is nothing to do.  Ours come after the rules of others, but before the one that ends the chain.
    """
    rules = _in(chain, listing)
    ours = [rule for rule in rules if _mark_of(rule) == mark]
    others = [rule for rule in rules if _mark_of(rule) != mark]
    if sorted(ours) == sorted(wanted) and all(rule in rules[: chain.place(rules)] for rule in ours):
        return ""
    place = chain.place(others)
    lines = [f"-D {chain.name} {' '.join(rule)}" for rule in ours]
    lines += [f"-I {chain.name} {place + index} {' '.join(rule)}" for index, rule in enumerate(wanted, 1)]
    return "\n".join([f"*{chain.table}", *lines, "COMMIT", ""])


def forwarded(bridges: Collection[str], joined: Collection[str], mark: str) -> list[Rule]:
    """What is admitted where the engine asks what may be forwarded."""
    wanted = [rule for bridge in sorted(bridges) for rule in _rules(bridge, mark)]
    return wanted + [_between(one, other, mark) for one, other in permutations(sorted(joined), 2)]


def arriving(joined: Mapping[str, str], mark: str) -> list[Rule]:
    """What is admitted where the engine looks by which bridge a packet for a container comes."""
    comment = ["-m", "comment", "--comment", mark, "-j", "ACCEPT"]
    return [["-d", joined[other], "-i", one, *comment] for one, other in permutations(sorted(joined), 2)]


def _in(chain: Chain, listing: str) -> list[Rule]:
    return [shlex.split(line)[2:] for line in listing.splitlines() if line.startswith(f"-A {chain.name} ")]


def _joins(listing: str, mark: str) -> bool:
    """Whether some of our bridges are joined in this chain."""
    return any(_mark_of(rule) == mark and {"-i", "-o"} <= {*rule} for rule in _in(FORWARDED, listing))


def _rules(bridge: str, mark: str) -> Iterable[Rule]:
    """In the form in which iptables prints them: a translated connection to the bridge, and its answers."""
    for way, direction in (("-o", "ORIGINAL"), ("-i", "REPLY")):
        state = ["-m", "conntrack", "--ctstate", "DNAT", "--ctdir", direction]
        yield [way, bridge, *state, "-m", "comment", "--comment", mark, "-j", "ACCEPT"]


def _between(one: str, other: str, mark: str) -> Rule:
    """In the form in which iptables prints it: from one bridge to the other."""
    return ["-i", one, "-o", other, "-m", "comment", "--comment", mark, "-j", "ACCEPT"]


def _mark_of(rule: Rule) -> str:
    return rule[rule.index("--comment") + 1] if "--comment" in rule else ""


def _why(error: OrchestratorError) -> str:
    if shutil.which("iptables") is None:
        return "iptables not found (Debian: apt install iptables), so the engine's own rules drop what comes from there"
    return f"the engine's chain {FORWARDED.name} cannot be used: {error}"


def _set_route_localnet(bridge: str, value: str) -> None:
    switch = _SETTINGS / bridge / "route_localnet"
    try:
        if switch.read_text().strip() != value:
            switch.write_text(value)
    except OSError as error:  # the bridge is not there yet, or went meanwhile
        log.debug("cannot set route_localnet of %s: %s", bridge, error)
