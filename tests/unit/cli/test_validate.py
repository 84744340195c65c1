"""`orchestrator validate` and `orchestrator schema` as a user, an editor or CI calls them."""

import io
import json
from pathlib import Path

import pytest

from orchestrator.cli.main import run

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeSelector: {disk: ssd}
  containers:
  - {name: app, image: nginx}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: nginx}
"""
NO_NODES = "warning: spec.nodeSelector: nodeSelector has no effect here: one host has no nodes to choose from"


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    data = io.BytesIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data))
    return data


def give(stdin: io.BytesIO, text: str) -> None:
    stdin.write(text.encode())
    stdin.seek(0)


def test_S01_several_paths_and_standard_input_at_once(
    tmp_path: Path, stdin: io.BytesIO, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.json").write_text('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}')
    (tmp_path / "b").write_text(POD % "b")
    give(stdin, "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: c}}\n")
    assert run(["validate", "-o", "json", str(tmp_path / "specs"), "-", str(tmp_path / "b")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is True
    assert found["objects"] == [
        {"kind": "ConfigMap", "namespace": "default", "name": "a", "place": f"{tmp_path}/specs/a.json:1"},
        {"kind": "Pod", "namespace": "default", "name": "b", "place": f"{tmp_path}/b:1"},
        {"kind": "Namespace", "namespace": "", "name": "c", "place": "<stdin>:4"},
    ]


def test_S04_a_folder_of_three_hundred_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(300):
        (tmp_path / f"{index:03}.yaml").write_text(POD % f"p{index}" + "---\n" + DEPLOYMENT)
    assert run(["validate", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        f"{tmp_path}/000.yaml:5:17: {NO_NODES} (and 299 more places)",
        f"{tmp_path}/000.yaml:10:7: warning: kind: Deployment is not supported yet: this document has no effect "
        "(and 299 more places)",
    ]
    assert told.err == "300 objects, 0 errors, 2 warnings\n"


def test_S05_broken_yaml_has_its_place(stdin: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    give(stdin, POD % "a" + "    env: []\n")
    assert run(["validate", "-", "-o", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is False
    assert found["problems"] == [
        {
            "file": "<stdin>",
            "line": 8,
            "column": 5,
            "severity": "error",
            "path": "",
            "message": "cannot read the YAML: did not find expected key (while parsing a block mapping, from line 5)",
            "proposal": "",
            "more": 0,
        }
    ]


def test_S05_errors_and_warnings_have_the_same_form(stdin: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    give(stdin, (POD % "b").replace("{name: app, image: nginx}", "{name: app, image: nginx, args: [no]}"))
    assert run(["validate", "-", "-o", "json"]) == 1
    warned, failed = json.loads(capsys.readouterr().out)["problems"]
    assert (warned["severity"], warned["path"], warned["more"]) == ("warning", "spec.nodeSelector", 0)
    stdin.seek(0)
    assert run(["validate", "-", "-q", "-o", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"] == [failed]
    assert failed == {
        "file": "<stdin>",
        "line": 7,
        "column": 38,
        "severity": "error",
        "path": "spec.containers[0].args[0]",
        "message": "expected a string, but YAML reads no as the boolean false",
        "proposal": 'write - "no"',
        "more": 0,
    }


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["-o", "xml", "-"], 2), (["nowhere"], 1), (["-"], 0)])
def test_exit_codes(arguments: list[str], code: int, stdin: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    give(stdin, POD % "a")
    assert run(["validate", *arguments]) == code


def test_the_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--help"]) == 0
    assert "Exit codes: 0 all is valid, warnings or not; 1 there is an error; 2 wrong" in capsys.readouterr().out


def test_S07_more_than_a_file_may_hold_is_not_read(stdin: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    give(stdin, " " * 6 * 2**20)
    assert run(["validate", "-"]) == 1
    assert capsys.readouterr().out == "<stdin>:1:1: the file is larger than 5 MiB\n"


def test_the_schema_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert "Pod" in schema["properties"]["kind"]["enum"]
    assert schema["definitions"]["Pod"]["additionalProperties"] is False


def test_R04_a_policy_refuses_what_it_forbids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(POD.replace("nodeSelector: {disk: ssd}", "hostPID: true") % "a")
    assert run(["validate", "-q", str(file)]) == 0
    assert run(["validate", "-q", "--policy", "baseline", str(file)]) == 1
    refused = 'violates PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    assert capsys.readouterr().out == f"{file}:5:12: spec.hostPID: {refused}\n"
    assert run(["validate", "--policy", "strict", str(file)]) == 2


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, ports: [{port: 80, nodePort: 8080}]}
"""


def test_a_folder_is_judged_by_the_node_ports_that_its_daemon_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "web.yaml").write_text(SERVICE)
    assert run(["validate", "-q", str(tmp_path)]) == 1
    rule = "spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range. "
    assert capsys.readouterr().out == f"{tmp_path}/web.yaml:4:53: {rule}The range of valid ports is 30000-32767\n"
    assert run(["validate", "-q", "--node-port-range", "8000-8099", str(tmp_path)]) == 0
    monkeypatch.setenv("ORCHESTRATOR_NODE_PORT_RANGE", "8000+99")
    assert run(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "1 object, 0 errors, 1 warning\n"
    for verb in ("validate", "run"):
        assert run([verb, "--node-port-range", "8000", str(tmp_path)]) == 2
        assert "give the first and the last port, such as 30000-32767" in capsys.readouterr().err
