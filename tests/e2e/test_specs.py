"""Cases S01, S02, S03, S05 and S06: what a folder may hold, and what a daemon says of one that is wrong."""

import json
from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

GOOD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: IMAGE
    command: [sleep, "1000"]
"""

WRONG = {
    # S02, S03
    "types.yaml": """\
apiVersion: v1
kind: Pod
metadata: {name: types}
spec:
  containers:
  - name: main
    image: IMAGE
    env:
    - {name: PORT, value: 8080}
    - {name: NORWAY, value: no}
    livenesProbe: {tcpSocket: {port: 80}}
    resources: {limits: {memory: 1Gb}}
""",
    # S06
    "rules.yaml": """\
apiVersion: v1
kind: Pod
metadata: {name: Bad_Name}
spec:
  restartPolicy: Sometimes
  containers:
  - name: main
    image: IMAGE
    image: IMAGE
    ports: [{containerPort: 99999}]
    volumeMounts: [{name: nowhere, mountPath: /data}]
    readinessProbe: {periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: 80}, exec: {command: ["true"]}}
""",
    "twice.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
""",
}

ERRORS = [
    "types.yaml:9:27: spec.containers[0].env[0].value: expected a string, but read the integer 8080: "
    'write value: "8080"',
    "types.yaml:10:29: spec.containers[0].env[1].value: expected a string, but YAML reads no as the boolean false: "
    'write value: "no"',
    'types.yaml:11:5: spec.containers[0].livenesProbe: unknown field "livenesProbe" (did you mean "livenessProbe"?)',
    'types.yaml:12:34: spec.containers[0].resources.limits.memory: Invalid value: "1Gb"',
    'rules.yaml:3:18: metadata.name: Invalid value: "Bad_Name"',
    'rules.yaml:5:18: spec.restartPolicy: Unsupported value: "Sometimes"',
    'rules.yaml:9:5: duplicate key "image" on lines 8 and 9',
    "rules.yaml:10:29: spec.containers[0].ports[0].containerPort: Invalid value: 99999",
    'rules.yaml:11:27: spec.containers[0].volumeMounts[0].name: Not found: "nowhere"',
    "rules.yaml:12:21: spec.containers[0].readinessProbe: Required value: must specify a handler type",
    "rules.yaml:13:32: spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
    "twice.yaml:5:1: metadata.name: duplicate ConfigMap default/same: also defined at ",
]


def test_S01_files_of_every_form_are_read(daemon: Daemon) -> None:
    daemon.write(text(config_map("s01-a"), config_map("s01-b")), "many.yaml")
    daemon.write(json.dumps(config_map("s01-json")), "one.json")
    listed = {"apiVersion": "v1", "kind": "List", "items": [config_map("s01-item"), pod("s01-pod", FOR_EVER)]}
    daemon.write(text(listed), "deep/deeper/list.yml")
    daemon.write(text(config_map("s01-hidden")), ".hidden.yaml")
    daemon.write("no spec", "README.md")
    daemon.wait_ready("s01-pod")
    names = {item["metadata"]["name"] for item in daemon.client.get(daemon.path("configmaps"))["items"]}
    assert names >= {"s01-a", "s01-b", "s01-json", "s01-item"}
    assert "s01-hidden" not in names
    assert daemon.client.status()["problems"] == []


def test_S01_several_paths_are_one_application(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    other = daemon.home / "other"
    other.mkdir()
    (other / "folder.yaml").write_text(text(config_map("folder")))
    alone = daemon.home / "alone.json"
    alone.write_text(text(config_map("file")))
    daemon.write(text(config_map("first")))
    daemon.start(str(other), str(alone))
    for name in ("first", "folder", "file"):
        assert daemon.get("configmaps", name)
    assert daemon.cli("validate", "-", stdin=text(config_map("stdin"))) == ""


@pytest.fixture
def wrong(new_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon (not started) with a folder that has every kind of error, and one good file."""
    daemon = new_daemon()
    daemon.write(GOOD, "good.yaml")
    for name, document in WRONG.items():
        daemon.write(document, name)
    return daemon


def _all_told(said: str) -> None:
    missing = [error for error in ERRORS if error not in said]
    assert missing == [], said
    assert "Traceback" not in said


def test_S02_S03_S05_S06_a_daemon_does_not_start_on_wrong_specs(wrong: Daemon) -> None:
    done = wrong.run_to_end()
    assert done.returncode == 1
    _all_told(done.stderr)
    *lines, last = done.stderr.splitlines()
    assert len(lines) == len(ERRORS)
    assert all(line.startswith(f"{wrong.specs}/") for line in lines)
    assert last == "orchestrator: cannot start: the specs have errors; nothing was touched"
    assert wrong.containers() == []
    assert not (wrong.home / "state").exists()


def test_S05_validate_says_the_same_also_as_json(wrong: Daemon) -> None:
    _all_told(wrong.cli("validate", str(wrong.specs), code=1))
    told = json.loads(wrong.cli("validate", "-o", "json", str(wrong.specs), code=1))
    assert told["valid"] is False
    assert len(told["problems"]) == len(ERRORS)
    first = next(problem for problem in told["problems"] if problem["file"].endswith("types.yaml"))
    assert (first["line"], first["column"]) == (9, 27)
    assert first["path"] == "spec.containers[0].env[0].value"


def test_S05_what_runs_is_untouched_by_wrong_specs_at_start(own_daemon: Daemon) -> None:
    own_daemon.write(GOOD, "good.yaml")
    own_daemon.wait_ready("web")
    before = own_daemon.life()
    own_daemon.stop()
    for name, document in WRONG.items():
        own_daemon.write(document, name)
    own_daemon.start()
    _all_told(own_daemon.run_cli("get", "pods").stderr)
    own_daemon.wait_ready("web")
    assert own_daemon.life() == before
    for name in WRONG:
        own_daemon.remove(name)
    own_daemon.wait_problem("")
    assert own_daemon.life() == before


def test_S02_S03_S05_S06_wrong_edits_are_all_told_and_change_nothing(daemon: Daemon) -> None:
    daemon.write(GOOD.replace("web", "s06-live"), "good.yaml")
    daemon.wait_ready("s06-live")
    before = daemon.life("s06-live")
    for name, document in WRONG.items():
        daemon.write(document, name)
    for error in ERRORS:
        place, _, message = error.partition(": ")
        daemon.wait_problem(f"{place}: {message}")
    said = daemon.run_cli("get", "pods").stderr
    _all_told(said)
    _all_told(daemon.log.read_text())
    assert daemon.life("s06-live") == before
    for name in WRONG:
        daemon.remove(name)
    daemon.wait_problem("")


def test_S06_an_object_of_two_files_names_both_places(daemon: Daemon) -> None:
    daemon.write(text(config_map("s06-both", from_="first")), "a.yaml")
    daemon.wait_for("configmaps", "s06-both", lambda _: True)
    daemon.write("\n\n" + text(config_map("s06-both", from_="second")), "b.yaml")
    status = daemon.wait_problem("duplicate ConfigMap default/s06-both")
    (problem,) = status["problems"]
    assert problem["place"].startswith(f"{daemon.specs}/b.yaml:3:")
    assert f"also defined at {daemon.specs}/a.yaml:1" in problem["message"]
    assert daemon.get("configmaps", "s06-both")["data"] == {"from_": "first"}
    daemon.remove("a.yaml")
    daemon.wait_for("configmaps", "s06-both", lambda obj: obj["data"] == {"from_": "second"})
    daemon.wait_problem("")


def test_S06_what_only_a_cluster_refuses_runs_with_a_warning(daemon: Daemon) -> None:
    volumes = [{"name": "one", "emptyDir": {}}, {"name": "two", "configMap": {"name": "my_settings"}}]
    mounts = [{"name": "one", "mountPath": "/data"}, {"name": "two", "mountPath": "/data"}]
    ports = [{"containerPort": 53, "protocol": "udp"}]
    web = container(FOR_EVER, "My_Container", volumeMounts=mounts, ports=ports)
    odd = pod("Demo_{{x}}", web, labels={"app": "{{app}}"}, volumes=volumes)
    path = daemon.write(text(odd, config_map("my_settings", key="value")))
    daemon.wait_ready("Demo_{{x}}")
    assert daemon.exec("Demo_{{x}}", "hostname") == "Demo_{{x}}\n"
    assert daemon.exec("Demo_{{x}}", "cat", "/data/key") == "value"
    problems = daemon.client.status()["problems"]
    assert {problem["severity"] for problem in problems} == {"warning"}
    assert any("it runs here, but a cluster refuses it" in problem["message"] for problem in problems)
    assert daemon.run_cli("validate", str(path)).returncode == 1
