"""What the rest of this room needs to know of one Service: its Endpoints, its rules, and the names that lead to it.

Pure.  `ledger` says whose turn it is to be worked out again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.objects.endpoint_slice import EndpointSlice
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Endpoints, Service
from orchestrator.planning.endpoint_slices import is_ready, mirrored, slices
from orchestrator.planning.endpoints import backends, endpoints, serving_addresses
from orchestrator.planning.policy import protocol_of
from orchestrator.services import nft
from orchestrator.services.addresses import has_address
from orchestrator.services.hosts import Name


@dataclass(frozen=True)
class Part:
    """One Service as it should be now."""

    made: tuple[Endpoints | EndpointSlice, ...]
    """What to publish: what a cluster's controllers would make for it."""
    address: str
    """Its virtual address, "" when it has none."""
    targets: nft.Targets
    names: tuple[Name, ...]
    slices: tuple[EndpointSlice, ...] = ()
    """What serves it, be it made or written."""


NOTHING = Part((), "", nft.Targets(), ())
"""A Service that is not there."""


@dataclass(frozen=True, slots=True)
class Written:
    """What users wrote of a Service's endpoints."""

    endpoints: Endpoints | None = None
    slices: tuple[EndpointSlice, ...] = ()


def part(service: Service, pods: Iterable[Pod], written: Written, *, by_name: bool) -> Part:
    """`pods` are of its namespace, at least those it selects.

    As in a cluster, slices that were written count for every Service that they name, Endpoints only without a selector.
    With `by_name` the names lead to ready pods, as there is nothing that would carry a virtual address.
    """
    if service.spec.type == "ExternalName":
        return NOTHING
    made: tuple[EndpointSlice, ...] = ()
    summary: tuple[Endpoints, ...] = ()
    if service.spec.selector:
        made = slices(service, pods)
        summary = (endpoints(service, made),)
    elif written.endpoints is not None:
        made = mirrored(service, written.endpoints)
    found = (*made, *written.slices)
    addressed = has_address(service)
    return Part(
        (*summary, *made),
        service.spec.cluster_ip if addressed else "",
        _targets(service, found) if addressed else nft.Targets(),
        tuple(_names(service, found, by_name)),
        found,
    )


def pod_matters(before: Pod | None, after: Pod) -> bool:
    """Whether a change of a pod can change a `Part`: most changes of a status cannot."""
    return before is None or _seen(before) != _seen(after)


def _seen(pod: Pod) -> tuple[object, ...]:
    meta, status = pod.metadata, pod.status
    return is_ready(pod), status.pod_ip, status.phase, meta.uid, meta.labels, meta.deletion_timestamp, pod.spec


def _targets(service: Service, found: Sequence[EndpointSlice]) -> nft.Targets:
    targets = nft.Targets()
    for port in service.spec.ports:
        places = tuple((backend.ip, backend.port) for backend in backends(port, found))
        if places:
            protocol = protocol_of(port.protocol)
            address = nft.Address(service.spec.cluster_ip, protocol, port.port)
            targets[address] = nft.Target(places, _affinity(service, address))
    return targets


def _affinity(service: Service, address: nft.Address) -> nft.Affinity | None:
    config = service.spec.session_affinity_config
    if service.spec.session_affinity == "None" or config is None or config.client_ip is None:
        return None
    return nft.Affinity(address.element, config.client_ip.timeout_seconds)


def _names(service: Service, found: Sequence[EndpointSlice], by_name: bool) -> list[Name]:
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
