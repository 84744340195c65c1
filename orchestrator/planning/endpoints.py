"""Which pods stand behind a Service, on which ports.

Follows Kubernetes' endpoints controller: pods by selector that have an address and have not ended; ready ones that
are not being deleted get traffic, with `publishNotReadyAddresses` all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.objects.meta import ObjectMeta, ObjectReference, labels_match
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Service,
    ServicePort,
)


@dataclass(frozen=True, slots=True)
class Backend:
    """One place that serves: address and port."""

    ip: str
    port: int


def is_ready(pod: Pod) -> bool:
    """Whether the pod's Ready condition is True."""
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions)


def endpoints(service: Service, pods: Iterable[Pod]) -> Endpoints:
    """The Endpoints of a Service with a selector; `pods` are those of its namespace."""
    subsets: dict[tuple[EndpointPort, ...], tuple[list[EndpointAddress], list[EndpointAddress]]] = {}
    for pod in pods:
        if not _counts(service, pod):
            continue
        ports = _ports(service, pod)
        if service.spec.ports and not ports:
            continue
        serving = service.spec.publish_not_ready_addresses or is_ready(pod)
        subsets.setdefault(ports, ([], []))[0 if serving else 1].append(_address(service, pod))
    meta = service.metadata
    return Endpoints(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            creation_timestamp=meta.creation_timestamp,
            labels=meta.labels,
        ),
        subsets=tuple(
            EndpointSubset(addresses=_sorted(ready), not_ready_addresses=_sorted(waiting), ports=ports)
            for ports, (ready, waiting) in sorted(subsets.items(), key=lambda item: str(item[0]))
        ),
    )


def backends(port: ServicePort, found: Endpoints) -> tuple[Backend, ...]:
    """Where a Service's port leads: its serving addresses, each with the port that it is there."""
    places = {
        Backend(address.ip, there.port)
        for subset in found.subsets
        for there in subset.ports
        if (there.name, there.protocol) == (port.name, port.protocol)
        for address in subset.addresses
    }
    return tuple(sorted(places, key=lambda place: (place.ip, place.port)))


def serving_addresses(found: Endpoints) -> tuple[EndpointAddress, ...]:
    """All serving addresses, whatever their ports: what a headless Service's name leads to."""
    by_ip = {address.ip: address for subset in found.subsets for address in subset.addresses}
    return tuple(by_ip[ip] for ip in sorted(by_ip))


def port_by_name(service: Service, port: ServicePort, pods: Iterable[Pod]) -> int:
    """Where a Service's port is reached by the name alone: its target port, as a pod behind it numbers it.

    While no pod knows a port of that name it is the Service's own number.  Pods that number it differently need
    addresses: by name there is one port for all.
    """
    target = port.port if port.target_port is None else port.target_port
    if isinstance(target, int):
        return target
    selector = service.spec.selector
    chosen = (pod for pod in pods if selector and labels_match(selector, pod.metadata.labels))
    return next((number for pod in chosen if (number := _target(port, pod)) is not None), port.port)


def _counts(service: Service, pod: Pod) -> bool:
    return (
        labels_match(service.spec.selector, pod.metadata.labels)
        and bool(pod.status.pod_ip)
        and pod.status.phase not in ("Succeeded", "Failed")
        # Kubernetes' Endpoints leave out a pod that is being deleted, but for those who asked for every pod.
        and (service.spec.publish_not_ready_addresses or not pod.metadata.deletion_timestamp)
    )


def _ports(service: Service, pod: Pod) -> tuple[EndpointPort, ...]:
    ports = []
    for port in service.spec.ports:
        number = _target(port, pod)
        if number is not None:
            ports.append(
                EndpointPort(name=port.name, port=number, protocol=port.protocol, app_protocol=port.app_protocol)
            )
    return tuple(ports)


def _target(port: ServicePort, pod: Pod) -> int | None:
    """The port's number in this pod; None when no container has a port of that name and protocol."""
    target = port.port if port.target_port is None else port.target_port
    if isinstance(target, int):
        return target
    sidecars = (container for container in pod.spec.init_containers if container.restart_policy == "Always")
    for container in (*pod.spec.containers, *sidecars):
        for there in container.ports:
            if there.name == target and there.protocol == port.protocol:
                return there.container_port
    return None


def _address(service: Service, pod: Pod) -> EndpointAddress:
    named = pod.spec.hostname and pod.spec.subdomain == service.metadata.name
    return EndpointAddress(
        ip=pod.status.pod_ip,
        hostname=pod.spec.hostname if named else "",
        node_name=pod.spec.node_name,
        target_ref=ObjectReference(
            kind="Pod", namespace=pod.metadata.namespace, name=pod.metadata.name, uid=pod.metadata.uid
        ),
    )


def _sorted(addresses: list[EndpointAddress]) -> tuple[EndpointAddress, ...]:
    return tuple(sorted(addresses, key=lambda address: address.ip))
