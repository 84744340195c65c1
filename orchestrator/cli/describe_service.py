"""`describe service`: kubectl's fields, then which pods are behind it, which get no traffic, and why not.  Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.describe_text import NONE, Field, pairs
from orchestrator.cli.documents import Document
from orchestrator.cli.table_text import Columns
from orchestrator.cli.why import why_not_well
from orchestrator.objects.meta import labels_match
from orchestrator.objects.pod_status import FINAL_PHASES

_SHOWN = 3
"""Endpoints of a port that are written out, as kubectl does."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around an object: a Service's EndpointSlices, and the pods of the namespace with their Events."""

    slices: tuple[Document, ...] = ()
    pods: tuple[Document, ...] = ()
    events: tuple[Document, ...] = ()
    now: float = 0.0
    """In Unix seconds."""


NOTHING_AROUND = Surroundings()


def service_fields(service: Document, around: Surroundings) -> list[Field]:
    """What is told of a Service besides its metadata, in kubectl's words and order."""
    spec = service.get("spec", {})
    ips = spec.get("clusterIPs") or [spec.get("clusterIP", "")]
    found: list[Field] = [
        ("Selector", ",".join(pairs(spec.get("selector"))) or NONE),
        ("Type", spec.get("type", "ClusterIP")),
    ]
    if spec.get("ipFamilyPolicy"):
        found.append(("IP Family Policy", spec["ipFamilyPolicy"]))
    if spec.get("ipFamilies"):
        found.append(("IP Families", ",".join(spec["ipFamilies"])))
    found += [("IP", spec.get("clusterIP") or NONE), ("IPs", ",".join(filter(None, ips)) or NONE)]
    if spec.get("externalIPs"):
        found.append(("External IPs", ",".join(spec["externalIPs"])))
    if ingress := service.get("status", {}).get("loadBalancer", {}).get("ingress"):
        told = (f"{each['ip']} ({each['ipMode']})" if each.get("ipMode") else each["ip"] for each in ingress)
        found.append(("LoadBalancer Ingress", ", ".join(told)))
    if spec.get("externalName"):
        found.append(("External Name", spec["externalName"]))
    for port in spec.get("ports", []):
        found += _port(port, spec, around)
    found.append(("Session Affinity", spec.get("sessionAffinity", "None")))
    for field, title in (("externalTrafficPolicy", "External"), ("internalTrafficPolicy", "Internal")):
        if spec.get(field):
            found.append((f"{title} Traffic Policy", spec[field]))
    if spec.get("healthCheckNodePort"):
        found.append(("HealthCheck NodePort", str(spec["healthCheckNodePort"])))
    if spec.get("loadBalancerSourceRanges"):
        found.append(("LoadBalancer Source Ranges", ",".join(spec["loadBalancerSourceRanges"])))
    selector = spec.get("selector")
    if selector and not _selected(selector, around):
        found.append(("Pods", _nobody(selector, around)))
    return found


def service_pods(service: Document, around: Surroundings) -> list[str]:
    """The pods that a Service selects, one line each, and why some get no traffic; nothing without a selector."""
    selector = service.get("spec", {}).get("selector")
    if not selector:
        return []
    chosen = _selected(selector, around)
    if not chosen:
        return []
    everyone = bool(service["spec"].get("publishNotReadyAddresses"))
    lines: list[str] = []
    rows = [["  Name", "IP", "State"], ["  ----", "--", "-----"]]
    for pod in chosen:
        state, why = _state(pod, service["spec"], around, everyone=everyone)
        rows.append([f"  {pod['metadata']['name']}", pod.get("status", {}).get("podIP") or NONE, state])
        lines += [f"  {pod['metadata']['name']}: {line}" for line in why]
    return ["Pods:", *Columns().lines(rows), *(["Why:", *lines] if lines else [])]


# --- ports ---


def _port(port: Document, spec: Document, around: Surroundings) -> Iterator[Field]:
    protocol, name = port.get("protocol", "TCP"), port.get("name", "")
    shown = name or "<unset>"
    wanted = port.get("targetPort", port["port"])
    yield "Port", f"{shown}  {port['port']}/{protocol}"
    yield "TargetPort", f"{wanted}/{protocol}{_unnamed(port, spec, around)}"
    if port.get("nodePort"):
        yield "NodePort", f"{shown}  {port['nodePort']}/{protocol}"
    yield "Endpoints", _endpoints(around.slices, name, protocol)


def _endpoints(slices: tuple[Document, ...], name: str, protocol: str) -> str:
    found = [
        f"{endpoint['addresses'][0]}:{port.get('port')}"
        for each in slices
        for port in each.get("ports", [])
        if (port.get("name", ""), port.get("protocol", "TCP")) == (name, protocol)
        for endpoint in each.get("endpoints", [])
        if endpoint.get("conditions", {}).get("ready", True)
    ]
    more = f" + {len(found) - _SHOWN} more..." if len(found) > _SHOWN else ""
    return ",".join(found[:_SHOWN]) + more or NONE


def _unnamed(port: Document, spec: Document, around: Surroundings) -> str:
    """What is wrong with a port that is given by name."""
    chosen = _selected(spec.get("selector") or {}, around) if spec.get("selector") else []
    if not isinstance(port.get("targetPort"), str) or not chosen or any(_has_port(pod, port) for pod in chosen):
        return ""
    others = sorted({each["name"] for pod in chosen for each in _container_ports(pod) if each.get("name")})
    there = f": they have {', '.join(others)}" if others else ""
    return f" (none of its pods has a port of this name and protocol{there})"


def _has_port(pod: Document, port: Document) -> bool:
    wanted = port.get("targetPort"), port.get("protocol", "TCP")
    return any((each.get("name"), each.get("protocol", "TCP")) == wanted for each in _container_ports(pod))


def _container_ports(pod: Document) -> Iterator[Document]:
    spec = pod["spec"]
    sidecars = (each for each in spec.get("initContainers", []) if each.get("restartPolicy") == "Always")
    for container in (*spec["containers"], *sidecars):
        yield from container.get("ports", [])


# --- pods ---


def _selected(selector: dict[str, str], around: Surroundings) -> list[Document]:
    return [pod for pod in around.pods if labels_match(selector, pod["metadata"].get("labels", {}))]


def _nobody(selector: dict[str, str], around: Surroundings) -> str:
    """Why nothing is selected: who comes nearest, and what it lacks."""
    wanted = f"{NONE}: no pod here has the labels {','.join(pairs(selector))}"
    nearest = max(around.pods, key=lambda pod: _agreement(selector, pod), default=None)
    if nearest is None or not _agreement(selector, nearest):
        return wanted
    labels = nearest["metadata"].get("labels", {})
    has = ",".join(pairs({key: labels[key] for key in selector if key in labels}))
    return f"{wanted} (the nearest, {nearest['metadata']['name']}, has {has})"


def _agreement(selector: dict[str, str], pod: Document) -> int:
    labels = pod["metadata"].get("labels", {})
    return sum(1 + (labels[key] == value) for key, value in selector.items() if key in labels)


def _state(pod: Document, spec: Document, around: Surroundings, *, everyone: bool) -> tuple[str, list[str]]:
    """What a pod is to its Service in a word or two, and why it gets no traffic."""
    status = pod.get("status", {})
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    if status.get("phase") in FINAL_PHASES:
        return f"ended ({status['phase']})", []
    if pod["metadata"].get("deletionTimestamp") and not everyone:
        return "terminating", []
    lacking = [port["targetPort"] for port in spec.get("ports", []) if _is_lacking(pod, port)]
    why = [f"it has no port named {name}" for name in lacking]
    if not ready:
        about = [event for event in around.events if _is_about(event, pod)]
        return ("not ready, served all the same" if everyone else "not ready"), [
            *why,
            *why_not_well(pod, about, around.now),
        ]
    return ("ready" if len(lacking) < max(len(spec.get("ports", [])), 1) else "ready, no port"), why


def _is_lacking(pod: Document, port: Document) -> bool:
    return isinstance(port.get("targetPort"), str) and not _has_port(pod, port)


def _is_about(event: Document, pod: Document) -> bool:
    about: dict[str, Any] = event.get("involvedObject", {})
    return about.get("kind") == "Pod" and about.get("uid") == pod["metadata"].get("uid")
