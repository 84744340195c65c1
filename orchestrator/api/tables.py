"""Lists as `meta.k8s.io/v1` Tables: the columns that kubectl shows, one entry a kind.  Pure.

Columns with priority 1 are those that only `-o wide` shows.  Source: kubernetes/pkg/printers/internalversion.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.api.ages import UNKNOWN, age
from orchestrator.api.endpoints_table import ENDPOINTS_COLUMNS, SLICE_COLUMNS, endpoints_cells, slice_cells
from orchestrator.api.pod_table import NONE, pod_cells
from orchestrator.api.storage_table import CLAIM_COLUMNS, VOLUME_COLUMNS, claim_cells, volume_cells
from orchestrator.objects.config import ConfigMap, Namespace, Secret
from orchestrator.objects.events import Event
from orchestrator.objects.policy import NetworkPolicy
from orchestrator.objects.service import Service

Cells = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class TableKind:
    """A kind's columns; those named in `wide` have priority 1."""

    columns: tuple[str, ...]
    cells: Callable[[Any, float], Cells]
    wide: frozenset[str] = frozenset()


def table(kind: str, rows: Iterable[tuple[Any, dict[str, Any]]], now: float, version: int) -> dict[str, Any]:
    """Give a Table of objects, each with the document that its row carries; `now` is in Unix seconds."""
    shape = KINDS.get(kind, _ANY)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": [_column(name, shape) for name in shape.columns],
        "rows": [{"cells": list(shape.cells(obj, now)), "object": document} for obj, document in rows],
    }


def _column(name: str, shape: TableKind) -> dict[str, Any]:
    return {
        "name": name,
        "type": "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": 1 if name in shape.wide else 0,
    }


def _age(obj: Any, now: float) -> str:
    return age(obj.metadata.creation_timestamp, now)


def _service(service: Service, now: float) -> Cells:
    spec = service.spec
    ports = [f"{p.port}{f':{p.node_port}' if p.node_port else ''}/{p.protocol}" for p in spec.ports]
    selector = ",".join(f"{key}={value}" for key, value in sorted(spec.selector.items()))
    return (
        service.metadata.name,
        spec.type,
        spec.cluster_ip or NONE,
        _external(service),
        ",".join(ports) or NONE,
        _age(service, now),
        selector or NONE,
    )


def _external(service: Service) -> str:
    spec = service.spec
    if spec.type == "ExternalName":
        return spec.external_name
    addresses = list(spec.external_ips)
    if spec.type == "LoadBalancer":
        addresses = [i.ip or i.hostname for i in service.status.load_balancer.ingress] + addresses
        return ",".join(addresses) or "<pending>"
    return ",".join(addresses) or NONE


def _config_map(config_map: ConfigMap, now: float) -> Cells:
    return config_map.metadata.name, len(config_map.data) + len(config_map.binary_data), _age(config_map, now)


def _secret(secret: Secret, now: float) -> Cells:
    return secret.metadata.name, secret.type, len({*secret.data, *secret.string_data}), _age(secret, now)


def _namespace(namespace: Namespace, now: float) -> Cells:
    return namespace.metadata.name, namespace.status.phase, _age(namespace, now)


def _network_policy(policy: NetworkPolicy, now: float) -> Cells:
    return policy.metadata.name, policy.spec.pod_selector.text, _age(policy, now)


def _event(event: Event, now: float) -> Cells:
    about = event.involved_object
    first = event.first_timestamp or event.event_time
    last = event.last_timestamp or first
    return (
        age(last, now) if last else UNKNOWN,
        event.type,
        event.reason,
        f"{about.kind.lower()}/{about.name}",
        about.field_path,
        ", ".join(filter(None, (event.source.component, event.source.host))),
        event.message.strip(),
        age(first, now) if first else UNKNOWN,
        event.count,
        event.metadata.name,
    )


def _node(node: Mapping[str, Any], now: float) -> Cells:
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
    since = age(node["metadata"]["creationTimestamp"], now)
    version = node["status"]["nodeInfo"]["kubeletVersion"]
    return node["metadata"]["name"], "Ready" if ready else "NotReady", NONE, since, version


_ANY = TableKind(("Name", "Age"), lambda obj, now: (obj.metadata.name, _age(obj, now)))
KINDS: Mapping[str, TableKind] = {
    "Pod": TableKind(
        ("Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node", "Readiness Gates"),
        pod_cells,
        frozenset({"IP", "Node", "Nominated Node", "Readiness Gates"}),
    ),
    "Service": TableKind(
        ("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"), _service, frozenset({"Selector"})
    ),
    "ConfigMap": TableKind(("Name", "Data", "Age"), _config_map),
    "Secret": TableKind(("Name", "Type", "Data", "Age"), _secret),
    "Namespace": TableKind(("Name", "Status", "Age"), _namespace),
    "NetworkPolicy": TableKind(("Name", "Pod-Selector", "Age"), _network_policy),
    "Node": TableKind(("Name", "Status", "Roles", "Age", "Version"), _node),
    "LimitRange": TableKind(
        ("Name", "Created At"), lambda obj, _now: (obj.metadata.name, obj.metadata.creation_timestamp)
    ),
    "RuntimeClass": TableKind(
        ("Name", "Handler", "Age"), lambda obj, now: (obj.metadata.name, obj.handler, _age(obj, now))
    ),
    "PersistentVolumeClaim": TableKind(CLAIM_COLUMNS, claim_cells, frozenset({"VolumeMode"})),
    "PersistentVolume": TableKind(VOLUME_COLUMNS, volume_cells, frozenset({"VolumeMode"})),
    "Event": TableKind(
        (
            "Last Seen", "Type", "Reason", "Object", "Subobject", "Source", "Message", "First Seen", "Count", "Name",
        ),
        _event,
        frozenset({"Subobject", "Source", "First Seen", "Count", "Name"}),
    ),
    "Endpoints": TableKind(ENDPOINTS_COLUMNS, endpoints_cells),
    "EndpointSlice": TableKind(SLICE_COLUMNS, slice_cells),
}  # fmt: skip
"""How each kind is shown; a kind without an entry is shown by name and age."""
