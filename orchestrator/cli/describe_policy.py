"""`describe networkpolicy`, as kubectl prints it.  Pure."""

from typing import Any

import msgspec

from orchestrator.cli.describe_text import Field, fields, local_time
from orchestrator.cli.documents import Document
from orchestrator.objects.meta import LabelSelector

_ALL_PODS = "<none> (Allowing the specific traffic to all pods in this namespace)"
_INDENT = "    "


def policy_lines(policy: Document, head: list[Field]) -> list[str]:
    """The description of a policy; `head` has what every object has: name, namespace, labels, annotations."""
    name, namespace, *rest = head
    spec = policy.get("spec", {})
    types = spec.get("policyTypes", [])
    selector = _selector(spec.get("podSelector"))
    return [
        *fields([name, namespace, ("Created on", local_time(policy["metadata"].get("creationTimestamp"))), *rest]),
        "Spec:",
        f"  PodSelector:     {_ALL_PODS if selector == '<none>' else selector}",
        *_direction("ingress", "From", "source", "Ingress" in types, spec.get("ingress", []), "from"),
        *_direction("egress", "To", "destination", "Egress" in types, spec.get("egress", []), "to"),
        f"  Policy Types: {', '.join(types)}",
    ]


def _direction(way: str, word: str, end: str, affected: bool, rules: list[Document], field: str) -> list[str]:
    if not affected:
        return [f"  Not affecting {way} traffic"]
    lines = [f"  Allowing {way} traffic:"]
    if not rules:
        return [*lines, f"{_INDENT}<none> (Selected pods are isolated for {way} connectivity)"]
    for index, rule in enumerate(rules):
        lines += [f"{_INDENT}----------"] if index else []
        ports, peers = rule.get("ports", []), rule.get(field, [])
        lines += [f"{_INDENT}To Port: {_port(port)}" for port in ports]
        lines += [] if ports else [f"{_INDENT}To Port: <any> (traffic allowed to all ports)"]
        for peer in peers:
            lines += [f"{_INDENT}{word}:", *_peer(peer)]
        lines += [] if peers else [f"{_INDENT}{word}: <any> (traffic not restricted by {end})"]
    return lines


def _port(port: Document) -> str:
    number = port.get("port", "<any>")
    last = f"-{port['endPort']}" if "endPort" in port else ""
    return f"{number}{last}/{port.get('protocol', 'TCP')}"


def _peer(peer: Document) -> list[str]:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        parts = [f"CIDR: {block['cidr']}", f"Except: {', '.join(block.get('except', []))}".rstrip()]
        return [f"{_INDENT}  IPBlock:", *(f"{_INDENT}    {part}" for part in parts)]
    named = (("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector"))
    return [f"{_INDENT}  {title}: {_selector(peer[field])}" for title, field in named if field in peer]


def _selector(document: Any) -> str:
    return msgspec.convert(document or {}, LabelSelector).text
