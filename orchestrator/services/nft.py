"""The text of the kernel's rules.  Pure: what should hold in, nft(8) script out.

One table for each daemon.  A packet to a Service's address takes this way:

    prerouting (from a pod of the same network)  -+-> @services: address . protocol . port -> a chain that chooses one
    output     (from the host)                   -+   of so many ready endpoints (nft_ways.py)
                                                  '-> nothing there: stays as it is ("dnat to ip daddr", which keeps the
                                                      engine's own rules for published ports away from it) and meets
    input      refuse: TCP reset, ICMP port unreachable.  A server of the host on 0.0.0.0 is never reached by mistake.
    postrouting  masquerade only where the answer would go astray: from such an address (a program of the host may bind
                 to it; all others come from the gateway, by the route), a pod that reaches itself, and everything where
                 the kernel does not show bridged packets to nft.

and a packet to a port of the host, at whatever address of it:

    host-ports-in, -out   @doors: protocol . port -> such a chain too, by way of src-... where only some clients may.
                          Nothing there: the host answers by itself.  Before it, for external addresses: @externals, as
                          @services; what is in @unserved instead is refused, wherever it would go (unserved-...).
    postrouting           masquerade pods, whose answers would go past us, and 127.0.0.1; all others keep their address.
    guard                 for 127.0.0.1 bridges have route_localnet: no pod reaches the host's own loopback by it.

Where namespaces are not kept apart, a pod of any network of ours may ask for a Service, and between our networks
nothing is masqueraded: the engine would hide who asks.

The chains of our tables run before the engine's (-110 before -100), and those for the host's ports (-105) after those
of every daemon of this host that may own the address as a Service's.  What network policies let through is asked after
all translation (`policy_rules`).  A change is one transaction that touches only what differs, so connections and other
Services are left alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import ip_network
from types import MappingProxyType
from typing import Literal

from orchestrator.services import nft_affinity, policy_rules
from orchestrator.services.nft_affinity import Affinity, Clients
from orchestrator.services.nft_pieces import Piece, add_pieces, elements, remove_pieces
from orchestrator.services.nft_ways import ADDRESSES, DOORS, EXTERNALS, Leads, Target

__all__ = [
    "Address",
    "Affinity",
    "Door",
    "HostPort",
    "Network",
    "Ports",
    "Protocol",
    "Ruleset",
    "Target",
    "Targets",
    "anew",
    "change",
    "delete",
    "load",
    "moved",
    "table_name",
]

Protocol = Literal["tcp", "udp", "sctp"]


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """What a client asks for: a Service's address and port."""

    ip: str
    protocol: Protocol
    port: int

    @property
    def element(self) -> str:
        """Its key in the verdict map."""
        return f"{self.ip} . {self.protocol} . {self.port}"


@dataclass(frozen=True, slots=True, order=True)
class HostPort:
    """A port of the host at all of its addresses, or a port at one address (`ip`), be it the host's or not."""

    protocol: Protocol
    number: int
    ip: str = ""

    @property
    def element(self) -> str:
        """Its key in the verdict map."""
        return " . ".join(filter(None, (self.ip, self.protocol, str(self.number))))


@dataclass(frozen=True, slots=True, order=True)
class Door:
    """Where a port of the host leads, and for whom: networks of clients ("192.0.2.0/24"), none for everybody."""

    address: Address
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """A bridge, and the addresses behind it of Services ("10.201.2.0/23") and of pods ("10.201.0.0/23")."""

    bridge: str
    services: str
    pods: str

    @property
    def subnet(self) -> str:
        """All addresses behind it: those are its two halves."""
        return str(ip_network(self.pods).supernet())


class Targets(dict[Address, Target]):
    """Where the ports of one Service's address lead.  Not to be changed once it is made."""

    @cached_property
    def counts(self) -> frozenset[int]:
        """How many endpoints there are, where all Services share what chooses one."""
        return frozenset(target.shared for target in self.values() if target.shared)

    @cached_property
    def own(self) -> tuple[Piece, ...]:
        """What these ports do not share."""
        return tuple(piece for target in self.values() for piece in target.own())


@dataclass(frozen=True)
class Ruleset:
    """All that should hold.

    `targets` has, by a Service's address, those of its ports that have at least one endpoint; `doors` lead to those
    alone.  What leads where it did is the same object as before: a change is found without comparing everything.
    """

    networks: frozenset[Network]
    targets: Mapping[str, Targets]
    bridged_seen: bool = True
    """Whether packets between ports of one bridge pass nft (bridge-nf-call-iptables)."""
    doors: Mapping[HostPort, Door] = field(default_factory=dict)
    policies: policy_rules.PolicyRules = policy_rules.NO_POLICIES
    isolated: bool = True
    """Whether a network's pods are kept away from the Services of others."""
    unserved: frozenset[HostPort] = frozenset()
    """Ports at external addresses that lead nowhere now."""

    @cached_property
    def pieces(self) -> Mapping[Piece, None]:
        """The chains, maps and sets that keys lead to, in the order of their making."""
        counts = set[int]().union(*(targets.counts for targets in self.targets.values()))
        doors, externals = self.behind_doors.values(), self.behind_externals.values()
        return dict.fromkeys(
            (
                *(piece for targets in self.targets.values() for piece in targets.own),
                *ADDRESSES.pieces(counts),
                *EXTERNALS.pieces({target.shared for target in externals}),
                *DOORS.pieces({target.shared for target in doors}, doors),
            ),
        )

    @property
    def sticky(self) -> bool:
        """Whether some clients stay with their endpoints."""
        return any(targets.own for targets in self.targets.values())

    @cached_property
    def behind_doors(self) -> Leads:
        """Where the host's ports lead."""
        return {port.element: self._behind(door) for port, door in self.doors.items() if not port.ip}

    @cached_property
    def behind_externals(self) -> Leads:
        """Where the ports at external addresses lead."""
        return {port.element: self._behind(door) for port, door in self.doors.items() if port.ip}

    def _behind(self, door: Door) -> Target:
        return replace(self.targets[door.address.ip][door.address], sources=door.sources)


Ports = Mapping[Address, Target]
"""Where ports lead, of whatever addresses."""


def moved(old: Ruleset, new: Ruleset) -> tuple[Ports, Ports]:
    """What leads somewhere else than before: the ports of those addresses as they were, and as they are."""
    before, after = old.targets, new.targets
    ips = [ip for ip, targets in after.items() if before.get(ip) is not targets]
    ips += before.keys() - after.keys()
    was = {key: target for ip in ips if ip in before for key, target in before[ip].items()}
    now = {key: target for ip in ips if ip in after for key, target in after[ip].items()}
    return was, now


def table_name(instance: str) -> str:
    """The table of one daemon."""
    return "orchestrator-" + re.sub(r"[^A-Za-z0-9_.-]", "_", instance)


def load(table: str, rules: Ruleset, clients: Clients = MappingProxyType({})) -> str:
    """A script that replaces the whole table, or makes it, in one transaction; `clients` go on staying."""
    lines = [f"table ip {table}", f"delete table ip {table}", f"table ip {table} {{"]
    lines += [f"\t{line}" for line in _skeleton(rules)]
    lines += ["}"]
    empty = Ruleset(frozenset(), {}, rules.bridged_seen, isolated=rules.isolated)
    staying = nft_affinity.put_back(table, rules.pieces, clients)
    return "\n".join(lines) + "\n" + change(table, empty, rules) + "".join(f"{line}\n" for line in staying)


def anew(old: Ruleset | None, new: Ruleset) -> bool:
    """Whether the way from one to the other is to load the whole table."""
    return old is None or (old.bridged_seen, old.isolated) != (new.bridged_seen, new.isolated)


def change(table: str, old: Ruleset | None, new: Ruleset, clients: Clients = MappingProxyType({})) -> str:
    """A script that leads from one to the other in one transaction; "" when there is nothing to do.

    `clients` are those that stay with their endpoints now, where all is loaded `anew`; otherwise nothing moves them.
    """
    if old is None or anew(old, new):
        return load(table, new, clients)
    was, now = moved(old, new)
    led, leads = _by_key(was), _by_key(now)
    lines = DOORS.remove(table, old.behind_doors, new.behind_doors)
    lines += EXTERNALS.remove(table, old.behind_externals, new.behind_externals)
    lines += ADDRESSES.remove(table, led, leads)
    lines += _networks("delete", table, old.networks - new.networks)
    lines += remove_pieces(table, old.pieces, new.pieces)
    lines += add_pieces(table, old.pieces, new.pieces)
    lines += ADDRESSES.add(table, led, leads)
    lines += EXTERNALS.add(table, old.behind_externals, new.behind_externals)
    lines += DOORS.add(table, old.behind_doors, new.behind_doors)
    lines += elements("delete", table, "unserved", [port.element for port in sorted(old.unserved - new.unserved)])
    lines += elements("add", table, "unserved", [port.element for port in sorted(new.unserved - old.unserved)])
    lines += _networks("add", table, new.networks - old.networks)
    selves_old, selves_new = _selves(was), _selves(now)
    lines += elements("delete", table, "selves", sorted(selves_old - selves_new))
    lines += elements("add", table, "selves", sorted(selves_new - selves_old))
    lines += policy_rules.change(table, old.policies, new.policies)
    return "".join(f"{line}\n" for line in lines)


def delete(table: str) -> str:
    """A script that removes the table, there or not."""
    return f"table ip {table}\ndelete table ip {table}\n"


def _skeleton(rules: Ruleset) -> Iterator[str]:
    ours = "iifname . ip daddr @home" if rules.isolated else "iifname @bridges"
    yield "set vips { type ipv4_addr; flags interval; }"
    yield "set home { type ifname . ipv4_addr; flags interval; }"
    yield "set bridges { type ifname; }"
    yield "set pods { type ipv4_addr; flags interval; }"
    yield "set selves { type ipv4_addr . ipv4_addr . ipv4_addr; }"
    yield ADDRESSES.skeleton()
    yield EXTERNALS.skeleton()
    yield DOORS.skeleton()
    yield "set unserved { type ipv4_addr . inet_proto . inet_service; }"
    yield from _chain(
        "guard",
        "type filter hook prerouting priority -300; policy accept;",
        "iifname @bridges ip daddr 127.0.0.0/8 drop",
        "iifname @bridges ip saddr 127.0.0.0/8 drop",
    )
    yield from _chain(
        "prerouting",
        "type nat hook prerouting priority -110; policy accept;",
        f"{ours} ip daddr . meta l4proto . th dport vmap @services",
        "ip daddr @vips dnat to ip daddr",
    )
    yield from _chain(
        "output",
        "type nat hook output priority -110; policy accept;",
        "ip daddr . meta l4proto . th dport vmap @services",
        "ip daddr @vips dnat to ip daddr",
    )
    for name, hook in (("host-ports-in", "prerouting"), ("host-ports-out", "output")):
        yield from _chain(
            name,
            f"type nat hook {hook} priority -105; policy accept;",
            f"{EXTERNALS.key} vmap @externals",
            "fib daddr type local meta l4proto . th dport vmap @doors",
        )
    yield from _chain(
        "input",
        "type filter hook input priority -10; policy accept;",
        "ct state new ip daddr @vips meta l4proto tcp reject with tcp reset",
        "ct state new ip daddr @vips meta l4proto { udp, sctp } reject with icmp port-unreachable",
    )
    for hook in ("input", "forward", "output"):
        yield from _chain(
            f"unserved-{hook}",
            f"type filter hook {hook} priority -10; policy accept;",
            f"ct state new {EXTERNALS.key} @unserved meta l4proto tcp reject with tcp reset",
            f"ct state new {EXTERNALS.key} @unserved reject with icmp port-unreachable",
        )
    yield from _chain(
        "postrouting",
        "type nat hook postrouting priority 90; policy accept;",
        "ip saddr @vips masquerade",
        "ct status dnat ct original ip daddr . ip saddr . ip daddr @selves masquerade",
        "ct status dnat ct original ip daddr != @vips ip saddr @pods masquerade",
        "ip saddr 127.0.0.0/8 oifname @bridges masquerade",
        *([] if rules.bridged_seen else ["ct status dnat ct original ip daddr @vips masquerade"]),
        *([] if rules.isolated else ["ip saddr @pods oifname @bridges snat to ip saddr"]),
    )


def _chain(name: str, *lines: str) -> Iterator[str]:
    yield f"chain {name} {{"
    yield from (f"\t{line}" for line in lines)
    yield "}"


def _networks(verb: str, table: str, networks: frozenset[Network]) -> list[str]:
    ordered = sorted(networks, key=lambda network: network.bridge)
    home = [f'"{network.bridge}" . {network.services}' for network in ordered]
    return [
        *elements(verb, table, "vips", [network.services for network in ordered]),
        *elements(verb, table, "home", home),
        *elements(verb, table, "bridges", [f'"{network.bridge}"' for network in ordered]),
        *elements(verb, table, "pods", [network.pods for network in ordered]),
    ]


def _by_key(targets: Ports) -> Leads:
    return {key.element: target for key, target in targets.items()}


def _selves(targets: Ports) -> set[str]:
    return {f"{key.ip} . {ip} . {ip}" for key, target in targets.items() for ip, _ in target.backends}
