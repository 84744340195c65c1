"""Brings the rules into the kernel, through nft(8) and ip(8), and takes them out again.

Where that cannot be (no root, no nft, an engine on another machine), Services are served by name alone: mode NAMES.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.services import nft
from orchestrator.services.subnets import Subnet

log = logging.getLogger(__name__)

SECONDS = 20.0
_INTERFACES = Path("/sys/class/net")
_BRIDGED_SEEN = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


class Mode(StrEnum):
    """How Services are carried: virtual addresses in the kernel, or names that lead to pods."""

    KERNEL = "kernel"
    NAMES = "names"


async def choose_mode(engine_url: str) -> tuple[Mode, str]:
    """What this process can do here, and why not more ("" when all is well)."""
    if not engine_url.startswith("unix://"):
        return Mode.NAMES, f"the engine at {engine_url} may be another machine"
    if os.geteuid() != 0:
        return Mode.NAMES, "only root may change the kernel's rules"
    missing = [tool for tool in ("nft", "ip") if shutil.which(tool) is None]
    if missing:
        return Mode.NAMES, f"{' and '.join(missing)} not found (Debian: apt install nftables iproute2)"
    trial = nft.Ruleset(frozenset({nft.Network("trial", "192.0.2.0/28")}), {})
    try:
        await _run("nft", "-c", "-f", "-", script=nft.load("orchestrator-trial", trial))
    except OrchestratorError as error:
        return Mode.NAMES, str(error)
    return Mode.KERNEL, ""


class DataPlane:
    """One daemon's rules in this host's kernel.  In mode NAMES every method does nothing."""

    def __init__(self, instance: str, mode: Mode) -> None:
        self.mode = mode
        self._table = nft.table_name(instance)
        self._loaded: nft.Ruleset | None = None
        self._absent = False
        self._lock = asyncio.Lock()

    async def attach(self, subnet: Subnet) -> None:
        """Make the host the owner of the network's Service addresses, so that no packet for one can leave it."""
        if self.mode is Mode.KERNEL:
            # With this route the host answers ARP for every such address; nft takes what arrives from there.
            await _run("ip", "route", "replace", "local", str(subnet.services), "dev", subnet.bridge, "table", "local")

    def attached(self, subnet: Subnet) -> bool:
        """Whether the network's bridge is there (a cheap look; the answer in mode NAMES is always yes)."""
        return self.mode is Mode.NAMES or (_INTERFACES / subnet.bridge).exists()

    async def apply(self, networks: Iterable[nft.Network], targets: dict[nft.Address, nft.Target]) -> None:
        """Make the kernel's rules exactly these, in one transaction; OrchestratorError when it refuses.

        The first call replaces whatever an earlier daemon left, and no networks at all means no table.  Old connections
        stay; new ones follow the new rules.
        """
        if self.mode is Mode.NAMES:
            return
        async with self._lock:
            rules = nft.Ruleset(frozenset(networks), targets, _bridged_seen())
            if not rules.networks:
                await self._remove_table()
                return
            for network in rules.networks:
                _let_pods_reach_themselves(network.bridge)
            before = self._loaded
            script = nft.load(self._table, rules) if before is None else nft.change(self._table, before, rules)
            if not script:
                return
            # Until it is known to have worked, nothing is known of the table; the next call loads it whole.
            self._loaded, self._absent = None, False
            await _run("nft", "-f", "-", script=script)
            self._loaded = rules
            if before is not None:
                await _forget_flows(before, rules)

    async def check(self) -> bool:
        """Whether the table is still there; if someone flushed it, the next `apply` loads it whole."""
        if self.mode is Mode.NAMES or self._loaded is None:
            return True
        async with self._lock:
            try:
                await _run("nft", "list", "chain", "ip", self._table, "prerouting")
            except OrchestratorError:
                self._loaded = None
        return self._loaded is not None

    async def clean(self, subnets: Iterable[Subnet] = ()) -> None:
        """Remove the table, and the routes of these networks.  Safe to call again, or without anything there."""
        if self.mode is Mode.NAMES:
            return
        async with self._lock:
            await self._remove_table()
            for subnet in subnets:
                if (_INTERFACES / subnet.bridge).exists():
                    route = ("local", str(subnet.services), "dev", subnet.bridge, "table", "local")
                    try:
                        await _run("ip", "route", "del", *route)
                    except OrchestratorError as error:
                        log.debug("%s", error)

    async def _remove_table(self) -> None:
        if not self._absent:
            self._loaded = None
            await _run("nft", "-f", "-", script=nft.delete(self._table))
            self._absent = True


def _bridged_seen() -> bool:
    try:
        return _BRIDGED_SEEN.read_text().strip() == "1"
    except OSError:
        return False


def _let_pods_reach_themselves(bridge: str) -> None:
    """Hairpin mode on each port: a packet that was sent back to the pod it came from leaves by the port it came in."""
    for port in (_INTERFACES / bridge / "brif").glob("*"):
        switch = port / "hairpin_mode"
        try:
            if switch.read_text().strip() != "1":
                switch.write_text("1")
        except OSError as error:  # the pod went meanwhile
            log.debug("cannot switch hairpin mode on for %s: %s", port.name, error)


async def _forget_flows(before: nft.Ruleset, after: nft.Ruleset) -> None:
    """UDP has no end of a connection: the kernel would go on sending to an endpoint that is gone."""
    if shutil.which("conntrack") is None:
        return
    for key, target in before.targets.items():
        if key.protocol != "udp":
            continue
        kept = after.targets[key].backends if key in after.targets else ()
        for ip in {ip for ip, _ in set(target.backends) - set(kept)}:
            flow = ("-p", "udp", "--orig-dst", key.ip, "--dport", str(key.port), "--reply-src", ip)
            try:
                await _run("conntrack", "-D", *flow)
            except OrchestratorError as error:  # its way to say that there was none
                log.debug("%s", error)


async def _run(*argv: str, script: str = "") -> str:
    """Run a command of the host to its end; OrchestratorError with its own words when it fails or takes too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise OrchestratorError(f"cannot run {argv[0]}: {error}") from error
    try:
        async with asyncio.timeout(SECONDS):
            output, errors = await process.communicate(script.encode())
    except TimeoutError as error:
        raise OrchestratorError(f"cannot run {argv[0]}: it did not end within {SECONDS:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = errors.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
        raise OrchestratorError(f"cannot run {' '.join(argv)}: {words[0]}")
    return output.decode(errors="replace")
