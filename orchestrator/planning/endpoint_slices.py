"""EndpointSlices: the one account of what stands behind a Service.  Endpoints, rules and names are read out of it.

Those of a Service with a selector are made of its pods, as Kubernetes' endpointslice controller does: pods that have
an address and have not ended; ready are those that are Ready and not being deleted, with `publishNotReadyAddresses` all
of them.  Hand-written Endpoints of a Service without one are mirrored, as Kubernetes' mirroring controller does.
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Literal

from msgspec.structs import replace

from orchestrator.objects.endpoint_slice import (
    MANAGED_BY,
    SERVICE_NAME,
    SKIP_MIRROR,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    SlicePort,
)
from orchestrator.objects.meta import ObjectMeta, ObjectReference, OwnerReference, labels_match
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.objects.service import EndpointAddress, Endpoints, Service, ServicePort

CONTROLLER = "endpointslice-controller.k8s.io"
MIRRORING = "endpointslicemirroring-controller.k8s.io"
_HEADLESS = "service.kubernetes.io/headless"
_MOST_ENDPOINTS = 100
"""Endpoints of one slice, as many as Kubernetes' controllers put into one."""
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes the ends of names of."""

Ports = tuple[SlicePort, ...]


def is_ready(pod: Pod) -> bool:
    """Whether the pod's Ready condition is True."""
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions)


def slices(service: Service, pods: Iterable[Pod]) -> tuple[EndpointSlice, ...]:
    """The slices of a Service with a selector; `pods` are of its namespace.  At least one, be it empty."""
    groups: defaultdict[Ports, list[Endpoint]] = defaultdict(list)
    for pod in pods:
        if not _counts(service, pod):
            continue
        ports = _ports(service, pod)
        if ports or not service.spec.ports:
            groups[ports].append(_endpoint(service, pod))
    headless = {_HEADLESS: ""} if service.spec.cluster_ip == "None" else {}
    labels = {**service.metadata.labels, SERVICE_NAME: service.metadata.name, MANAGED_BY: CONTROLLER, **headless}
    return tuple(_cut(service.metadata, "Service", labels, "IPv4", groups or {(): []}))


def mirrored(service: Service, written: Endpoints) -> tuple[EndpointSlice, ...]:
    """The slices of hand-written Endpoints; none where the Service has a selector, or the Endpoints want none."""
    meta = written.metadata
    if service.spec.selector or meta.labels.get(SKIP_MIRROR) == "true":
        return ()
    families: dict[Literal["IPv4", "IPv6"], defaultdict[Ports, list[Endpoint]]] = {
        "IPv4": defaultdict(list),
        "IPv6": defaultdict(list),
    }
    for subset in written.subsets:
        ports = tuple(
            SlicePort(name=port.name, protocol=port.protocol, port=port.port, app_protocol=port.app_protocol)
            for port in subset.ports
        )
        for addresses, ready in ((subset.addresses, True), (subset.not_ready_addresses, False)):
            for address in addresses:
                family = families["IPv4" if ip_address(address.ip).version == 4 else "IPv6"]
                family[ports].append(_mirror(address, ready=ready))
    labels = {**meta.labels, SERVICE_NAME: meta.name, MANAGED_BY: MIRRORING}
    found = [each for family, groups in families.items() for each in _cut(meta, "Endpoints", labels, family, groups)]
    return tuple(found)


def written_slices(listed: Callable[[str], Iterable[Any]]) -> tuple[EndpointSlice, ...]:
    """All slices of a namespace, and those that will be made of Endpoints which have only just come.

    `listed` gives its objects of a kind.
    """
    named = {each.metadata.name: each for each in listed("Endpoints")}
    there = [service for service in listed("Service") if service.metadata.name in named]
    return *listed("EndpointSlice"), *(each for one in there for each in mirrored(one, named[one.metadata.name]))


def is_serving(conditions: EndpointConditions) -> bool:
    """Whether an endpoint answers, be it terminating or not; what is not said is so."""
    return conditions.serving is not False


def gets_traffic(endpoint: Endpoint) -> bool:
    """Whether new connections go to an endpoint; what is not said is ready."""
    return endpoint.conditions.ready is not False


def is_last_resort(found: EndpointSlice, endpoint: Endpoint) -> bool:
    """Whether an endpoint gets new connections where nobody is ready: it says that it still serves while it ends.

    As kube-proxy has it, but for our own pods: those get none from the moment that they are being deleted.
    """
    conditions = endpoint.conditions
    ending = conditions.terminating is True and is_serving(conditions)
    return ending and found.metadata.labels.get(MANAGED_BY) != CONTROLLER


def target(port: ServicePort, pod: Pod) -> int | None:
    """The port's number in this pod; None when no container has a port of that name and protocol."""
    wanted = port.port if port.target_port is None else port.target_port
    if isinstance(wanted, int):
        return wanted
    for container in (*pod.spec.containers, *pod.spec.sidecars):
        for there in container.ports:
            if there.name == wanted and there.protocol == port.protocol:
                return there.container_port
    return None


def _counts(service: Service, pod: Pod) -> bool:
    return (
        labels_match(service.spec.selector, pod.metadata.labels)
        and bool(pod.status.pod_ip)
        and pod.status.phase not in FINAL_PHASES
    )


def _ports(service: Service, pod: Pod) -> Ports:
    return tuple(
        SlicePort(name=port.name, protocol=port.protocol, port=number, app_protocol=port.app_protocol)
        for port in service.spec.ports
        if (number := target(port, pod)) is not None
    )


def _endpoint(service: Service, pod: Pod) -> Endpoint:
    serving, terminating = is_ready(pod), bool(pod.metadata.deletion_timestamp)
    ready = service.spec.publish_not_ready_addresses or (serving and not terminating)
    named = pod.spec.hostname and pod.spec.subdomain == service.metadata.name
    meta = pod.metadata
    return Endpoint(
        addresses=(pod.status.pod_ip,),
        conditions=EndpointConditions(ready=ready, serving=serving, terminating=terminating),
        hostname=pod.spec.hostname if named else "",
        node_name=pod.spec.node_name,
        target_ref=ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid),
    )


def _mirror(address: EndpointAddress, *, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=(address.ip,),
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname,
        node_name=address.node_name,
        target_ref=address.target_ref,
    )


def _cut(
    owner: ObjectMeta,
    kind: Literal["Service", "Endpoints"],
    labels: Mapping[str, str],
    family: Literal["IPv4", "IPv6"],
    groups: Mapping[Ports, Sequence[Endpoint]],
) -> Iterator[EndpointSlice]:
    """Slices that are not too long, each with a name that stays while its ports do."""
    refers = OwnerReference(
        api_version="v1", kind=kind, name=owner.name, uid=owner.uid, controller=True, block_owner_deletion=True
    )
    meta = ObjectMeta(
        namespace=owner.namespace,
        generate_name=f"{owner.name}-",
        creation_timestamp=owner.creation_timestamp,
        labels=labels,
        owner_references=(refers,),
    )
    for ports, endpoints in sorted(groups.items(), key=lambda item: str(item[0])):
        ordered = sorted(endpoints, key=lambda endpoint: endpoint.addresses)
        for start in range(0, max(len(ordered), 1), _MOST_ENDPOINTS):
            name = f"{owner.name}-{_suffix(f'{family} {ports} {start}')}"
            own = replace(meta, name=name, uid=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{owner.uid}/{name}")))
            part = tuple(ordered[start : start + _MOST_ENDPOINTS])
            yield EndpointSlice(metadata=own, address_type=family, endpoints=part, ports=ports)


def _suffix(text: str) -> str:
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in hashlib.sha256(text.encode()).digest()[:5])
