"""What the rest of this room needs to know of the store's Services and Pods, worked out from scratch.  Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Endpoints, Service
from orchestrator.planning.endpoints import backends, endpoints, is_ready, serving_addresses
from orchestrator.services import nft
from orchestrator.services.addresses import has_address
from orchestrator.services.hosts import Name


@dataclass(frozen=True)
class View:
    """Every Service as it should be now: its Endpoints, its rules by namespace, and the names that lead to it."""

    endpoints: tuple[Endpoints, ...]
    targets: Mapping[str, dict[nft.Address, nft.Target]]
    names: tuple[Name, ...]
    keep: frozenset[str]
    """The namespaces that need their network."""


def view(
    services: Iterable[Service], pods: Iterable[Pod], given: Mapping[tuple[str, str], Endpoints], *, by_name: bool
) -> View:
    """`given` are hand-written Endpoints by (namespace, name), for Services without a selector.

    With `by_name` the names lead to ready pods, as there is nothing that would carry a virtual address.
    """
    pods_of: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        pods_of[pod.metadata.namespace].append(pod)
    made: list[Endpoints] = []
    names: list[Name] = []
    targets: dict[str, dict[nft.Address, nft.Target]] = {}
    for service in services:
        if service.spec.type == "ExternalName":
            continue
        meta = service.metadata
        if service.spec.selector:
            found = endpoints(service, pods_of[meta.namespace])
            made.append(found)
        else:
            found = given.get((meta.namespace, meta.name), Endpoints())
        if has_address(service):
            targets.setdefault(meta.namespace, {}).update(_targets(service, found))
        names += _names(service, found, by_name)
    return View(tuple(made), targets, tuple(names), frozenset(pods_of) | frozenset(targets))


def pod_matters(before: Pod | None, after: Pod) -> bool:
    """Whether a change of a pod can change a `View`: most changes of a status cannot."""
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
