"""Which pods are isolated, and what their network policies let through all the same.

Follows https://kubernetes.io/docs/concepts/services-networking/network-policies/: a pod that no policy selects is open;
one that some select is reached (Ingress) or reaches (Egress) what any of them lets through.  A pod's own address
counts.  The host is outside of all this: it reaches its pods, and they reach it.
"""

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, collapse_addresses, ip_address, ip_network
from typing import TypeVar

import msgspec

from orchestrator.objects.config import Namespace
from orchestrator.objects.defaults import NAMESPACE_NAME
from orchestrator.objects.meta import LabelSelector
from orchestrator.objects.policy import IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort
from orchestrator.planning.policy import (
    Allowance,
    Allowances,
    Block,
    HostPort,
    Isolation,
    Member,
    Place,
    Places,
    Pods,
    Protocol,
    Span,
    protocol_of,
)

K = TypeVar("K", bound=Hashable)

Port = tuple[str, Protocol]
"""A port by its name."""
NamespaceLabels = Mapping[str, Mapping[str, str]]

_EVERY_POD = LabelSelector()
_NOTHING: Allowances = frozenset()


def isolation(
    policies: Iterable[NetworkPolicy],
    namespaces: Iterable[Namespace],
    members: Iterable[Member],
    resolvers: Sequence[Member] = (),
) -> Isolation:
    """What these policies say of these pods; of two with one address the last counts.

    `resolvers` are peers that no policy isolates: what answers for names here, as the pods that do so in a cluster.
    """
    return Reckoning(policies, namespaces).of({str(index): each for index, each in enumerate(members)}, resolvers)


class Reckoning:
    """What some policies say, worked out again and again for pods that come and go.

    A pod's change costs what the policies cost, however many other pods there are: these are only copied and compared.
    """

    def __init__(self, policies: Iterable[NetworkPolicy], namespaces: Iterable[Namespace]) -> None:
        labels = {namespace.metadata.name: namespace.metadata.labels for namespace in namespaces}
        self._policies = [_Policy(each, labels) for each in policies]
        self._choices = {name: choice for each in self._policies for name, choice in each.choices.items()}
        self._peers: Mapping[str, Member] = {}
        self._living: Mapping[str, Member] = {}
        self._ingress: dict[str, Allowances] = {}
        self._egress: dict[str, Allowances] = {}
        self._known: dict[Allowances, Allowances] = {}
        self._last: Isolation | None = None

    def of(self, members: Mapping[str, Member], resolvers: Sequence[Member] = ()) -> Isolation:
        """What they say of these pods, which are by their uid (see `isolation`); the same object if none changed."""
        peers = {**members, **{f"resolver {index}": each for index, each in enumerate(resolvers)}}
        living = {each.address: each for each in members.values()}
        moved, settled = _changed(self._peers, peers), _changed(self._living, living)
        self._peers, self._living = peers, living
        for key in moved:
            for choice in self._choices.values():
                choice.put(key, peers.get(key))
        for address in settled:
            self._judge(address, living.get(address))
        if self._last is None or moved or settled:
            self._last = self._told()
        return self._last

    def _judge(self, address: str, pod: Member | None) -> None:
        """Say what may come in to this address, and go out of it, now that this pod has it."""
        self._ingress.pop(address, None)
        self._egress.pop(address, None)
        selecting = [each for each in self._policies if pod is not None and each.selects(pod)]
        if pod is None or not selecting:
            return
        incoming = [each.incoming(pod) for each in selecting if each.is_for("Ingress")]
        outgoing = [each.outgoing for each in selecting if each.is_for("Egress")]
        if incoming:
            self._ingress[address] = self._same(_NOTHING.union(*incoming))
        if outgoing:
            self._egress[address] = self._same(_NOTHING.union(*outgoing))

    def _same(self, allowed: Allowances) -> Allowances:
        """Pods with the same rules have one object for them: it is found, and compared, the faster."""
        return self._known.setdefault(allowed, allowed)

    def _told(self) -> Isolation:
        allowed = {*self._ingress.values(), *self._egress.values()}
        named = {each.peer.name for some in allowed for each in some if isinstance(each.peer, Pods | Places)}
        chosen = [(name, self._choices[name]) for name in sorted(named)]
        return Isolation(
            dict(self._ingress),
            dict(self._egress),
            dict(self._at_host_ports()),
            {name: choice.addresses() for name, choice in chosen if choice.port is None},
            {name: choice.places() for name, choice in chosen if choice.port is not None},
        )

    def _at_host_ports(self) -> Iterator[tuple[HostPort, Allowances]]:
        for address, allowed in self._ingress.items():
            for port in self._living[address].host_ports:
                yield port, _at_port(allowed, Span(port.protocol, port.pod_port, port.pod_port))


def _changed(old: Mapping[K, Member], new: Mapping[K, Member]) -> list[K]:
    """What is not there any more, or not as it was."""
    fresh = [key for key, each in new.items() if (before := old.get(key)) is not each and before != each]
    return fresh + [key for key in old if key not in new]


class _Choice:
    """The pods that a peer means; with `port`, their ports of this name."""

    def __init__(self, name: str, peer: "_Peer", port: Port | None = None) -> None:
        self.name = name
        self.port = port
        self._peer = peer
        self._there: dict[str, Member] = {}
        self._addresses: frozenset[str] | None = None
        self._places: frozenset[Place] | None = None

    def put(self, key: str, pod: Member | None) -> None:
        """The pod with this key is so now, or gone."""
        meant = pod is not None and self._peer.means(pod)
        if key in self._there or meant:
            self._there.pop(key, None)
            self._addresses = self._places = None
        if pod is not None and meant:
            self._there[key] = pod

    def addresses(self) -> frozenset[str]:
        """Where they are."""
        if self._addresses is None:
            self._addresses = frozenset(pod.address for pod in self._there.values())
        return self._addresses

    def places(self) -> frozenset[Place]:
        """Where their port of this name is."""
        if self._places is None and self.port is not None:
            having = (pod for pod in self._there.values() if self.port in pod.ports)
            self._places = frozenset(Place(pod.address, self.port[1], pod.ports[self.port]) for pod in having)
        return self._places or frozenset()


class _Peer:
    """Whom a rule means, in the eyes of its policy's namespace.  `key` tells this choice from others."""

    def __init__(self, peer: NetworkPolicyPeer, own: str, labels: NamespaceLabels) -> None:
        self._own = own
        self._labels = labels
        self._rooms, self._pods, self.block = peer.namespace_selector, peer.pod_selector or _EVERY_POD, peer.ip_block
        if self.block is not None:
            self.key: object = [self.block.cidr, self.block.except_]
        else:
            self.key = [own, self._pods] if self._rooms is None else [self._pods, self._rooms]

    def means(self, pod: Member) -> bool:
        """Whether this pod is meant."""
        if self.block is not None:
            return _is_inside(pod.address, self.block)
        if self._rooms is None:
            return pod.namespace == self._own and self._pods.matches(pod.labels)
        room = self._labels.get(pod.namespace, {NAMESPACE_NAME: pod.namespace})
        return self._rooms.matches(room) and self._pods.matches(pod.labels)


class _Policy:
    """One policy: whom it selects, and what it lets through, by the `choices` that its rules name."""

    def __init__(self, policy: NetworkPolicy, labels: NamespaceLabels) -> None:
        self._spec, self._own, self._labels = policy.spec, policy.metadata.namespace, labels
        self.choices: dict[str, _Choice] = {}
        self._inward = [(rule.ports, frozenset(self._everyone(rule.from_))) for rule in self._spec.ingress]
        self.outgoing = frozenset(self._outgoing())

    def selects(self, pod: Member) -> bool:
        """Whether the pod is isolated by it."""
        return pod.namespace == self._own and self._spec.pod_selector.matches(pod.labels)

    def is_for(self, way: str) -> bool:
        """Whether it speaks of "Ingress" or of "Egress"."""
        return way in self._spec.policy_types

    def incoming(self, pod: Member) -> Allowances:
        """What may come in: a port by its name is what this pod calls so."""
        found = ((_spans(ports, pod.ports), peers) for ports, peers in self._inward)
        return frozenset(Allowance(peer, spans) for spans, peers in found if spans != () for peer in peers)

    def _outgoing(self) -> Iterator[Allowance]:
        for rule in self._spec.egress:
            spans = _spans(rule.ports, {})
            if spans != ():
                yield from (Allowance(peer, spans) for peer in self._everyone(rule.to))
            for port in rule.ports:
                if isinstance(port.port, str):
                    # A name means what each pod that is asked calls so; an address that is no pod's has no names.
                    named = (port.port, protocol_of(port.protocol))
                    asked = rule.to or (NetworkPolicyPeer(namespace_selector=_EVERY_POD),)
                    yield from (Allowance(self._named(peer, named)) for peer in asked)

    def _everyone(self, peers: tuple[NetworkPolicyPeer, ...]) -> Iterator[Pods | Block | None]:
        if not peers:
            yield None
        for each in peers:
            peer = _Peer(each, self._own, self._labels)
            if peer.block is None:
                yield Pods(self._choice(f"pods-{_digest(peer.key)}", peer))
            elif (block := _block(peer.block)) is not None:
                yield block

    def _named(self, asked: NetworkPolicyPeer, port: Port) -> Places:
        peer = _Peer(asked, self._own, self._labels)
        return Places(self._choice(f"places-{_digest([peer.key, port])}", peer, port))

    def _choice(self, name: str, peer: _Peer, port: Port | None = None) -> str:
        self.choices[name] = _Choice(name, peer, port)
        return name


def _spans(ports: tuple[NetworkPolicyPort, ...], names: Mapping[tuple[str, Protocol], int]) -> tuple[Span, ...] | None:
    """The ports of a rule; None for all traffic, () where no name of it is known."""
    if not ports:
        return None
    found = []
    for port in ports:
        protocol = protocol_of(port.protocol)
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


def _digest(key: object) -> str:
    return hashlib.sha256(msgspec.json.encode(key, order="deterministic")).hexdigest()[:16]
