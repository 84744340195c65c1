"""`orchestrator schema`: an editor that holds a document against it says what `validate` says of its types."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from orchestrator.objects import registry
from orchestrator.objects.json_schema import json_schema
from orchestrator.sources.yaml_parse import parse
from tests import official

ROOT = Path(__file__).parents[3]
MANIFESTS = Path(os.environ.get("MANIFESTS", ROOT.parent / "shared" / "cases"))
SCHEMA = json_schema()
EDITOR = Draft7Validator(SCHEMA)

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "creationTimestamp": None},
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "nginx",
                "resources": {"limits": {"cpu": 1, "memory": "1.5Gi"}},
                "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1},
            }
        ]
    },
}


def told(document: Any) -> set[str]:
    """The fields that an editor underlines."""
    return {".".join(map(str, error.absolute_path)) for error in EDITOR.iter_errors(document)}


def container(**fields: Any) -> dict[str, Any]:
    return {**POD, "spec": {"containers": [{"name": "app", "image": "nginx", **fields}]}}


def documents(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".yaml", ".yml", ".json"):
            for document in parse(path.read_bytes()).documents:
                yield from official.unrolled(document.value)


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_it_accepts_what_a_user_would_write() -> None:
    assert told(POD) == set()
    assert told({"apiVersion": "v1", "kind": "List", "items": [POD]}) == set()
    assert (
        told({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "a"}}]}) == set()
    )
    assert [told(document) for document in documents(ROOT / "specs")] == [set()] * len(list(documents(ROOT / "specs")))


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (container(livenesProbe={}), "spec.containers.0"),
        (container(imagePullPolicy="always"), "spec.containers.0.imagePullPolicy"),
        (container(command="sleep"), "spec.containers.0.command"),
        (container(env=[{"name": "A", "value": 8080}]), "spec.containers.0.env.0.value"),
        (container(resources={"limits": {"memory": "1Gb"}}), "spec.containers.0.resources.limits.memory"),
        (container(ports=[{"containerPort": "80"}]), "spec.containers.0.ports.0.containerPort"),
        ({**POD, "spec": {}}, "spec"),
        ({**POD, "apiVersion": "apps/v1"}, "apiVersion"),
        ({**POD, "kind": "Pods"}, "kind"),
        ({"kind": "Pod"}, ""),
        ({"apiVersion": "v1", "kind": "List", "items": [container(nam="x")]}, "items.0.spec.containers.0"),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replica": 3}}, "spec"),
        ({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"minReplica": 3}}, "spec"),
        ({"apiVersion": "autoscaling/v3", "kind": "HorizontalPodAutoscaler"}, "apiVersion"),
    ],
)
def test_S03_it_underlines_what_is_wrong(document: Any, place: str) -> None:
    assert place in told(document)


def test_what_is_half_written_is_wrong_in_one_place() -> None:
    assert told({"apiVersion": "v1", "kind": None}) == {"kind"}


def test_S04_it_says_what_has_no_effect_and_what_is_assumed() -> None:
    spec = SCHEMA["definitions"]["PodSpec"]["properties"]
    assert spec["nodeSelector"]["description"].endswith("one host has no nodes to choose from")
    assert spec["restartPolicy"]["default"] == "Always"
    assert SCHEMA["definitions"]["Probe"]["description"].startswith("A repeated check")
    assert "does not run here" in SCHEMA["definitions"]["rbac.v1.Role"]["description"]


@pytest.mark.skipif(not MANIFESTS.is_dir(), reason="no manifests: set MANIFESTS to a folder of them")
def test_S08_it_agrees_on_real_manifests() -> None:
    for document in documents(MANIFESTS):
        accepted = not any(problem.severity == "error" for problem in registry.decode(document)[1])
        if accepted:
            assert told(document) == set(), document
        elif official.faults(document) != []:
            assert told(document), document
