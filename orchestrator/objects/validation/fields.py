"""Rules of fieldRef and resourceFieldRef, which variables and downward API files share."""

import re

from orchestrator.objects.container import ObjectFieldSelector, ResourceFieldSelector
from orchestrator.objects.problem import FieldPath, Problem, error, invalid, required, unsupported
from orchestrator.objects.scalars import check_qualified_name, parse_quantity
from orchestrator.objects.validation.common import not_found

ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
VOLUME_FIELDS = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
)  # fmt: skip

_KEYED = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]\Z")
_RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)\Z")
_RESOURCES = tuple(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_DIVISORS = {
    "cpu": ("0", "1m", "1"),
    "memory": ("0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"),
}


def field_reference(reference: ObjectFieldSelector, known: tuple[str, ...], path: FieldPath) -> list[Problem]:
    """Check a field of the pod: one of `known`, or one label or annotation by key."""
    where = (*path, "fieldPath")
    if not reference.field_path:
        return [required(where)]
    if reference.api_version != "v1":
        return [unsupported((*path, "apiVersion"), reference.api_version, ("v1",))]
    keyed = _KEYED.match(reference.field_path)
    if keyed:
        return [invalid(where, reference.field_path, rule) for rule in check_qualified_name(keyed.group(2))]
    return [] if reference.field_path in known else [unsupported(where, reference.field_path, known)]


def resource_reference(reference: ResourceFieldSelector, path: FieldPath, containers: frozenset[str]) -> list[Problem]:
    """Check a limit or request of a container."""
    problems: list[Problem] = []
    if reference.container_name and reference.container_name not in containers:
        problems.append(not_found((*path, "containerName"), reference.container_name))
    match = _RESOURCE.match(reference.resource)
    if match is None:
        return [*problems, unsupported((*path, "resource"), reference.resource, _RESOURCES)]
    allowed = _DIVISORS["cpu" if match.group(2) == "cpu" else "memory"]
    if parse_quantity(reference.divisor) not in {parse_quantity(each) for each in allowed}:
        values = ", ".join(allowed[1:])
        rule = f"only divisor's values {values} are supported with the {match.group(2)} resource"
        problems.append(error((*path, "divisor"), f'Invalid value: "{reference.divisor}": {rule}'))
    return problems
