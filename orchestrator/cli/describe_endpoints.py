"""`describe` of Endpoints and EndpointSlices, in kubectl's words.  Pure."""

from orchestrator.cli.describe_text import NONE, Field, fields
from orchestrator.cli.documents import Document
from orchestrator.cli.table_text import Columns

UNSET = "<unset>"


def endpoints_lines(document: Document) -> list[str]:
    """What is told of Endpoints besides their metadata."""
    lines = ["Subsets:"]
    for subset in document.get("subsets", []):
        ready = ",".join(address["ip"] for address in subset.get("addresses", []))
        waiting = ",".join(address["ip"] for address in subset.get("notReadyAddresses", []))
        lines += fields([("Addresses", ready or NONE), ("NotReadyAddresses", waiting or NONE)], indent=2)
        lines += [*_ports(subset.get("ports", []), 2), ""]
    return lines


def slice_lines(document: Document) -> list[str]:
    """What is told of an EndpointSlice besides its metadata."""
    lines = fields([("AddressType", document["addressType"])])
    lines += _ports(document.get("ports", []), 0)
    endpoints = document.get("endpoints", [])
    if not endpoints:
        return [*lines, f"Endpoints:  {NONE}"]
    lines.append("Endpoints:")
    for endpoint in endpoints:
        first, *rest = fields(_endpoint(endpoint), indent=4)
        lines += [f"  - {first[4:]}", *rest]
    return lines


def _endpoint(endpoint: Document) -> list[Field]:
    conditions = endpoint.get("conditions", {})
    refers = endpoint.get("targetRef", {})
    return [
        ("Addresses", ", ".join(endpoint["addresses"])),
        ("Conditions:", None),
        *((f"  {name.capitalize()}", _said(conditions.get(name))) for name in ("ready", "serving", "terminating")),
        ("Hostname", endpoint.get("hostname") or UNSET),
        *([("TargetRef", f"{refers['kind']}/{refers['name']}")] if refers else []),
        ("NodeName", endpoint.get("nodeName") or UNSET),
        ("Zone", endpoint.get("zone") or UNSET),
    ]


def _said(condition: bool | None) -> str:
    return UNSET if condition is None else str(condition).lower()


def _ports(ports: list[Document], indent: int) -> list[str]:
    space = " " * indent
    if not ports:
        return [f"{space}Ports:  {UNSET}"]
    rows = [[f"{space}  Name", "Port", "Protocol"], [f"{space}  ----", "----", "--------"]]
    rows += [[f"{space}  {p.get('name') or UNSET}", str(p.get("port", UNSET)), p.get("protocol", "TCP")] for p in ports]
    return [f"{space}Ports:", *Columns().lines(rows)]
