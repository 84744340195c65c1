"""Which pods are isolated, and what their network policies let through all the same.

Follows https://kubernetes.io/docs/concepts/services-networking/network-policies/: a pod that no policy selects is open;
one that some select is reached (Ingress) or reaches (Egress) what any of them lets through.  A pod's own address
counts.  The host is outside of all this: it reaches its pods, and they reach it.  A rule names pods by their labels,
and here by a set that keeps its name while its members come and go.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, collapse_addresses, ip_address, ip_network
from typing import Literal, cast

import msgspec

from orchestrator.objects.config import Namespace
from orchestrator.objects.defaults import NAMESPACE_NAME
from orchestrator.objects.meta import LabelSelector
from orchestrator.objects.pod import Pod
from orchestrator.objects.policy import IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort

Protocol = Literal["tcp", "udp", "sctp"]

_LAST_PORT = 65535
_ENDED = ("Succeeded", "Failed")
_ANY_HOST_ADDRESS = ("", "0.0.0.0", "::")
_EVERY_POD = LabelSelector()


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the host that the engine leads to a pod's port; `ip` is "" for every address of the host."""

    ip: str
    protocol: Protocol
    number: int
    pod_port: int


@dataclass(frozen=True, slots=True)
class Member:
    """A pod as policies see it: where it belongs, its labels, its address, its ports by (name, protocol)."""

    namespace: str
    labels: Mapping[str, str]
    address: str
    ports: Mapping[tuple[str, Protocol], int] = field(default_factory=dict)
    host_ports: tuple[HostPort, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Ports of a protocol, from `first` to `last`."""

    protocol: Protocol
    first: int = 0
    last: int = _LAST_PORT

    @property
    def everything(self) -> bool:
        """Whether it is the whole protocol."""
        return (self.first, self.last) == (0, _LAST_PORT)


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """A network without some parts of it ("10.0.0.0/8", ("10.1.0.0/16",))."""

    cidr: str
    excepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Pods:
    """The members of `Isolation.pods` with this name: addresses."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class Places:
    """The members of `Isolation.places` with this name: addresses, each with a port of its own."""

    name: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """Lets through one kind of peer (None: everyone) on some ports (None: all traffic)."""

    peer: Pods | Places | Block | None = None
    spans: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A port at an address."""

    address: str
    protocol: Protocol
    port: int


Allowances = frozenset[Allowance]


@dataclass(frozen=True)
class Isolation:
    """Everything that policies say at one moment.  An address that is not there is open in that direction."""

    ingress: Mapping[str, Allowances] = field(default_factory=dict)
    egress: Mapping[str, Allowances] = field(default_factory=dict)
    host_ports: Mapping[HostPort, Allowances] = field(default_factory=dict)
    """What may come in by the engine's own way to isolated pods: by their hostPorts."""
    pods: Mapping[str, frozenset[str]] = field(default_factory=dict)
    places: Mapping[str, frozenset[Place]] = field(default_factory=dict)


def member(pod: Pod) -> Member | None:
    """The pod as policies see it; None while it has no address of its own, or has none any more."""
    if pod.spec.host_network or not pod.status.pod_ip or pod.status.phase in _ENDED:
        return None
    ports: dict[tuple[str, Protocol], int] = {}
    host_ports = []
    sidecars = (container for container in pod.spec.init_containers if container.restart_policy == "Always")
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            protocol = _protocol(port.protocol)
            if port.name:
                ports.setdefault((port.name, protocol), port.container_port)
            if port.host_port:
                ip = "" if port.host_ip in _ANY_HOST_ADDRESS else port.host_ip
                host_ports.append(HostPort(ip, protocol, port.host_port, port.container_port))
    meta = pod.metadata
    return Member(meta.namespace, meta.labels, pod.status.pod_ip, ports, tuple(host_ports))


def isolation(
    policies: Iterable[NetworkPolicy],
    namespaces: Iterable[Namespace],
    members: Sequence[Member],
    resolvers: Iterable[Member] = (),
) -> Isolation:
    """What these policies say of these pods; of two with one address the last counts.

    `resolvers` are peers that no policy isolates: what answers for names here, as the pods that do so in a cluster.
    """
    labels = {namespace.metadata.name: namespace.metadata.labels for namespace in namespaces}
    return _Reckoning(labels, members, (*members, *resolvers)).of(policies)


class _Reckoning:
    """One evaluation: gathers the sets that the rules name."""

    def __init__(
        self, labels: Mapping[str, Mapping[str, str]], members: Iterable[Member], peers: Sequence[Member]
    ) -> None:
        self._labels = labels
        self._members = {each.address: each for each in members}
        self._peers = peers
        self._pods: dict[str, frozenset[str]] = {}
        self._places: dict[str, frozenset[Place]] = {}

    def of(self, policies: Iterable[NetworkPolicy]) -> Isolation:
        ingress: dict[str, set[Allowance]] = {}
        egress: dict[str, set[Allowance]] = {}
        for policy in policies:
            spec, own = policy.spec, policy.metadata.namespace
            chosen = [m for m in self._members.values() if m.namespace == own and spec.pod_selector.matches(m.labels)]
            for each in chosen:
                if "Ingress" in spec.policy_types:
                    ingress.setdefault(each.address, set()).update(self._incoming(policy, each))
                if "Egress" in spec.policy_types:
                    egress.setdefault(each.address, set()).update(self._outgoing(policy))
        return Isolation(
            {address: frozenset(allowed) for address, allowed in ingress.items()},
            {address: frozenset(allowed) for address, allowed in egress.items()},
            {
                port: _at_port(ingress[address], Span(port.protocol, port.pod_port, port.pod_port))
                for address in ingress
                for port in self._members[address].host_ports
            },
            self._pods,
            self._places,
        )

    def _incoming(self, policy: NetworkPolicy, pod: Member) -> Iterator[Allowance]:
        for rule in policy.spec.ingress:
            spans = _spans(rule.ports, pod.ports)
            if spans != ():
                yield from (Allowance(peer, spans) for peer in self._everyone(rule.from_, policy))

    def _outgoing(self, policy: NetworkPolicy) -> Iterator[Allowance]:
        for rule in policy.spec.egress:
            spans = _spans(rule.ports, {})
            if spans != ():
                yield from (Allowance(peer, spans) for peer in self._everyone(rule.to, policy))
            for port in rule.ports:
                if isinstance(port.port, str):
                    # A name means what each pod that is asked calls so; an address that is no pod's has no names.
                    named = (port.port, _protocol(port.protocol))
                    asked = rule.to or (NetworkPolicyPeer(namespace_selector=_EVERY_POD),)
                    yield from (Allowance(self._named(peer, policy, named)) for peer in asked)

    def _everyone(self, peers: tuple[NetworkPolicyPeer, ...], policy: NetworkPolicy) -> Iterator[Pods | Block | None]:
        if not peers:
            yield None
        for peer in peers:
            if peer.ip_block is None:
                key, pods = self._chosen(peer, policy)
                name = f"pods-{_digest(key)}"
                self._pods[name] = frozenset(pod.address for pod in pods)
                yield Pods(name)
            elif (block := _block(peer.ip_block)) is not None:
                yield block

    def _named(self, peer: NetworkPolicyPeer, policy: NetworkPolicy, port: tuple[str, Protocol]) -> Places:
        key, pods = self._chosen(peer, policy)
        name = f"places-{_digest([key, port])}"
        self._places[name] = frozenset(
            Place(pod.address, port[1], pod.ports[port]) for pod in pods if port in pod.ports
        )
        return Places(name)

    def _chosen(self, peer: NetworkPolicyPeer, policy: NetworkPolicy) -> tuple[object, Iterator[Member]]:
        """The pods that a peer means, and what tells this choice from others."""
        if peer.ip_block is not None:
            block = peer.ip_block
            return [block.cidr, block.except_], (m for m in self._peers if _is_inside(m.address, block))
        pods, rooms = peer.pod_selector or _EVERY_POD, peer.namespace_selector
        if rooms is None:
            own = policy.metadata.namespace
            return [own, pods], (m for m in self._peers if m.namespace == own and pods.matches(m.labels))
        chosen = (m for m in self._peers if rooms.matches(self._of(m.namespace)) and pods.matches(m.labels))
        return [pods, rooms], chosen

    def _of(self, namespace: str) -> Mapping[str, str]:
        return self._labels.get(namespace, {NAMESPACE_NAME: namespace})


def _spans(ports: tuple[NetworkPolicyPort, ...], names: Mapping[tuple[str, Protocol], int]) -> tuple[Span, ...] | None:
    """The ports of a rule; None for all traffic, () where no name of it is known."""
    if not ports:
        return None
    found = []
    for port in ports:
        protocol = _protocol(port.protocol)
        if port.port is None:
            found.append(Span(protocol))
        elif isinstance(port.port, int):
            found.append(Span(protocol, port.port, port.end_port or port.port))
        elif (port.port, protocol) in names:
            number = names[port.port, protocol]
            found.append(Span(protocol, number, number))
    return tuple(_merged(found))


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The same ports in order, none of them twice."""
    last: Span | None = None
    for span in sorted(spans):
        if last is not None and last.protocol == span.protocol and span.first <= last.last + 1:
            last = Span(last.protocol, last.first, max(last.last, span.last))
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _at_port(allowed: Iterable[Allowance], port: Span) -> Allowances:
    """What is let through to one port, by whom alone."""
    return frozenset(
        Allowance(each.peer)
        for each in allowed
        if each.spans is None
        or any(s.protocol == port.protocol and s.first <= port.first <= s.last for s in each.spans)
    )


def _block(block: IPBlock) -> Block | None:
    """An IPv4 network without its exceptions; None for one of IPv6, which nobody here has an address of."""
    whole = ip_network(block.cidr, strict=False)
    if not isinstance(whole, IPv4Network):
        return None
    parts = (ip_network(text, strict=False) for text in block.except_)
    excepts = collapse_addresses(part for part in parts if isinstance(part, IPv4Network))
    return Block(str(whole), tuple(map(str, excepts)))


def _is_inside(address: str, block: IPBlock) -> bool:
    """Whether it belongs to the block, and to none of its exceptions."""
    found = _block(block)
    if found is None:
        return False
    ip = ip_address(address)
    return ip in ip_network(found.cidr) and not any(ip in ip_network(part) for part in found.excepts)


def _protocol(name: str) -> Protocol:
    return cast(Protocol, name.lower())


def _digest(key: object) -> str:
    return hashlib.sha256(msgspec.json.encode(key, order="deterministic")).hexdigest()[:16]
