import json
import os
import socket
from pathlib import Path

import pytest

from orchestrator.sources import files
from orchestrator.sources.yaml_loader import Loader
from tests.loads import load, load_bytes

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(paths: list[Path]) -> list[str]:
    return [sourced.object.metadata.name for sourced in load(paths).objects]


def told(data: str) -> list[str]:
    return [located.text for located in load_bytes(data.encode(), "-").problems]


def test_S01_folders_are_read_recursively_and_leftovers_passed_over(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/c.yml", "a/d.json"):
        write(tmp_path, name, CONFIG.format(Path(name).stem))
    for name in (".hidden.yaml", ".git/x.yaml", "e.yaml~", "#f.yaml#", "g.yaml.swp", "h.tmp", "notes.txt"):
        write(tmp_path, name, CONFIG.format("bad"))
    assert sorted(names([tmp_path])) == ["b", "c", "d"]
    assert names([tmp_path / "notes.txt"]) == ["bad"]  # a file that is named is taken


def test_S01_a_list_is_unrolled() -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}"
    loaded = load_bytes(f"apiVersion: v1\nkind: List\nitems:\n- {item % 'a'}\n- {item % 'b'}\n".encode(), "-")
    assert [(sourced.title, sourced.line) for sourced in loaded.objects] == [
        ("ConfigMap default/a", 4),
        ("ConfigMap default/b", 5),
    ]
    typed = load_bytes(b"apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}]", "-")
    assert [sourced.title for sourced in typed.objects] == ["ConfigMap default/a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{kind: List, items: []}", "-:1:1: apiVersion: Required value"),
        ("{apiVersion: v1, kind: List}", "-:1:1: items: Required value"),
        ("{apiVersion: v1, kind: List, items: {}}", "-:1:37: items: expected a list, but read a mapping"),
        ("{apiVersion: v1, kind: List, items: [], itms: []}",
         '-:1:41: itms: unknown field "itms" (did you mean "items"?)'),
        ("{apiVersion: v1, kind: List, metadata: {resourceVersion: '', name: a}, items: []}",
         '-:1:62: metadata.name: unknown field "name"'),
        ("{apiVersion: v1, kind: List, items: [a]}",
         "-:1:38: a document must be a mapping with apiVersion, kind and metadata"),
        ("{apiVersion: apps/v1, kind: PodList, items: []}",
         '-:1:14: apiVersion: Unsupported value: "apps/v1": supported values: "v1"'),
        ("{apiVersion: v1, kind: GizmoList, items: []}", '-:1:24: kind: unknown kind "GizmoList"'),
        ("{apiVersion: v1, kind: PodList, items: [{kind: Service}]}",
         '-:1:48: items[0].kind: Unsupported value: "Service": supported values: "Pod"'),
        ("{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]}",
         "-:1:38: spec: Required value"),
    ],
)  # fmt: skip
def test_S01_what_is_wrong_with_a_list_has_its_place(text: str, message: str) -> None:
    assert message in told(text)


def test_S01_a_list_as_kubectl_once_wrote_it() -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    assert (
        told(f"apiVersion: v1\nitems: [{item}]\nkind: List\nmetadata: {{}}\nresourceVersion: ''\nselfLink: ''\n") == []
    )


def test_S01_lists_may_hold_lists_and_nothing() -> None:
    inner = "{apiVersion: v1, kind: ConfigMapList, metadata: {resourceVersion: '7'}, items: [{metadata: {name: a}}]}"
    loaded = load_bytes(f"apiVersion: v1\nkind: List\nitems:\n- {inner}\n".encode(), "-")
    assert [sourced.title for sourced in loaded.objects] == ["ConfigMap default/a"]
    assert told("apiVersion: v1\nkind: List\nitems: []\n") == []


def test_S02_S03_S05_every_problem_has_file_line_column_and_path() -> None:
    text = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: app
    image: nginx
    livenesProbe: {}
    env:
    - name: A
      value: no
    - {name: B, value: 010}
---
apiVersion: v1
kind: Service
metadata: {name: 1st}
"""
    assert told(text) == [
        '-:9:5: spec.containers[0].livenesProbe: unknown field "livenesProbe" (did you mean "livenessProbe"?)',
        "-:12:14: spec.containers[0].env[0].value: "
        'expected a string, but YAML reads no as the boolean false: write value: "no"',
        "-:13:24: spec.containers[0].env[1].value: "
        'expected a string, but YAML reads 010 as the integer 8: write value: "010"',
        "-:15:1: spec.ports: Required value",
        '-:17:18: metadata.name: Invalid value: "1st": a DNS-1035 label must consist of lower case alphanumeric '
        "characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. "
        "'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    ]


def test_S05_a_problem_as_json() -> None:
    problem = load_bytes(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndta: {}\n", "x.yaml").errors[0]
    assert json.loads(json.dumps(problem.as_json())) == {
        "file": "x.yaml",
        "line": 4,
        "column": 1,
        "severity": "error",
        "path": "dta",
        "message": 'unknown field "dta"',
        "proposal": 'did you mean "data"?',
        "more": 0,
    }


def test_S04_what_has_no_effect_is_told_once_with_the_count_of_places(tmp_path: Path) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"
        "spec: {nodeSelector: {a: b}, containers: [{name: c, image: i}]}\n"
    )
    write(tmp_path, "a.yaml", "---\n".join(pod % name for name in "abc"))
    write(tmp_path, "b.yaml", pod % "d" + "---\n" + "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: e}\n")
    loaded = load([tmp_path])
    assert [problem.text.removeprefix(f"{tmp_path}/") for problem in loaded.warnings] == [
        "a.yaml:4:22: warning: spec.nodeSelector: nodeSelector has no effect here: "
        "one host has no nodes to choose from (and 3 more places)",
        "b.yaml:7:7: warning: kind: ResourceQuota is not supported yet: this document has no effect",
    ]
    assert [problem.as_json()["more"] for problem in loaded.warnings] == [3, 0]
    assert len(loaded.objects) == 4


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gizmos.x.io}
spec:
  group: x.io
  scope: Namespaced
  names: {kind: Gizmo, plural: gizmos}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""
GIZMO = "apiVersion: x.io/v1\nkind: Gizmo\nmetadata: {name: a}\nspec: {size: 3}\n"


def test_S04_a_kind_that_the_specs_define_is_known(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", GIZMO + "---\n" + CONFIG.format("a"))
    loaded = load([tmp_path])
    assert [problem.text.removeprefix(f"{tmp_path}/") for problem in loaded.errors] == [
        'a.yaml:2:7: kind: unknown kind "Gizmo" in x.io/v1: custom resources have no effect here: '
        "leave this document out"
    ]
    write(tmp_path, "b.yaml", DEFINITION)
    write(tmp_path, "c.yaml", GIZMO)
    loaded = load([tmp_path])
    assert [problem.text.removeprefix(f"{tmp_path}/") for problem in loaded.problems] == [
        "a.yaml:2:7: warning: kind: Gizmo is a custom kind: this document has no effect (and 1 more place)",
        "b.yaml:2:7: warning: kind: CustomResourceDefinition is not supported yet: this document has no effect",
    ]
    write(tmp_path, "c.yaml", GIZMO.replace("x.io/v1", "x.io/v2"))
    assert len(load([tmp_path]).errors) == 1
    write(tmp_path, "b.yaml", DEFINITION.replace("plural", "plurl"))
    assert len(load([tmp_path]).errors) == 4


def test_other_warnings_are_told_at_each_place() -> None:
    ports = "ports: [{containerPort: 1}, {containerPort: 1}]"
    pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: %s}}\nspec: {{containers: [{{name: c, image: i, {ports}}}]}}\n"
    loaded = load_bytes("---\n".join(pod % name for name in "ab").encode(), "-")
    assert [problem.line for problem in loaded.warnings] == [4, 9]


def test_S06_duplicates_name_both_places(tmp_path: Path) -> None:
    first = write(tmp_path, "a.yaml", CONFIG.format("same"))
    second = write(tmp_path, "b.yaml", CONFIG.format("other") + "---\n" + CONFIG.format("same"))
    loaded = load([tmp_path])
    assert [problem.text for problem in loaded.errors] == [
        f"{second}:5:1: metadata.name: duplicate ConfigMap default/same: also defined at {first}:1"
    ]
    third = load_bytes((CONFIG.format("same") + "---\n" + CONFIG.format("same")).encode(), "-")
    assert "also defined at -:1" in third.errors[0].text


def test_one_file_under_two_names_is_one_file(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", CONFIG.format("a"))
    (tmp_path / "z.yaml").symlink_to(path)
    loaded = load([tmp_path, path])
    assert len(loaded.objects) == 1
    assert not loaded.problems


def test_what_a_cluster_wrote_is_not_desired() -> None:
    text = CONFIG.format(
        "a, uid: x, creationTimestamp: null, resourceVersion: '5', deletionTimestamp: 2026-01-01T00:00:00Z"
    )
    loaded = load_bytes(text.encode(), "-")
    assert not loaded.errors
    meta = loaded.objects[0].object.metadata
    assert (meta.uid, meta.resource_version, meta.deletion_timestamp) == ("", "", "")
    pod = b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n"
    loaded = load_bytes(pod + b"status: {phase: Running}", "-")
    assert [problem.text for problem in loaded.problems] == [
        "-:5:9: warning: status: status is written by the daemon; this one is ignored"
    ]
    assert loaded.objects == load_bytes(pod, "-").objects
    assert [problem.text for problem in load_bytes(pod + b"status: {phas: Running}", "-").problems] == [
        '-:5:10: status.phas: unknown field "phas" (did you mean "phase"?)'
    ]


def test_a_broken_document_does_not_hide_the_errors_of_the_next() -> None:
    found = told("kind: Pod\n---\napiVersion: v1\n---\n[1]\n")
    assert found == [
        "-:1:1: apiVersion: Required value",
        "-:3:1: kind: Required value",
        "-:5:1: a document must be a mapping with apiVersion, kind and metadata",
    ]


def test_very_many_problems_are_cut() -> None:
    found = load_bytes(b"apiVersion: v1\nkind: ConfigMap\n" + b"".join(b"x%d: 1\n" % i for i in range(500)), "-")
    assert len(found.problems) == 101
    assert "and 401 more problems in this file" in found.problems[-1].text


@pytest.mark.parametrize(
    "data",
    [
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" + b"".join(b"x%d: 1\n" % i for i in range(50_000)),
        b"apiVersion: v1\nkind: List\nitems: []\n" + b"".join(b"x%d: 1\n" % i for i in range(50_000)),
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [" + b"1, " * 50_000 + b"]}\n",
        b"kind: Podd\napiVersion: v1\n---\n" * 20_000,
        b"[]\n---\n" * 50_000,
    ],
    ids=["fields", "fields of a list", "values", "kinds", "documents"],
)
def test_S07_when_enough_is_wrong_the_rest_is_not_looked_at(data: bytes) -> None:
    loaded = load_bytes(data, "-")
    assert (len(loaded.problems), loaded.objects) == (101, ())
    assert "and at least 900 more problems in this file" in loaded.errors[-1].text


def test_S07_what_is_no_file_is_named_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    (tmp_path / "nowhere.yaml").symlink_to("missing")
    (tmp_path / "self.yaml").symlink_to("self.yaml")
    (tmp_path / "loop").symlink_to(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.yaml"))
    write(tmp_path, "good.yaml", CONFIG.format("good"))
    loaded = load([tmp_path])
    assert [sourced.object.metadata.name for sourced in loaded.objects] == ["good"]
    assert sorted(problem.text.removeprefix(f"{tmp_path}/") for problem in loaded.errors) == [
        "device.yaml:1:1: a device, not a file",
        "fifo.yaml:1:1: a FIFO, not a file",
        "nowhere.yaml:1:1: the link leads nowhere",
        "self.yaml:1:1: too many levels of symbolic links",
        "socket.yaml:1:1: a socket, not a file",
    ]


def test_S07_a_path_that_is_no_text_is_told_in_text_and_not_read(tmp_path: Path) -> None:
    """Whatever is said of it goes out as JSON: with halves of letters in it, no client had an answer any more."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path / "caf") + b"\xe9"))
    odd.mkdir()
    write(odd, "inside.yaml", CONFIG.format("inside"))
    (odd / "nowhere.yaml").symlink_to("missing")
    (odd / "self.yaml").symlink_to("self.yaml")
    (odd / "notes.txt").touch()
    write(tmp_path, "good.yaml", CONFIG.format("good"))
    loaded = load([tmp_path])
    assert [sourced.object.metadata.name for sourced in loaded.objects] == ["good"]
    told = sorted(problem.text.removeprefix(f"{tmp_path}/") for problem in loaded.errors)
    assert told == [
        r"caf\xe9/inside.yaml:1:1: its path is not UTF-8, and no client could be told of it: rename it",
        r"caf\xe9/nowhere.yaml:1:1: the link leads nowhere",
        r"caf\xe9/self.yaml:1:1: too many levels of symbolic links",
    ]


def test_S07_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert [problem.problem.message for problem in load([tmp_path]).errors] == ["the file is larger than 5 MiB"]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert [problem.text for problem in load([tmp_path / "x"]).errors] == [f"{tmp_path}/x:1:1: no such file or folder"]


def test_a_fifo_that_takes_a_files_place_cannot_hang_the_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "late")
    with pytest.raises(OSError, match="a FIFO, not a file"):
        files.read(str(tmp_path / "late"), 10)


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", CONFIG.format("a"))
    path = write(tmp_path, "b.yaml", CONFIG.format("b"))
    loader = Loader()
    first = loader.refresh(files.scan([str(tmp_path)]))
    path.write_text(CONFIG.format("bb"))
    second = loader.refresh(files.scan([str(tmp_path)]))
    assert second[str(tmp_path / "a.yaml")] is first[str(tmp_path / "a.yaml")]
    assert second[str(path)].objects[0].object.metadata.name == "bb"
