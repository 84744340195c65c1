"""The host's own ports that Services are reached by: node ports, the ports of load balancers, and those at externalIPs.

Rules in the kernel would take a port over from whoever listens there, without a word.  So each port is held by a
socket that is bound and answers nothing: what others have cannot be taken, and what we have is refused to others in
the words that they know ("address already in use"); two daemons on one host cannot clash either.  An external address
that is not this host's own has nobody to clash with but another Service.
"""

import errno
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses, ip_address, ip_network
from typing import cast

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.objects.service import Protocol, Service
from orchestrator.planning.policy import protocol_of
from orchestrator.services import nft
from orchestrator.services.addresses import has_address
from orchestrator.services.listeners import is_own, listener

_NOBODY = "255.255.255.255"


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A Service's wish for a port of the host.  Sorts by who comes first: node ports, then the older Service."""

    balanced: bool
    """Whether it is a load balancer's own port."""
    created: str
    holder: str
    """The Service: "default/web"."""
    door: nft.Door


@dataclass(frozen=True, slots=True)
class Refusal:
    """A port that a Service cannot have now."""

    service: str
    text: str
    balanced: bool


@dataclass(frozen=True)
class Granted:
    """What Services have of the host's ports now."""

    doors: dict[nft.HostPort, nft.Door]
    refusals: tuple[Refusal, ...]


class HostPorts:
    """Holds the ports of the host that Services want, first come first served.  Never waits."""

    def __init__(self, find: Callable[[Protocol, int], str] = listener) -> None:
        """`find` names the process that has a port, "" when it cannot be seen."""
        self._find = find
        self._held: dict[nft.HostPort, tuple[str, socket.socket | None]] = {}
        self._refused: dict[nft.HostPort, str] = {}

    def settle(self, services: Iterable[Service], pods: Callable[[], Iterable[Pod]]) -> Granted:
        """Take what these Services want and nobody has, give back what none wants any more.

        `pods` is asked only where a port is wanted that is not held yet.
        """
        wanted: defaultdict[nft.HostPort, list[Claim]] = defaultdict(list)
        for service in services:
            for port, claim in _claims(service):
                wanted[port].append(claim)
        for port in [port for port in self._held if port not in wanted]:
            self._give_back(port)
        self._refused = {port: text for port, text in self._refused.items() if port in wanted}
        published = _published(pods()) if wanted.keys() - self._held.keys() else {}
        doors: dict[nft.HostPort, nft.Door] = {}
        refusals: list[Refusal] = []
        for port, claims in sorted(wanted.items()):
            first, *others = self._in_order(port, claims)
            why = self._take(port, first.holder, published)
            if why:
                others = [first, *others]
            else:
                doors[port] = first.door
                why = f"Service {first.holder}"
            refusals += (Refusal(claim.holder, _refusal(port, why), claim.balanced) for claim in others)
        return Granted(doors, tuple(refusals))

    def close(self) -> None:
        """Give everything back."""
        for port in list(self._held):
            self._give_back(port)

    def _in_order(self, port: nft.HostPort, claims: list[Claim]) -> list[Claim]:
        holder = self._held[port][0] if port in self._held else ""
        first: dict[str, Claim] = {}
        # A load balancer whose own port is its node port asks twice for the same.
        for claim in sorted(claims, key=lambda claim: (claim.holder != holder, claim)):
            first.setdefault(claim.holder, claim)
        return list(first.values())

    def _take(self, port: nft.HostPort, holder: str, published: dict[nft.HostPort, str]) -> str:
        """Hold the port for this Service; who has it, or "" when it is ours."""
        everywhere = nft.HostPort(port.protocol, port.number)
        if port.ip and everywhere in self._held and is_own(port.ip):
            return self._share(port, holder, self._held[everywhere][0])
        if port in self._held and (not port.ip or self._held[port][1] is not None):
            self._held[port] = holder, self._held[port][1]
            return ""
        if everywhere in published and (not port.ip or is_own(port.ip)):
            return published[everywhere]
        if not port.ip:
            self._widen(port, holder)
        try:
            self._held[port] = holder, hold(port)
        except OSError as error:
            if port not in self._refused:
                self._refused[port] = self._rival(port) or _holder(error, port, self._find)
            return self._refused[port]
        self._refused.pop(port, None)
        return ""

    def _share(self, port: nft.HostPort, holder: str, wide: str) -> str:
        """Of a port that is held at all addresses (by `wide`), have one of them too; who has it, or ""."""
        if port in self._held:
            self._give_back(port)
        if wide != holder:
            return f"Service {wide}"
        self._held[port] = holder, None
        return ""

    def _widen(self, port: nft.HostPort, holder: str) -> None:
        """What a Service holds at single addresses is not in its own way at all of them."""
        for other, (who, held) in self._held.items():
            if _same_number(other, port) and who == holder and held is not None:
                held.close()
                self._held[other] = who, None

    def _rival(self, port: nft.HostPort) -> str:
        """The Service that has the port at some address where this one wants it."""
        return next((f"Service {who}" for other, (who, _) in self._held.items() if _same_number(other, port)), "")

    def _give_back(self, port: nft.HostPort) -> None:
        _, held = self._held.pop(port)
        if held is not None:
            held.close()


def hold(port: nft.HostPort) -> socket.socket | None:
    """A socket that has the port on every address of the host, or on one; OSError when someone has it there.

    Nothing is ever answered there: a TCP socket that does not listen is no place to connect to, and a UDP socket that
    is connected to itself takes no other's packets, so the kernel refuses both.  None for SCTP, which cannot be held,
    and for an address that is not the host's.
    """
    if port.protocol == "sctp" or (port.ip and not is_own(port.ip)):
        return None
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM)
    try:
        held.bind((port.ip or "0.0.0.0", port.number))
        if port.protocol == "udp":
            held.connect((port.ip or "127.0.0.1", port.number))
    except OSError:
        held.close()
        raise
    return held


def nobody_has(protocol: Protocol, number: int) -> bool:
    """Whether a port of the host is free at this moment."""
    try:
        held = hold(nft.HostPort(protocol_of(protocol), number))
    except OSError:
        return False
    if held is not None:
        held.close()
    return True


def _claims(service: Service) -> Iterator[tuple[nft.HostPort, Claim]]:
    spec, meta = service.spec, service.metadata
    if not has_address(service):
        return
    holder = f"{meta.namespace}/{meta.name}"
    for port in spec.ports:
        protocol = protocol_of(port.protocol)
        address = nft.Address(spec.cluster_ip, protocol, port.port)
        if port.node_port:
            door = nft.Door(address)
            yield nft.HostPort(protocol, port.node_port), Claim(False, meta.creation_timestamp or "", holder, door)
        if spec.type == "LoadBalancer":
            door = nft.Door(address, _clients(spec.load_balancer_source_ranges))
            yield nft.HostPort(protocol, port.port), Claim(True, meta.creation_timestamp or "", holder, door)
        for ip in spec.external_ips:
            if ip_address(ip).version == 4:
                external = Claim(False, meta.creation_timestamp or "", holder, nft.Door(address))
                yield nft.HostPort(protocol, port.port, ip), external


def _clients(ranges: Iterable[str]) -> tuple[str, ...]:
    """The networks whose clients may come in, () for all; those of IPv6 have no clients here."""
    networks = [ip_network(each.strip(), strict=False) for each in ranges]
    allowed = list(collapse_addresses(each for each in networks if isinstance(each, IPv4Network)))
    if not networks or any(each.prefixlen == 0 for each in allowed):
        return ()
    return tuple(map(str, allowed)) or (_NOBODY,)


def _published(pods: Iterable[Pod]) -> dict[nft.HostPort, str]:
    """The hostPorts of pods that run."""
    found = {}
    for pod in pods:
        if pod.status.phase in FINAL_PHASES or not pod.status.pod_ip or pod.spec.host_network:
            continue
        for container in (*pod.spec.containers, *pod.spec.sidecars):
            for port in container.ports:
                if port.host_port:
                    host_port = nft.HostPort(protocol_of(port.protocol), port.host_port)
                    found[host_port] = f"Pod {pod.metadata.namespace}/{pod.metadata.name} (hostPort)"
    return found


def _holder(error: OSError, port: nft.HostPort, find: Callable[[Protocol, int], str]) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"the kernel ({(error.strerror or str(error)).lower()})"
    return find(cast(Protocol, port.protocol.upper()), port.number) or "a process of this host"


def _refusal(port: nft.HostPort, holder: str) -> str:
    name = f"{port.number}/{port.protocol.upper()}"
    place = f"at {port.ip}" if port.ip else "of this host"
    return f"port {name} {place} is held by {holder}: not served there until it is free"


def _same_number(one: nft.HostPort, other: nft.HostPort) -> bool:
    return (one.protocol, one.number) == (other.protocol, other.number)
