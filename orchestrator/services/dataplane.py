"""Brings the rules into the kernel, through nft(8) and ip(8), and takes them out again.

Where that cannot be (no root, no nft, an engine on another machine), Services are served by name alone: mode NAMES.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.services import nft, nft_affinity, policy_rules
from orchestrator.services.commands import run
from orchestrator.services.flows import forget_flows
from orchestrator.services.nft_watch import TableWatch
from orchestrator.services.openings import Openings
from orchestrator.services.subnets import Subnet

log = logging.getLogger(__name__)

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
    trial = nft.Ruleset(frozenset({nft.Network("trial", "192.0.2.0/28", "192.0.2.16/28")}), {})
    try:
        await run("nft", "-c", "-f", "-", script=nft.load("orchestrator-trial", trial))
    except OrchestratorError as error:
        return Mode.NAMES, str(error)
    return Mode.KERNEL, ""


async def settle_mode(asked: str, engine_url: str, *, isolated: bool) -> tuple[Mode, str]:
    """As `choose_mode`, where the settings leave the choice ("auto"); what falls short is told in the log."""
    mode, why = Mode.NAMES, "--service-mode names asks for it"
    if asked == "auto":
        mode, why = await choose_mode(engine_url)
    if mode is Mode.NAMES:
        log.warning("Services are served by name only: %s", why)
        if not isolated:
            log.warning("namespaces cannot reach each other: the engine keeps them apart, and %s", why)
    return mode, why


class DataPlane:
    """One daemon's rules in this host's kernel.  In mode NAMES every method does nothing."""

    def __init__(self, instance: str, mode: Mode, *, isolated: bool = True) -> None:
        """`isolated`: the pods of a network do not reach those of others, nor their Services."""
        self.mode = mode
        self.isolated = isolated
        self._table = nft.table_name(instance)
        self._loaded: nft.Ruleset | None = None
        self._absent = False
        self._openings = Openings(self._table)
        self._lock = asyncio.Lock()
        self._watch = TableWatch(self._table)
        self._hairpins: dict[str, frozenset[str]] = {}

    @property
    def trouble(self) -> str:
        """Why other machines cannot reach the host's ports of Services; "" when they can, or there is none."""
        return self._openings.trouble

    @property
    def policies_trouble(self) -> str:
        """Why network policies do not hold here, or not all of them; "" when they do."""
        if self.mode is Mode.NAMES:
            return "nothing here can change the kernel's rules: pods reach each other as if it were not there"
        if not _BRIDGED_SEEN.exists():
            return (
                "packets between pods of one namespace do not pass the kernel's rules, and only what comes by a "
                "Service or from elsewhere is held to it: modprobe br_netfilter"
            )
        return ""

    async def attach(self, subnet: Subnet) -> None:
        """Make the host the owner of the network's Service addresses, so that no packet for one can leave it."""
        if self.mode is Mode.KERNEL:
            # With this route the host answers ARP for every such address; nft takes what arrives from there.
            # The host's own connections come from the gateway, which a pod can answer: they need no masquerade.
            route = ("local", str(subnet.services), "dev", subnet.bridge, "table", "local")
            await run("ip", "route", "replace", *route, "src", str(subnet.gateway))

    def attached(self, subnet: Subnet) -> bool:
        """Whether the network's bridge is there (a cheap look; the answer in mode NAMES is always yes)."""
        return self.mode is Mode.NAMES or (_INTERFACES / subnet.bridge).exists()

    async def apply(
        self,
        networks: Iterable[nft.Network],
        targets: Mapping[str, nft.Targets],
        doors: Mapping[nft.HostPort, nft.Door] | None = None,
        others: Iterable[str] = (),
        policies: policy_rules.PolicyRules = policy_rules.NO_POLICIES,
    ) -> None:
        """Make the kernel's rules exactly these, in one transaction; OrchestratorError when it refuses.

        The first call replaces whatever an earlier daemon left; no networks and no isolated pods mean no table.  Old
        connections stay; new ones follow the new rules.  `targets` are by the Service's address; `doors` are the host's
        ports that Services have, served or not; `others` are our bridges behind which there is no Service; `policies`
        isolate pods behind any of them.
        """
        if self.mode is Mode.NAMES:
            return
        async with self._lock:
            served = {
                port: door for port, door in (doors or {}).items() if door.address in targets.get(door.address.ip, ())
            }
            unserved = frozenset(port for port in doors or () if port.ip and port not in served)
            rules = nft.Ruleset(
                frozenset(networks), targets, _bridged_seen(), served, policies, self.isolated, unserved
            )
            bridges, others = {network.bridge for network in rules.networks}, tuple(others)
            self._openings.shut([*others, *([] if doors else bridges)])
            if policies and not rules.bridged_seen:
                for bridge in (*bridges, *others):
                    _show_bridged(bridge)
            if rules.networks or policies:
                for bridge in bridges:
                    self._let_pods_reach_themselves(bridge)
                await self._load(rules)
            else:
                await self._remove_table()
            joined = {} if self.isolated else {network.bridge: network.subnet for network in rules.networks}
            await self._openings.open(bridges if doors else (), joined)

    async def _load(self, rules: nft.Ruleset) -> None:
        before = self._loaded
        clients = await self._clients() if rules.sticky and nft.anew(before, rules) else {}
        script = nft.change(self._table, before, rules, clients)
        if not script:
            return
        # Until it is known to have worked, nothing is known of the table; the next call loads it whole.
        self._loaded, self._absent = None, False
        with self._watch.own_change():
            await run("nft", "-f", "-", script=script)
        self._loaded = rules
        if before is not None:
            await forget_flows(before, rules)

    async def _clients(self) -> nft_affinity.Clients:
        """Who stays with which endpoint by the table that is there: an earlier daemon's, or our own."""
        try:
            return nft_affinity.clients(await run("nft", "-j", "list", "sets", "table", "ip", self._table))
        except OrchestratorError as error:  # there is none, or an nft without JSON
            log.debug("nobody stays with an endpoint: %s", error)
            return {}

    def watched(self) -> AbstractContextManager[None]:
        """Follow meanwhile who changes the table."""
        return self._watch.listening() if self.mode is Mode.KERNEL else nullcontext()

    async def touched(self) -> None:
        """Wait until somebody else has changed the table, as far as the kernel tells; then `check`."""
        await self._watch.by_others.wait()

    async def check(self) -> bool:
        """Whether the table is there, as we left it; if somebody changed it, the next `apply` loads it whole."""
        if self.mode is Mode.NAMES or self._loaded is None:
            return True
        self._hairpins.clear()
        await self._openings.repair()
        async with self._lock:
            try:
                await run("nft", "list", "chain", "ip", self._table, "prerouting")
            except OrchestratorError:
                self._loaded = None
            if self._watch.by_others.is_set():
                self._watch.by_others.clear()
                self._loaded = None
        return self._loaded is not None

    async def clean(self, subnets: Iterable[Subnet] = ()) -> None:
        """Remove the table, and the routes of these networks.  Safe to call again, or without anything there."""
        if self.mode is Mode.NAMES:
            return
        async with self._lock:
            subnets = list(subnets)
            self._openings.shut(subnet.bridge for subnet in subnets)
            await self._remove_table()
            await self._openings.open(())
            for subnet in subnets:
                if (_INTERFACES / subnet.bridge).exists():
                    route = ("local", str(subnet.services), "dev", subnet.bridge, "table", "local")
                    try:
                        await run("ip", "route", "del", *route)
                    except OrchestratorError as error:
                        log.debug("%s", error)

    def _let_pods_reach_themselves(self, bridge: str) -> None:
        """Hairpin mode on each port: a packet that was sent back to its pod leaves by the port it came in by."""
        try:
            ports = frozenset(path.name for path in (_INTERFACES / bridge / "brif").iterdir())
        except OSError as error:  # the bridge is not there yet, or went meanwhile
            log.debug("cannot see the ports of %s: %s", bridge, error)
            ports = frozenset()
        for port in ports - self._hairpins.get(bridge, frozenset()):
            _set_hairpin_mode(_INTERFACES / bridge / "brif" / port)
        self._hairpins[bridge] = ports

    async def _remove_table(self) -> None:
        if not self._absent:
            self._loaded = None
            with self._watch.own_change():
                await run("nft", "-f", "-", script=nft.delete(self._table))
            self._absent = True


def _bridged_seen() -> bool:
    try:
        return _BRIDGED_SEEN.read_text().strip() == "1"
    except OSError:
        return False


def _set_hairpin_mode(port: Path) -> None:
    switch = port / "hairpin_mode"
    try:
        if switch.read_text().strip() != "1":
            switch.write_text("1")
    except OSError as error:  # the pod went meanwhile
        log.debug("cannot switch hairpin mode on for %s: %s", port.name, error)


def _show_bridged(bridge: str) -> None:
    """Have what goes from port to port of this bridge pass nft, though the host does not want that of all bridges."""
    switch = _INTERFACES / bridge / "bridge" / "nf_call_iptables"
    try:
        if switch.read_text().strip() != "1":
            switch.write_text("1")
    except OSError as error:  # the bridge is not there yet, or went meanwhile
        log.debug("cannot have packets between the ports of %s shown: %s", bridge, error)
