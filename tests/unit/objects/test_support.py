"""S04: a field has an effect, or the user is told that it has none.  Held against the code itself."""

import ast
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

import orchestrator
from orchestrator.objects import registry
from orchestrator.objects.meta import kubernetes_name
from orchestrator.objects.support import HARMLESS, IGNORED, NOT_ENFORCED, REFUSED

KINDS = (
    "Pod", "Service", "Endpoints", "EndpointSlice", "ConfigMap", "Secret", "Namespace", "PersistentVolumeClaim",
    "PersistentVolume", "StorageClass", "NetworkPolicy", "RuntimeClass", "LimitRange",
)  # fmt: skip

NOT_READ = {
    "ObjectMeta.generateName": "a file must give a name, and is told so",
    "ObjectMeta.managedFields": "a server's, in manifests copied out of a cluster",
    "ObjectMeta.selfLink": "a server's, in manifests copied out of a cluster",
    "NamespaceSpec.finalizers": "a server's, in manifests copied out of a cluster",
    "ConfigMap.immutable": "objects/validation/update.py reads it",
    "Secret.immutable": "objects/validation/update.py reads it",
    "EphemeralVolumeSource.volumeClaimTemplate": "its claim would live and die with the pod: so does the folder",
    "LabelSelector.matchExpressions": "LabelSelector.matches reads it",
    "LabelSelector.matchLabels": "LabelSelector.matches reads it",
    "LocalVolumeSource.fsType": "of block devices alone, and a claim on one is told so",
    "PersistentVolumeSpec.nodeAffinity": "a local volume must have it; whatever lies on this host, this host reaches",
    "ServiceSpec.clusterIPs": "its first must agree with clusterIP, which is read; there is no second family",
    "ServiceSpec.externalTrafficPolicy": "on one host both policies mean the same, and the client's address is kept",
    "ServiceSpec.internalTrafficPolicy": "on one host all endpoints are local: both policies mean the same",
}
"""Fields that no other room reads, for a reason that needs no warning."""

SAME_NAME = {
    "PodSpec.resources": "Container.resources",
    "Volume.image": "Container.image",
}
"""Fields without effect whose names are read all the same, and what is meant there."""


@cache
def names_read() -> frozenset[str]:
    """Every attribute, and every string that could name one, in all rooms but objects."""
    house = Path(orchestrator.__file__).parent
    found: set[str] = set()
    for file in house.rglob("*.py"):
        if file.is_relative_to(house / "objects"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


def fields() -> Iterator[tuple[str, str]]:
    """Every field that a user may write, as ("PodSpec.hostUsers", "host_users"), but inside of one without effect."""
    waiting: list[object] = [registry.row(kind).type for kind in KINDS]
    seen: set[object] = set()
    while waiting:
        type_ = waiting.pop()
        waiting += typing.get_args(type_)
        if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)) or type_ in seen:
            continue
        seen.add(type_)
        for field, inner in typing.get_type_hints(type_).items():
            if field not in type_.__struct_fields__ or field == "status":
                continue
            key = f"{type_.__name__}.{kubernetes_name(field)}"
            yield key, field
            if not {key} & {*IGNORED, *NOT_ENFORCED, *REFUSED, *NOT_READ}:
                waiting.append(inner)


def test_S04_every_field_that_nobody_reads_is_told_of() -> None:
    silent = {key for key, field in fields() if field not in names_read()}
    assert silent - set(IGNORED) - NOT_ENFORCED - set(REFUSED) == set(NOT_READ)


def test_S04_no_field_that_somebody_reads_is_said_to_have_no_effect() -> None:
    read = {key for key, field in fields() if field in names_read()}
    assert read & NOT_ENFORCED == set(SAME_NAME)


@pytest.mark.parametrize("table", [IGNORED, NOT_ENFORCED, HARMLESS])
def test_rows_name_fields_that_exist(table: typing.Iterable[str]) -> None:
    assert set(table) <= {key for key, _ in fields()}


def test_S04_what_asks_for_nothing_more_is_not_told() -> None:
    def told(**spec: object) -> list[str]:
        ports = [{"port": 80}]
        document = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports, **spec}}
        return [str(problem) for problem in registry.decode(document)[1]]

    assert told(ipFamilies=["IPv4"], ipFamilyPolicy="PreferDualStack", internalTrafficPolicy="Local") == []
    (text,) = told(ipFamilies=["IPv6"])
    assert text == (
        "spec.ipFamilies: ipFamilies has no effect here: networks here are IPv4, and so is the address of this Service"
    )
