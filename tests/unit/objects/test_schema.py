"""Our types against the official schema of Kubernetes 1.34: the same fields, and the same ones required."""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import msgspec
import pytest

from orchestrator.objects import foreign, support
from orchestrator.objects.meta import Object, Part
from orchestrator.objects.volume_plugins import VolumePlugins

MODULES = (
    "claims", "config", "container", "endpoint_slice", "events", "limit_range", "meta", "pod", "pod_status", "policy",
    "probes", "runtime_class", "scheduling", "security", "service", "storage", "volume_plugins", "volumes",
)  # fmt: skip
STRICTER = {"Event": {"metadata"}, "Pod": {"spec"}}
"""Where ours and the schema differ in what is required, on purpose."""


def our_types() -> list[type[Part]]:
    found = []
    for name in MODULES:
        module = importlib.import_module(f"orchestrator.objects.{name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ == module.__name__ and issubclass(cls, Part) and cls not in (Part, Object, VolumePlugins):
                found.append(cls)
    return found


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.34.0-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text())["$defs"]
    ours = (".discovery.v1.", ".core.v1.", ".meta.v1.", ".networking.v1.", ".node.v1.", ".storage.v1.")
    found = {
        name.rpartition(".")[2]: item
        for group in ours  # of two types with one name the core's is meant
        for name, item in definitions.items()
        if group in name
    }
    return found | {"SlicePort": definitions["io.k8s.api.discovery.v1.EndpointPort"]}


@pytest.mark.parametrize("cls", our_types(), ids=lambda cls: cls.__name__)
def test_S08_every_type_has_the_fields_of_the_schema(cls: type[Part], schema: dict[str, Any]) -> None:
    official = schema[cls.__name__]
    fields = msgspec.structs.fields(cls)
    assert {field.encode_name for field in fields} == set(official["properties"])
    required = {field.encode_name for field in fields if field.required}
    assert required ^ set(official.get("required", ())) == STRICTER.get(cls.__name__, set())


def test_support_names_only_fields_that_exist() -> None:
    fields = {f"{cls.__name__}.{field.encode_name}" for cls in our_types() for field in msgspec.structs.fields(cls)}
    assert (support.IGNORED.keys() | support.NOT_ENFORCED | support.HARMLESS.keys()) <= fields
    assert not support.IGNORED.keys() & support.NOT_ENFORCED
    assert support.HARMLESS.keys() <= support.IGNORED.keys() | support.NOT_ENFORCED


def test_every_kind_is_known_by_its_versions() -> None:
    assert foreign.versions("Pod") == ("v1",)
    assert foreign.versions("HorizontalPodAutoscaler") == ("autoscaling/v1", "autoscaling/v2")
    assert foreign.versions("ResourceClaim")[0] == "resource.k8s.io/v1beta1"
    assert foreign.versions("ResourceClaim")[-1] == "resource.k8s.io/v1"
    assert foreign.versions("VirtualService") == ()
