"""What podman's tests of `play kube` ask of the reading of manifests, by the names in docs/conformance.md."""

from pathlib import Path

from orchestrator.objects.config import ConfigMap
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Service
from orchestrator.sources.files import scan
from orchestrator.sources.settle import Settler
from orchestrator.sources.yaml_loader import Loader
from tests.loads import load_bytes

GOOD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: app, image: nginx}]}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {FOO: bar}
"""


def told(text: str) -> list[str]:
    return [problem.text for problem in load_bytes(text.encode(), "x.yaml").errors]


def settled(folder: Path) -> tuple[int, list[str]]:
    """How many objects a daemon that starts on this folder has, and the errors it tells."""
    found = scan([str(folder)])
    outcome = Settler(empty_delay=0).settle(found, Loader(lenient=True).refresh(found), 0)
    return len(outcome.objects), [problem.text for problem in outcome.problems if problem.severity == "error"]


def test_S04_an_unknown_kind_is_reported_by_name_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD + "---\n" + GOOD.replace("kind: Pod", "kind: UnknownKind"))
    assert settled(tmp_path) == (0, [f'{tmp_path}/x.yaml:7:7: kind: unknown kind "UnknownKind" in v1'])


def test_S06_a_pod_without_a_name_is_refused() -> None:
    assert told(GOOD.replace("name: web", "labels: {app: web}")) == [
        "x.yaml:3:11: metadata.name: Required value: name or generateName is required"
    ]


def test_S06_a_container_without_an_image_is_refused_and_named() -> None:
    assert told(GOOD.replace(", image: nginx", "")) == [
        'x.yaml:4:21: spec.containers[0].image: Required value: container "app" has no image'
    ]


def test_S06_two_containers_of_one_name_are_refused() -> None:
    twice = "[{name: app, image: a}, {name: app, image: b}]"
    assert told(GOOD.replace("[{name: app, image: nginx}]", twice)) == [
        'x.yaml:4:51: spec.containers[1].name: Duplicate value: "app"'
    ]
    init = "initContainers: [{name: app, image: a}], containers: ["
    assert told(GOOD.replace("containers: [", init)) == ['x.yaml:4:69: spec.containers[0].name: Duplicate value: "app"']


def test_I01_a_malformed_image_is_told_before_anything_is_made() -> None:
    found = load_bytes(GOOD.replace("nginx", "quay.io//Nginx:::1").encode(), "x.yaml")
    assert [problem.text for problem in found.warnings] == [
        'x.yaml:4:40: warning: spec.containers[0].image: "quay.io//Nginx:::1" cannot be pulled: '
        "invalid reference format: repository name (/Nginx) must be lowercase"
    ]


def test_S05_one_document_that_cannot_be_read_leaves_no_half_of_its_file(tmp_path: Path) -> None:
    for name, broken in (("a", "{"), ("b", "apiVersion: v1\nkind: Pod\n"), ("c", "- just\n- a list\n")):
        (tmp_path / f"{name}.yaml").write_text(f"{GOOD.replace('web', name)}---\n{broken}\n---\n{CONFIG}")
    (tmp_path / "good.yaml").write_text(GOOD)
    count, errors = settled(tmp_path)
    assert count == 1
    assert [error.split(":")[0] for error in errors] == [f"{tmp_path}/{name}.yaml" for name in ("a", "b", "b", "c")]


def test_S06_a_pod_and_its_container_may_share_a_name() -> None:
    assert told(GOOD.replace("name: app", "name: web")) == []


def test_S01_a_list_is_expanded_and_its_config_feeds_its_pod() -> None:
    pod = "{containers: [{name: app, image: nginx, env: [{name: FOO, valueFrom: %s}]}]}"
    source = "{configMapKeyRef: {name: settings, key: FOO}}"
    items = [
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {pod % source}}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {FOO: bar}}",
    ]
    text = "apiVersion: v1\nkind: List\nitems:\n" + "".join(f"- {item}\n" for item in items)
    loaded = load_bytes(text.encode(), "x.yaml")
    assert not loaded.problems
    assert [type(sourced.object) for sourced in loaded.objects] == [Pod, ConfigMap]


def test_S01_all_documents_of_a_file_are_taken() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
    parts = [service % "one", GOOD, service % "two", GOOD.replace("web", "other"), CONFIG, ""]
    loaded = load_bytes("---\n".join(parts).encode(), "x.yaml")
    assert not loaded.problems
    assert [type(sourced.object) for sourced in loaded.objects] == [Service, Pod, Service, Pod, ConfigMap]
