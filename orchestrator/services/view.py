"""What the rest of this room needs to know of one Service: its Endpoints, its rules, and the names that lead to it.

Pure.  `ledger` says whose turn it is to be worked out again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Endpoints, Service
from orchestrator.planning.endpoints import backends, endpoints, is_ready, serving_addresses
from orchestrator.services import nft
from orchestrator.services.addresses import has_address
from orchestrator.services.hosts import Name


@dataclass(frozen=True)
class Part:
    """One Service as it should be now."""

    endpoints: Endpoints | None
    """What to publish; None where they are hand-written, or there are none."""
    address: str
    """Its virtual address, "" when it has none."""
    targets: nft.Targets
    names: tuple[Name, ...]


NOTHING = Part(None, "", {}, ())
"""A Service that is not there."""


def part(service: Service, pods: Iterable[Pod], given: Endpoints | None, *, by_name: bool) -> Part:
    """`pods` are of its namespace, at least those it selects; `given` are its Endpoints if there is no selector.

    With `by_name` the names lead to ready pods, as there is nothing that would carry a virtual address.
    """
    if service.spec.type == "ExternalName":
        return NOTHING
    made = endpoints(service, pods) if service.spec.selector else None
    found = made or given or Endpoints()
    addressed = has_address(service)
    return Part(
        made,
        service.spec.cluster_ip if addressed else "",
        _targets(service, found) if addressed else {},
        tuple(_names(service, found, by_name)),
    )


def pod_matters(before: Pod | None, after: Pod) -> bool:
    """Whether a change of a pod can change a `Part`: most changes of a status cannot."""
    return before is None or _seen(before) != _seen(after)


def _seen(pod: Pod) -> tuple[object, ...]:
    meta, status = pod.metadata, pod.status
    return is_ready(pod), status.pod_ip, status.phase, meta.uid, meta.labels, meta.deletion_timestamp, pod.spec


def _targets(service: Service, found: Endpoints) -> dict[nft.Address, nft.Target]:
    targets = {}
    for port in service.spec.ports:
        places = tuple((backend.ip, backend.port) for backend in backends(port, found))
        if places:
            protocol = cast(nft.Protocol, port.protocol.lower())
            address = nft.Address(service.spec.cluster_ip, protocol, port.port)
            targets[address] = nft.Target(places, sticky=service.spec.session_affinity == "ClientIP")
    return targets


def _names(service: Service, found: Endpoints, by_name: bool) -> list[Name]:
    meta = service.metadata
    if has_address(service) and not by_name:
        return [Name(meta.namespace, meta.name, (service.spec.cluster_ip,))]
    serving = serving_addresses(found)
    single = [
        Name(meta.namespace, f"{address.hostname}.{meta.name}", (address.ip,))
        for address in serving
        if address.hostname
    ]
    return [Name(meta.namespace, meta.name, tuple(address.ip for address in serving)), *single]
