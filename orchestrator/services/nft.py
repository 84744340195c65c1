"""The text of the kernel's rules.  Pure: what should hold in, nft(8) script out.

One table for each daemon.  A packet to a Service's address takes this way:

    prerouting (from a pod of the same network)  -+-> @services: address . protocol . port -> chain svc-...: dnat
    output     (from the host)                   -+   to one of the ready endpoints
                                                  '-> nothing there: stays as it is ("dnat to ip daddr", which keeps the
                                                      engine's own rules for published ports away from it) and meets
    input      refuse: TCP reset, ICMP port unreachable.  A server of the host on 0.0.0.0 is never reached by mistake.
    postrouting  masquerade only where the answer would go astray: the host's own (its source is the address itself),
                 a pod that reaches itself, and everything where the kernel does not show bridged packets to nft.

and a packet to a port of the host, at whatever address of it:

    host-ports-in, -out   @doors: protocol . port -> the same chain svc-..., by way of src-... where only some clients
                          may.  Nothing there: the host answers by itself.
    postrouting           masquerade pods, whose answers would go past us, and 127.0.0.1; all others keep their address.
    guard                 for 127.0.0.1 bridges have route_localnet: no pod reaches the host's own loopback by it.

Where namespaces are not kept apart, a pod of any network of ours may ask for a Service, and between our networks
nothing is masqueraded: the engine would hide who asks.

The chains of our tables run before the engine's (-110 before -100), and those for the host's ports (-105) after those
of every daemon of this host that may own the address as a Service's.  What network policies let through is asked after
all translation (`policy_rules`).  A change is one transaction that touches only what differs, so connections and other
Services are left alone.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.services import policy_rules

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

    @property
    def chain(self) -> str:
        """The name of its chain."""
        return "svc-" + hashlib.sha256(self.element.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes: endpoints as (ip, port), at random or, `sticky`, by the client's address."""

    backends: tuple[tuple[str, int], ...]
    sticky: bool = False


@dataclass(frozen=True, slots=True, order=True)
class HostPort:
    """A port of the host."""

    protocol: Protocol
    number: int

    @property
    def element(self) -> str:
        """Its key in the verdict map."""
        return f"{self.protocol} . {self.number}"


@dataclass(frozen=True, slots=True, order=True)
class Door:
    """Where a port of the host leads, and for whom: networks of clients ("192.0.2.0/24"), none for everybody."""

    address: Address
    sources: tuple[str, ...] = ()

    @property
    def chain(self) -> str:
        """The chain that a packet goes to."""
        if not self.sources:
            return self.address.chain
        text = " ".join((self.address.element, *self.sources))
        return "src-" + hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Network:
    """A bridge, and the addresses behind it of Services ("10.201.2.0/23") and of pods ("10.201.0.0/23")."""

    bridge: str
    services: str
    pods: str


Targets = Mapping[Address, Target]


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
    doors: dict[HostPort, Door] = field(default_factory=dict)
    policies: policy_rules.PolicyRules = policy_rules.NO_POLICIES
    isolated: bool = True
    """Whether a network's pods are kept away from the Services of others."""


Doors = Mapping[HostPort, Door]


def moved(old: Ruleset, new: Ruleset) -> tuple[Targets, Targets]:
    """What leads somewhere else than before: the ports of those addresses as they were, and as they are."""
    before, after = old.targets, new.targets
    ips = [ip for ip in before.keys() | after.keys() if before.get(ip) is not after.get(ip)]
    was = {key: target for ip in ips for key, target in before.get(ip, {}).items()}
    now = {key: target for ip in ips for key, target in after.get(ip, {}).items()}
    return was, now


def table_name(instance: str) -> str:
    """The table of one daemon."""
    return "orchestrator-" + re.sub(r"[^A-Za-z0-9_.-]", "_", instance)


def load(table: str, rules: Ruleset) -> str:
    """A script that replaces the whole table, or makes it, in one transaction."""
    lines = [f"table ip {table}", f"delete table ip {table}", f"table ip {table} {{"]
    lines += [f"\t{line}" for line in _skeleton(rules)]
    lines += ["}"]
    empty = Ruleset(frozenset(), {}, rules.bridged_seen, isolated=rules.isolated)
    return "\n".join(lines) + "\n" + change(table, empty, rules)


def change(table: str, old: Ruleset, new: Ruleset) -> str:
    """A script that leads from one to the other in one transaction; "" when there is nothing to do."""
    if (old.bridged_seen, old.isolated) != (new.bridged_seen, new.isolated):
        return load(table, new)
    was, now = moved(old, new)
    gone, added = sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())
    changed = sorted(key for key in was.keys() & now.keys() if was[key] != now[key])
    lines = _doors_gone(table, old.doors, new.doors)
    lines += _networks("delete", table, old.networks - new.networks)
    lines += _elements("delete", table, "services", [key.element for key in gone])
    lines += [f"delete chain ip {table} {key.chain}" for key in gone]
    lines += [f"flush chain ip {table} {key.chain}" for key in changed]
    lines += [f"add chain ip {table} {key.chain}" for key in added]
    lines += [f"add rule ip {table} {key.chain} {_rule(key, now[key])}" for key in [*changed, *added]]
    lines += _elements("add", table, "services", [f"{key.element} : goto {key.chain}" for key in added])
    lines += _doors_added(table, old.doors, new.doors)
    lines += _networks("add", table, new.networks - old.networks)
    selves_old, selves_new = _selves(was), _selves(now)
    lines += _elements("delete", table, "selves", sorted(selves_old - selves_new))
    lines += _elements("add", table, "selves", sorted(selves_new - selves_old))
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
    yield "map services { type ipv4_addr . inet_proto . inet_service : verdict; }"
    yield "map doors { type inet_proto . inet_service : verdict; }"
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
            "fib daddr type local meta l4proto . th dport vmap @doors",
        )
    yield from _chain(
        "input",
        "type filter hook input priority -10; policy accept;",
        "ct state new ip daddr @vips meta l4proto tcp reject with tcp reset",
        "ct state new ip daddr @vips meta l4proto { udp, sctp } reject with icmp port-unreachable",
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


def _rule(key: Address, target: Target) -> str:
    count = len(target.backends)
    pick = f"jhash ip saddr mod {count}" if target.sticky else f"numgen random mod {count}"
    places = ", ".join(f"{index} : {ip} . {port}" for index, (ip, port) in enumerate(target.backends))
    return f"meta l4proto {key.protocol} dnat ip addr . port to {pick} map {{ {places} }}"


def _doors_gone(table: str, old: Doors, new: Doors) -> list[str]:
    gone = sorted(port for port, door in old.items() if new.get(port) != door)
    chains = sorted(_chains(old) - _chains(new))
    lines = _elements("delete", table, "doors", [port.element for port in gone])
    return lines + [f"delete chain ip {table} {door.chain}" for door in chains]


def _doors_added(table: str, old: Doors, new: Doors) -> list[str]:
    lines = []
    for door in sorted(_chains(new) - _chains(old)):
        lines.append(f"add chain ip {table} {door.chain}")
        clients = ", ".join(door.sources)
        lines.append(f"add rule ip {table} {door.chain} ip saddr {{ {clients} }} goto {door.address.chain}")
    added = sorted(port for port, door in new.items() if old.get(port) != door)
    return lines + _elements("add", table, "doors", [f"{port.element} : goto {new[port].chain}" for port in added])


def _chains(doors: Doors) -> set[Door]:
    """The doors that need a chain of their own."""
    return {door for door in doors.values() if door.sources}


def _networks(verb: str, table: str, networks: frozenset[Network]) -> list[str]:
    ordered = sorted(networks, key=lambda network: network.bridge)
    home = [f'"{network.bridge}" . {network.services}' for network in ordered]
    return [
        *_elements(verb, table, "vips", [network.services for network in ordered]),
        *_elements(verb, table, "home", home),
        *_elements(verb, table, "bridges", [f'"{network.bridge}"' for network in ordered]),
        *_elements(verb, table, "pods", [network.pods for network in ordered]),
    ]


def _elements(verb: str, table: str, name: str, elements: Iterable[str]) -> list[str]:
    text = ", ".join(elements)
    return [f"{verb} element ip {table} {name} {{ {text} }}"] if text else []


def _selves(targets: Targets) -> set[str]:
    return {f"{key.ip} . {ip} . {ip}" for key, target in targets.items() for ip, _ in target.backends}
