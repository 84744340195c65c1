"""`describe` of what is no pod: Services, config, and a plain form for every other kind.  Pure."""

import base64
from collections.abc import Callable, Mapping

from orchestrator.cli.describe_policy import policy_lines
from orchestrator.cli.describe_storage import claim_fields, volume_fields
from orchestrator.cli.describe_text import NONE, Field, annotations, events_table, fields, local_time, pairs
from orchestrator.cli.documents import Document, to_yaml


def describe_object(
    document: Document,
    events: list[Document],
    now: float,
    endpoints: Document | None = None,
    pods: list[Document] | None = None,
) -> str:
    """Give the description of any object but a pod; `endpoints` are those of a Service, `pods` those around a claim."""
    meta = document["metadata"]
    head: list[Field] = [("Name", meta["name"])]
    if meta.get("namespace"):
        head.append(("Namespace", meta["namespace"]))
    if document["kind"] == "PersistentVolumeClaim":
        return "\n".join((*fields([*head, *claim_fields(document, pods or [])]), *events_table(events, now)))
    if document["kind"] == "PersistentVolume":
        return "\n".join((*fields([*head, *volume_fields(document)]), *events_table(events, now)))
    head += [("Labels", pairs(meta.get("labels"))), ("Annotations", annotations(meta))]
    if document["kind"] == "NetworkPolicy":
        body = policy_lines(document, head)
    elif document["kind"] == "Service":
        body = fields([*head, *_service(document, endpoints)])
    else:
        body = [*fields(head), *_BODIES.get(document["kind"], _plain)(document)]
    return "\n".join((*body, *events_table(events, now)))


def _service(service: Document, endpoints: Document | None) -> list[Field]:
    spec = service.get("spec", {})
    ips = spec.get("clusterIPs") or [spec.get("clusterIP", "")]
    found: list[Field] = [
        ("Selector", ",".join(pairs(spec.get("selector"))) or NONE),
        ("Type", spec.get("type", "ClusterIP")),
        ("IP", spec.get("clusterIP") or NONE),
        ("IPs", ",".join(filter(None, ips)) or NONE),
    ]
    if spec.get("externalIPs"):
        found.append(("External IPs", ",".join(spec["externalIPs"])))
    if ingress := service.get("status", {}).get("loadBalancer", {}).get("ingress"):
        told = (f"{each['ip']} ({each['ipMode']})" if each.get("ipMode") else each["ip"] for each in ingress)
        found.append(("LoadBalancer Ingress", ", ".join(told)))
    if spec.get("externalName"):
        found.append(("External Name", spec["externalName"]))
    for port in spec.get("ports", []):
        protocol = port.get("protocol", "TCP")
        found.append(("Port", f"{port.get('name') or '<unset>'}  {port['port']}/{protocol}"))
        found.append(("TargetPort", f"{port.get('targetPort', port['port'])}/{protocol}"))
        if port.get("nodePort"):
            found.append(("NodePort", f"{port.get('name') or '<unset>'}  {port['nodePort']}/{protocol}"))
        found.append(("Endpoints", _addresses(endpoints, port.get("name", ""))))
    found.append(("Session Affinity", spec.get("sessionAffinity", "None")))
    for field, title in (("externalTrafficPolicy", "External"), ("internalTrafficPolicy", "Internal")):
        if spec.get(field):
            found.append((f"{title} Traffic Policy", spec[field]))
    if spec.get("loadBalancerSourceRanges"):
        found.append(("LoadBalancer Source Ranges", ",".join(spec["loadBalancerSourceRanges"])))
    return found


def _addresses(endpoints: Document | None, port_name: str) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in (endpoints or {}).get("subsets", [])
        for port in subset.get("ports", [])
        if port.get("name", "") == port_name
        for address in subset.get("addresses", [])
    ]
    return ",".join(found) or NONE


def _endpoints(document: Document) -> list[str]:
    lines = ["Subsets:"]
    for subset in document.get("subsets", []):
        ready = ",".join(address["ip"] for address in subset.get("addresses", []))
        waiting = ",".join(address["ip"] for address in subset.get("notReadyAddresses", []))
        ports = ",".join(f"{p.get('name') or '<unset>'} {p['port']}/{p['protocol']}" for p in subset.get("ports", []))
        rows: list[Field] = [
            ("Addresses", ready or NONE),
            ("NotReadyAddresses", waiting or NONE),
            ("Ports", ports or NONE),
        ]
        lines += fields(rows, indent=2)
    return lines


def _config_map(document: Document) -> list[str]:
    lines = ["", "Data", "===="]
    for key, value in sorted(document.get("data", {}).items()):
        lines += [f"{key}:", "----", *value.rstrip("\n").split("\n"), ""]
    lines += ["BinaryData", "===="]
    for key, value in sorted(document.get("binaryData", {}).items()):
        lines.append(f"{key}: {len(base64.b64decode(value))} bytes")
    return [*lines, ""]


def _secret(document: Document) -> list[str]:
    """Keys and sizes; where the daemon hides the values, keys alone."""
    sizes: list[Field] = []
    for key, value in sorted(document.get("data", {}).items()):
        sizes.append((key, f"{len(base64.b64decode(value))} bytes" if value else "hidden"))
    sizes += [(key, "hidden") for key in sorted(document.get("stringData", {}))]
    return ["", *fields([("Type", document.get("type", "Opaque"))]), "", "Data", "====", *fields(sizes), ""]


def _namespace(document: Document) -> list[str]:
    return fields([("Status", document.get("status", {}).get("phase", "Active"))])


def _plain(document: Document) -> list[str]:
    rest = {key: value for key, value in document.items() if key not in ("metadata", "kind", "apiVersion")}
    created: list[Field] = [("Created", local_time(document["metadata"].get("creationTimestamp")) or NONE)]
    return [*fields(created), *(to_yaml(rest).split("\n") if rest else [])]


_BODIES: Mapping[str, Callable[[Document], list[str]]] = {
    "ConfigMap": _config_map,
    "Secret": _secret,
    "Namespace": _namespace,
    "Endpoints": _endpoints,
}
