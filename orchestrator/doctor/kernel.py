"""The kernel and its rules: what carries Services, and what lets packets through."""

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.doctor.scene import Scene
from orchestrator.errors import OrchestratorError
from orchestrator.findings import Finding, error, ok, setting, warning
from orchestrator.services import health
from orchestrator.services.commands import run
from orchestrator.services.dataplane import choose_mode

VERSION, FORWARDING, BRIDGES, CONNTRACK = "kernel", "forwarding", "bridges", "conntrack"
_OLDEST = (5, 6)
"""nft sets that join an interface's name with a range of addresses came with it."""
_NET = Path("/proc/sys/net")
_SETTINGS = {
    "ip_forward": "ipv4/ip_forward",
    "bridged": "bridge/bridge-nf-call-iptables",
    "count": "netfilter/nf_conntrack_count",
    "most": "netfilter/nf_conntrack_max",
    "strict": "ipv4/conf/all/rp_filter",
}
_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Facts:
    """Settings by the names above, None where the kernel does not have one.

    `forward` are the rules of the chain FORWARD (`iptables -S`), None where they cannot be read; `uplinks` are the
    interfaces with a default route; `commands` which of the tools are there.
    """

    release: str
    settings: dict[str, int | None] = field(default_factory=dict)
    forward: tuple[str, ...] | None = None
    uplinks: frozenset[str] = frozenset()
    commands: frozenset[str] = frozenset()


async def check(scene: Scene) -> list[Finding]:
    """The rows of this file."""
    found = list(judge(await look(root=scene.root)))
    if scene.patient.daemon is None:
        found.append(health.mode_finding(*await choose_mode(scene.patient.engine_url)))
    return found


async def look(*, root: bool, net: Path = _NET) -> Facts:
    """Read the facts."""
    forward = None
    if root:
        try:
            forward = tuple((await run("iptables", "-w", "5", "-S", "FORWARD")).splitlines())
        except OrchestratorError:
            forward = None
    return Facts(
        release=platform.release(),
        settings={name: _number(net / path) for name, path in _SETTINGS.items()},
        forward=forward,
        uplinks=_uplinks(),
        commands=frozenset(tool for tool in ("iptables", "conntrack") if shutil.which(tool)),
    )


def judge(facts: Facts) -> Iterator[Finding]:
    """Say how each is."""
    number = tuple(int(part) for part in facts.release.split("-")[0].split(".")[:2] if part.isdigit())
    if number < _OLDEST:
        yield warning(
            VERSION, f"Linux {facts.release}: Services in the kernel need 5.6 or newer", "sudo apt full-upgrade"
        )
    else:
        yield ok(VERSION, f"Linux {facts.release}")
    yield from _forwarding(facts)
    yield from _bridges(facts)
    yield from _conntrack(facts)


def _forwarding(facts: Facts) -> Iterator[Finding]:
    if facts.settings.get("ip_forward") == 0:
        yield error(FORWARDING, "it is off: pods reach nothing beyond their network", setting("net.ipv4.ip_forward", 1))
        return
    if "iptables" not in facts.commands:
        text = "iptables is not installed: other machines cannot reach node ports"
        yield warning(FORWARDING, text, "sudo apt install iptables")
    elif facts.forward is not None and not any("DOCKER-USER" in rule for rule in facts.forward):
        policy = facts.forward[0].rpartition(" ")[2] if facts.forward else "unknown"
        text = f"the engine's chain DOCKER-USER is not in FORWARD (policy {policy}): someone flushed the engine's rules"
        yield warning(FORWARDING, text, "sudo systemctl restart docker")
    else:
        chain = "" if facts.forward is None else ", and the engine's chain for others' rules is there"
        yield ok(FORWARDING, f"packets are forwarded{chain}")
    if facts.settings.get("strict") == 1 and len(facts.uplinks) > 1:
        text = f"rp_filter is strict, and there are {len(facts.uplinks)} ways out: answers may be dropped"
        yield warning(FORWARDING, text, setting("net.ipv4.conf.all.rp_filter", 2))


def _bridges(facts: Facts) -> Iterator[Finding]:
    bridged = facts.settings.get("bridged")
    if bridged == 1:
        yield ok(BRIDGES, "packets between pods pass the kernel's rules")
        return
    seen = "of a Service's clients pods see the gateway's address"
    if bridged is None:
        text = f"br_netfilter is not loaded: {seen}, and no NetworkPolicy holds inside a namespace"
        yield warning(BRIDGES, text, health.LOAD_BR_NETFILTER)
    else:
        mend = setting("net.bridge.bridge-nf-call-iptables", 1)
        yield warning(BRIDGES, f"bridge-nf-call-iptables is 0: {seen}", mend)


def _conntrack(facts: Facts) -> Iterator[Finding]:
    count, most = facts.settings.get("count"), facts.settings.get("most")
    if count is not None and most and count > most * _FULL:
        text = f"{count} of {most} connections are tracked: beyond them new ones are dropped"
        yield error(CONNTRACK, text, setting("net.netfilter.nf_conntrack_max", 2 * most))
    if "conntrack" not in facts.commands:
        text = "the tool is not installed: a client of a UDP Service may stay with a pod that is gone"
        yield warning(CONNTRACK, text, "sudo apt install conntrack")
    elif count is not None and most and count <= most * _FULL:
        yield ok(CONNTRACK, f"{count} of {most} connections are tracked")


def _uplinks() -> frozenset[str]:
    """The interfaces with a default route (proc(5), /proc/net/route)."""
    routes = (line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:])
    return frozenset(words[0] for words in routes if words[1] == words[7] == "00000000")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
