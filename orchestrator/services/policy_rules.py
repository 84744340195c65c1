"""The text of the kernel's rules that isolate pods.  Pure: what policies say in, nft(8) script out.

They stand in the daemon's own table, from the first isolated pod to the last:

    policy-forward   to or from a pod: replies pass, and a pod that reaches itself; then the source's egress rules, then
                     the target's ingress rules.  Translation is over by then, so a Service's pod counts.
    policy-input     from a pod to the host, which is always open but for two things: the resolver, and ports that the
                     engine leads to an isolated pod by a process of the host, which would hide who asks.

A direction of a pod has a chain that is found by the pod's address: a rule that lets something through returns, and
what is left at the end is dropped.  A chain's name is made from its rules: pods with the same rules share one, and no
chain is ever changed.  Its rules name sets of pods, so a pod that comes or goes is one element here and there.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.planning.policy import Allowance, Allowances, Block, Isolation, Places, Pods, Span
from orchestrator.services.nft_pieces import elements

_INGRESS, _EGRESS, _HOST_PORTS = "policy-ingress", "policy-egress", "policy-host-ports"
_SELVES, _RESOLVERS = "policy-selves", "policy-resolvers"
_ADDRESS, _PLACE = "type ipv4_addr;", "type ipv4_addr . inet_proto . inet_service;"


@dataclass(frozen=True)
class PolicyRules:
    """What should hold: elements of sets by name, rules of chains by name, and chains by map and element."""

    sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any pod is isolated."""
        return bool(self.chains)


NO_POLICIES = PolicyRules()


def policy_rules(found: Isolation, resolvers: Iterable[str] = ()) -> PolicyRules:
    """The rules for what policies say; `resolvers` are the addresses of this host that answer for names."""
    if not found.ingress and not found.egress:
        return NO_POLICIES
    chains: dict[str, tuple[str, ...]] = {}
    names: dict[tuple[str, Allowances], str] = {}

    def chain(way: str, allowed: Allowances) -> str:
        name = names.get((way, allowed))
        if name is None:
            lines = (*sorted({line for each in allowed for line in _lines(way, each)}), "drop")
            name = f"{way}-{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:16]}"
            chains[name], names[way, allowed] = lines, name
        return name

    maps = {
        _INGRESS: {address: chain("in", allowed) for address, allowed in found.ingress.items()},
        _EGRESS: {address: chain("out", allowed) for address, allowed in found.egress.items()},
        _HOST_PORTS: {
            f"{port.ip or '0.0.0.0/0'} . {port.protocol} . {port.number}": chain("in", allowed)
            for port, allowed in found.host_ports.items()
        },
    }
    isolated = found.ingress.keys() | found.egress.keys()
    sets = {
        _SELVES: frozenset(f"{address} . {address}" for address in isolated),
        _RESOLVERS: frozenset(resolvers),
        **found.pods,
        **{
            name: frozenset(f"{place.address} . {place.protocol} . {place.port}" for place in places)
            for name, places in found.places.items()
        },
    }
    return PolicyRules(sets, chains, maps)


def change(table: str, old: PolicyRules, new: PolicyRules) -> list[str]:
    """The lines of a script that lead from one to the other; [] when there is nothing to do."""
    if old is new:
        return []
    lines = _frame(table) if new and not old else []
    lines += _sets_changed(table, old, new)
    for name in sorted(new.chains.keys() - old.chains.keys()):
        lines.append(f"add chain ip {table} {name}")
        lines += [f"add rule ip {table} {name} {rule}" for rule in new.chains[name]]
    if old and not new:
        lines += [f"delete chain ip {table} {name}" for name in ("policy-forward", "policy-input")]
        lines += [f"delete map ip {table} {name}" for name in (_INGRESS, _EGRESS, _HOST_PORTS)]
    else:
        for name in (_INGRESS, _EGRESS, _HOST_PORTS):
            lines += _map_changed(table, name, old.maps.get(name, {}), new.maps.get(name, {}))
    lines += [f"delete chain ip {table} {name}" for name in sorted(old.chains.keys() - new.chains.keys())]
    return lines + [f"delete set ip {table} {name}" for name in sorted(old.sets.keys() - new.sets.keys())]


def _frame(table: str) -> list[str]:
    """What is there as long as any pod is isolated."""
    address_or_all = f"{_PLACE[:-1]} : verdict; flags interval;"
    return [
        f"add map ip {table} {_INGRESS} {{ type ipv4_addr : verdict; }}",
        f"add map ip {table} {_EGRESS} {{ type ipv4_addr : verdict; }}",
        f"add map ip {table} {_HOST_PORTS} {{ {address_or_all} }}",
        f"add set ip {table} {_SELVES} {{ type ipv4_addr . ipv4_addr; }}",
        f"add set ip {table} {_RESOLVERS} {{ {_ADDRESS} }}",
        f"add chain ip {table} policy-forward {{ type filter hook forward priority -10; policy accept; }}",
        f"add rule ip {table} policy-forward ct state established,related accept",
        f"add rule ip {table} policy-forward ip saddr . ip daddr @{_SELVES} accept",
        f"add rule ip {table} policy-forward ip saddr vmap @{_EGRESS}",
        f"add rule ip {table} policy-forward ip daddr vmap @{_INGRESS}",
        f"add chain ip {table} policy-input {{ type filter hook input priority -10; policy accept; }}",
        f"add rule ip {table} policy-input ct state established,related accept",
        f"add rule ip {table} policy-input ip daddr @{_RESOLVERS} meta l4proto {{ tcp, udp }} th dport 53 "
        f"ip saddr vmap @{_EGRESS}",
        f'add rule ip {table} policy-input iifname != "lo" fib daddr type local '
        f"ip daddr . meta l4proto . th dport vmap @{_HOST_PORTS}",
    ]


def _sets_changed(table: str, old: PolicyRules, new: PolicyRules) -> Iterator[str]:
    for name in sorted(new.sets):
        before = old.sets.get(name, frozenset())
        if name not in old.sets and name not in (_SELVES, _RESOLVERS):
            kind = _PLACE if name.startswith("places-") else _ADDRESS
            yield f"add set ip {table} {name} {{ {kind} }}"
        yield from elements("delete", table, name, sorted(before - new.sets[name]))
        yield from elements("add", table, name, sorted(new.sets[name] - before))


def _map_changed(table: str, name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    gone = sorted(key for key, chain in old.items() if new.get(key) != chain)
    yield from elements("delete", table, name, gone)
    added = sorted(f"{key} : jump {chain}" for key, chain in new.items() if old.get(key) != chain)
    yield from elements("add", table, name, added)


def _lines(way: str, allowed: Allowance) -> Iterator[str]:
    """The rules that let this through: one, or one a protocol."""
    peer = _peer("saddr" if way == "in" else "daddr", allowed.peer)
    if allowed.spans is None:
        yield f"{peer}return"
        return
    for protocol in sorted({span.protocol for span in allowed.spans}):
        spans = [span for span in allowed.spans if span.protocol == protocol]
        if any(span.everything for span in spans):
            yield f"{peer}meta l4proto {protocol} return"
        else:
            yield f"{peer}{protocol} dport {{ {', '.join(map(_ports, spans))} }} return"


def _peer(end: str, peer: Pods | Places | Block | None) -> str:
    match peer:
        case None:
            return ""
        case Pods(name):
            return f"ip {end} @{name} "
        case Places(name):
            return f"ip {end} . meta l4proto . th dport @{name} "
        case Block(cidr, excepts):
            inside = "" if cidr == "0.0.0.0/0" else f"ip {end} {cidr} "
            return inside + (f"ip {end} != {{ {', '.join(excepts)} }} " if excepts else "")


def _ports(span: Span) -> str:
    return str(span.first) if span.first == span.last else f"{span.first}-{span.last}"
