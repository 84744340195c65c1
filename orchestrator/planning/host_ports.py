"""Who has a port of the host: of two pods that want one, the second waits (behaviour case N06)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.objects.pod import Pod

_ANY = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the host; `ip` is "" for all of its addresses."""

    protocol: str
    ip: str
    number: int

    def meets(self, other: "HostPort") -> bool:
        """Whether only one pod can have both."""
        return (self.protocol, self.number) == (other.protocol, other.number) and (
            self.ip == other.ip or "" in (self.ip, other.ip)
        )


def host_ports(pod: Pod) -> Iterator[HostPort]:
    """The ports of the host that a pod asks for; on the host's own network that is every port it names."""
    for container in (*pod.spec.containers, *pod.spec.sidecars):
        for port in container.ports:
            if port.host_port:
                yield HostPort(port.protocol, "" if port.host_ip in _ANY else port.host_ip, port.host_port)


def port_taken(wanted: Iterable[HostPort], held: Iterable[tuple[HostPort, Pod]]) -> str:
    """Why ports cannot be had, in the scheduler's words and by whom, of ports that pods hold; "" when they can."""
    there = tuple(held)
    for port in wanted:
        for taken, pod in there:
            if port.meets(taken):
                whose = f"{pod.metadata.namespace}/{pod.metadata.name}"
                return (
                    "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. "
                    f"hostPort {taken.number}/{taken.protocol} belongs to pod {whose}."
                )
    return ""
