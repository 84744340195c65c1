"""What network policies are about: pods as they see them, and what is said of who may reach whom.

A rule names pods by their labels, and here by a set that keeps its name while its members come and go.  `isolation`
says it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES

Protocol = Literal["tcp", "udp", "sctp"]

_LAST_PORT = 65535
_ANY_HOST_ADDRESS = ("", "0.0.0.0", "::")


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
    if pod.spec.host_network or not pod.status.pod_ip or pod.status.phase in FINAL_PHASES:
        return None
    ports: dict[tuple[str, Protocol], int] = {}
    host_ports = []
    for container in (*pod.spec.containers, *pod.spec.sidecars):
        for port in container.ports:
            protocol = protocol_of(port.protocol)
            if port.name:
                ports.setdefault((port.name, protocol), port.container_port)
            if port.host_port:
                ip = "" if port.host_ip in _ANY_HOST_ADDRESS else port.host_ip
                host_ports.append(HostPort(ip, protocol, port.host_port, port.container_port))
    meta = pod.metadata
    return Member(meta.namespace, meta.labels, pod.status.pod_ip, ports, tuple(host_ports))


def protocol_of(name: str) -> Protocol:
    """As the kernel calls it: "TCP" is "tcp"."""
    return cast(Protocol, name.lower())
