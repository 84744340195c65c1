"""The downward API: a pod's own fields and its containers' resources, as text (behaviour case E02).

Follows https://kubernetes.io/docs/concepts/workloads/pods/downward-api/.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

from orchestrator.objects.container import Container, ResourceFieldSelector
from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import parse_quantity
from orchestrator.planning.errors import ConfigError
from orchestrator.planning.surroundings import NodeFacts

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


def field_value(pod: Pod, path: str, node: NodeFacts, pod_ip: str) -> str:
    """The text of a fieldPath; ConfigError for one that is not supported."""
    meta = pod.metadata
    plain: Mapping[str, str] = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "spec.nodeName": node.name,
        "spec.serviceAccountName": pod.spec.service_account_name or "default",
        "status.hostIP": node.ip,
        "status.hostIPs": node.ip,
        "status.podIP": pod_ip,
        "status.podIPs": pod_ip,
    }
    if path in plain:
        return plain[path]
    if path in ("metadata.labels", "metadata.annotations"):
        return _pairs(meta.labels if path == "metadata.labels" else meta.annotations)
    if match := _SUBSCRIPT.fullmatch(path):
        pairs = meta.labels if match[1] == "labels" else meta.annotations
        return pairs.get(match[2], "")
    raise ConfigError(f"field label not supported: {path}")


def resource_value(pod: Pod, container: Container | None, ref: ResourceFieldSelector, node: NodeFacts) -> str:
    """A limit or request divided by its divisor, rounded up; a missing limit is what the node has."""
    if ref.container_name and (container is None or ref.container_name != container.name):
        named = [c for c in pod.spec.every_container if c.name == ref.container_name]
        if not named:
            raise ConfigError(f"container {ref.container_name} not found")
        container = named[0]
    if container is None:
        raise ConfigError("a resourceFieldRef of a volume needs a containerName")
    kind, _, resource = ref.resource.partition(".")
    limits, requests = container.resources.limits, container.resources.requests
    text = limits.get(resource) if kind == "limits" else requests.get(resource, limits.get(resource))
    amount = parse_quantity(text) if text else _capacity(resource, node) if kind == "limits" else Fraction(0)
    divisor = parse_quantity(ref.divisor) or Fraction(1)
    quotient = amount / divisor
    return str(-(-quotient.numerator // quotient.denominator))


def _capacity(resource: str, node: NodeFacts) -> Fraction:
    """What pods may have of the host in all."""
    if resource in node.allocatable:
        return Fraction(node.allocatable[resource], 1000 if resource == "cpu" else 1)
    match resource:
        case "cpu":
            return Fraction(node.nano_cpus, 10**9)
        case "memory":
            return Fraction(node.memory_bytes)
        case _:
            return Fraction(0)


def _pairs(pairs: Mapping[str, str]) -> str:
    """`key="value"` lines in order of the keys, as the kubelet writes them."""
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(pairs.items()))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
