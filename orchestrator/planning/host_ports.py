"""Who has a port of the host: of two pods that want one, the second waits (behaviour case N06)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.objects.pod import Pod

_ANY = ("", "0.0.0.0", "::")
_OVER = ("Succeeded", "Failed")


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
    sidecars = (container for container in pod.spec.init_containers if container.restart_policy == "Always")
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            if port.host_port:
                yield HostPort(port.protocol, "" if port.host_ip in _ANY else port.host_ip, port.host_port)


def port_conflict(pod: Pod, pods: Iterable[Pod]) -> str:
    """Why a pod cannot be placed on this host yet, in the scheduler's words and by whom; "" when it can."""
    wanted = tuple(host_ports(pod))
    if not wanted:
        return ""
    for other in pods:
        if other.metadata.uid == pod.metadata.uid or other.status.phase in _OVER or _turn(pod) < _turn(other):
            continue
        for there in host_ports(other):
            if any(port.meets(there) for port in wanted):
                whose = f"{other.metadata.namespace}/{other.metadata.name}"
                return (
                    "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. "
                    f"hostPort {there.number}/{there.protocol} belongs to pod {whose}."
                )
    return ""


def _turn(pod: Pod) -> tuple[int, str, str]:
    """Who comes first: what runs, then what was placed, then what was written first."""
    true = {condition.type for condition in pod.status.conditions if condition.status == "True"}
    place = 0 if "PodReadyToStartContainers" in true else 1 if "PodScheduled" in true else 2
    return place, pod.metadata.creation_timestamp, f"{pod.metadata.namespace}/{pod.metadata.name}"
