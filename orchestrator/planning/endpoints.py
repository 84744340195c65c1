"""What is read out of a Service's EndpointSlices: its Endpoints, where its ports lead, whom its name means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.objects.endpoint_slice import SERVICE_NAME, Endpoint, EndpointSlice, SlicePort
from orchestrator.objects.meta import ObjectMeta, labels_match
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Service,
    ServicePort,
)
from orchestrator.planning.endpoint_slices import gets_traffic, is_last_resort, target

_MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


@dataclass(frozen=True, slots=True)
class Backend:
    """One place that serves: address and port."""

    ip: str
    port: int


def endpoints(service: Service, found: Iterable[EndpointSlice]) -> Endpoints:
    """The Endpoints of a Service with a selector, of the slices that were made for it.

    As in Kubernetes they leave out a pod that is being deleted, but for those who asked for every pod.
    """
    subsets: dict[tuple[SlicePort, ...], tuple[list[EndpointAddress], list[EndpointAddress]]] = {}
    for each in found:
        for endpoint in each.endpoints:
            ready = gets_traffic(endpoint)
            if ready or not endpoint.conditions.terminating:
                subsets.setdefault(each.ports, ([], []))[0 if ready else 1].append(_address(endpoint))
    meta = service.metadata
    return Endpoints(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            creation_timestamp=meta.creation_timestamp,
            labels={**meta.labels, **_MANAGED_BY},
        ),
        subsets=tuple(
            EndpointSubset(addresses=tuple(ready), not_ready_addresses=tuple(waiting), ports=tuple(map(_port, ports)))
            for ports, (ready, waiting) in subsets.items()
        ),
    )


def backends(port: ServicePort, found: Sequence[EndpointSlice]) -> tuple[Backend, ...]:
    """Where a Service's port leads: its serving addresses, each with the port that it is there."""
    places = {
        Backend(endpoint.addresses[0], there.port)
        for each, endpoint in _serving(found, port)
        for there in each.ports
        if there.port is not None and _same(there, port)
    }
    return tuple(sorted(places, key=lambda place: (place.ip, place.port)))


def serving_addresses(found: Sequence[EndpointSlice]) -> tuple[EndpointAddress, ...]:
    """All serving addresses, whatever their ports: what a headless Service's name leads to."""
    by_ip = {endpoint.addresses[0]: _address(endpoint) for _, endpoint in _serving(found)}
    return tuple(by_ip[ip] for ip in sorted(by_ip))


def port_by_name(
    service: Service, port: ServicePort, pods: Iterable[Pod], written: Iterable[EndpointSlice] = ()
) -> int:
    """Where a Service's port is reached by the name alone: its target port, as a pod behind it numbers it.

    Without a selector it is the number that those have who were `written` for it: the target port counts for pods only.
    While nobody knows a port of that name it is the Service's own number.  Pods that number it differently need
    addresses: by name there is one port for all.
    """
    if not service.spec.selector:
        own = [each for each in written if each.metadata.labels.get(SERVICE_NAME) == service.metadata.name]
        serving = [place.port for place in backends(port, own)]
        known = [one.port or 0 for each in own for one in each.ports if _same(one, port)]
        if there := next(filter(None, (*serving, *known)), 0):
            return there
    wanted = port.port if port.target_port is None else port.target_port
    if isinstance(wanted, int):
        return wanted
    selector = service.spec.selector
    chosen = (pod for pod in pods if selector and labels_match(selector, pod.metadata.labels))
    return next((number for pod in chosen if (number := target(port, pod)) is not None), port.port)


def _serving(found: Sequence[EndpointSlice], port: ServicePort | None = None) -> list[tuple[EndpointSlice, Endpoint]]:
    """Who gets new connections: those that are ready, or, where nobody is, those that serve to their end."""
    there = [
        (each, endpoint)
        for each in found
        if each.address_type == "IPv4" and (port is None or any(_same(own, port) for own in each.ports))
        for endpoint in each.endpoints
    ]
    ready = [(each, endpoint) for each, endpoint in there if gets_traffic(endpoint)]
    return ready or [(each, endpoint) for each, endpoint in there if is_last_resort(each, endpoint)]


def _same(there: SlicePort, port: ServicePort) -> bool:
    return (there.name, there.protocol) == (port.name, port.protocol)


def _port(port: SlicePort) -> EndpointPort:
    return EndpointPort(name=port.name, port=port.port or 0, protocol=port.protocol, app_protocol=port.app_protocol)


def _address(endpoint: Endpoint) -> EndpointAddress:
    return EndpointAddress(
        ip=endpoint.addresses[0],
        hostname=endpoint.hostname,
        node_name=endpoint.node_name,
        target_ref=endpoint.target_ref,
    )
