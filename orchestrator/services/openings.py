"""What lets the host's ports lead to pods, and namespaces to each other: two things that are not ours alone.

The engine drops what is forwarded to its bridges and was not published by itself; no other table can overrule that.
So connections that were translated are admitted in its chain DOCKER-USER, which is made for others' rules: below those
that are there, for an administrator's word counts more than ours.  So is, where namespaces are not kept apart, what
goes from one of our bridges to another.  And a packet from 127.0.0.1 may only leave by a
bridge that has `route_localnet`; what that opens the other way is shut in our table (chain guard).
"""

import asyncio
import logging
import shlex
import shutil
from collections.abc import Collection, Iterable
from itertools import permutations
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.services.commands import run

log = logging.getLogger(__name__)

_CHAIN = "DOCKER-USER"
_SETTINGS = Path("/proc/sys/net/ipv4/conf")
_IPTABLES = ("iptables", "-w", "10")
_RESTORE = ("iptables-restore", "-w", "10", "--noflush")
_ATTEMPTS = 3

Rule = list[str]


class Openings:
    """One daemon's openings.  `trouble` says why other machines cannot be served, "" when they can."""

    def __init__(self, mark: str) -> None:
        """`mark` is the comment that tells our rules from others'."""
        self._mark = mark
        self._admitted: tuple[frozenset[str], frozenset[str]] | None = None
        self._lock = asyncio.Lock()
        self.trouble = ""

    def shut(self, bridges: Iterable[str]) -> None:
        """Nothing from 127.0.0.1 leaves by these bridges any more; before the table lets go of them."""
        for bridge in bridges:
            _set_route_localnet(bridge, "0")

    async def open(self, bridges: Collection[str], joined: Collection[str] = ()) -> None:
        """Let connections in to exactly these, and from each of `joined` to the others; after the table has them."""
        for bridge in bridges:
            _set_route_localnet(bridge, "1")
        async with self._lock:
            wanted = frozenset(bridges), frozenset(joined)
            if self._admitted != wanted:
                await self._admit(*wanted)

    async def repair(self) -> None:
        """Put back what an engine that restarted, or a flush, took away."""
        async with self._lock:
            if self._admitted is not None and any(self._admitted):
                await self._admit(*self._admitted)

    async def _admit(self, bridges: frozenset[str], joined: frozenset[str]) -> None:
        trouble = ""
        for _ in range(_ATTEMPTS):
            try:
                script = admissions(await run(*_IPTABLES, "-S", _CHAIN), self._mark, bridges, joined)
                if script:
                    await run(*_RESTORE, script=script)
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

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("other machines cannot reach node ports: %s", trouble)
        self.trouble = trouble


def admissions(listing: str, mark: str, bridges: Collection[str], joined: Collection[str] = ()) -> str:
    """A script for iptables-restore(8) that leads from what the chain holds (`iptables -S`) to what it should.

    "" when there is nothing to do.  Ours come after the rules of others, but before the engine's last one (RETURN).
    """
    rules = [shlex.split(line)[2:] for line in listing.splitlines() if line.startswith(f"-A {_CHAIN} ")]
    ours = [rule for rule in rules if _mark_of(rule) == mark]
    others = [rule for rule in rules if _mark_of(rule) != mark]
    wanted = [rule for bridge in sorted(bridges) for rule in _rules(bridge, mark)]
    wanted += [_between(one, other, mark) for one, other in permutations(sorted(joined), 2)]
    if sorted(ours) == sorted(wanted) and all(rule in rules[: _end(rules)] for rule in ours):
        return ""
    place = _end(others)
    lines = [f"-D {_CHAIN} {' '.join(rule)}" for rule in ours]
    lines += [f"-I {_CHAIN} {place + index} {' '.join(rule)}" for index, rule in enumerate(wanted, 1)]
    return "\n".join(["*filter", *lines, "COMMIT", ""])


def _end(rules: list[Rule]) -> int:
    """How many rules there are before the one that ends the chain."""
    return next((index for index, rule in enumerate(rules) if rule == ["-j", "RETURN"]), len(rules))


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
    return f"the engine's chain {_CHAIN} cannot be used: {error}"


def _set_route_localnet(bridge: str, value: str) -> None:
    switch = _SETTINGS / bridge / "route_localnet"
    try:
        if switch.read_text().strip() != value:
            switch.write_text(value)
    except OSError as error:  # the bridge is not there yet, or went meanwhile
        log.debug("cannot set route_localnet of %s: %s", bridge, error)
