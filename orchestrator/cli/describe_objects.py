"""`describe` of what is no pod: Services, config, and a plain form for every other kind.  Pure."""

import base64
from collections.abc import Callable, Mapping

from orchestrator.cli.describe_endpoints import endpoints_lines, slice_lines
from orchestrator.cli.describe_policy import policy_lines
from orchestrator.cli.describe_service import NOTHING_AROUND, Surroundings, service_fields, service_pods
from orchestrator.cli.describe_storage import claim_fields, volume_fields
from orchestrator.cli.describe_text import NONE, Field, annotations, events_table, fields, local_time, pairs
from orchestrator.cli.documents import Document, to_yaml


def describe_object(
    document: Document,
    events: list[Document],
    now: float,
    around: Surroundings = NOTHING_AROUND,
) -> str:
    """Give the description of any object but a pod."""
    meta = document["metadata"]
    head: list[Field] = [("Name", meta["name"])]
    if meta.get("namespace"):
        head.append(("Namespace", meta["namespace"]))
    if document["kind"] == "PersistentVolumeClaim":
        return "\n".join((*fields([*head, *claim_fields(document, list(around.pods))]), *events_table(events, now)))
    if document["kind"] == "PersistentVolume":
        return "\n".join((*fields([*head, *volume_fields(document)]), *events_table(events, now)))
    head += [("Labels", pairs(meta.get("labels"))), ("Annotations", annotations(meta))]
    if document["kind"] == "NetworkPolicy":
        body = policy_lines(document, head)
    elif document["kind"] == "Service":
        body = [*fields([*head, *service_fields(document, around)]), *service_pods(document, around)]
    else:
        body = [*fields(head), *_BODIES.get(document["kind"], _plain)(document)]
    return "\n".join((*body, *events_table(events, now)))


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
    "Endpoints": endpoints_lines,
    "EndpointSlice": slice_lines,
}
