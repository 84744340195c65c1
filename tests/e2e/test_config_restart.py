"""Edits of ConfigMaps and Secrets that do not reach what runs: nothing restarts, unless the pod asks for it (V02)."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.objects.annotations import CONFIG_CURRENT, RESTART_ON_CHANGE
from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import condition, is_ready, restarts, status_of
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

SESAME = "s3same"
"""A part of every value: it may be shown nowhere."""
OTHER = "other"


def value(word: str) -> str:
    return f"{SESAME}-{word}"


def secret(name: str, **data: str) -> Document:
    """A Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def reader(name: str, words: str = "", **spec: Any) -> Document:
    """A pod with a container for each way to read config, and one that reads none."""
    ref = {"configMapKeyRef": {"name": name, "key": "level"}}
    mounts = {
        "path": {"name": "config", "mountPath": "/app.conf", "subPath": "app.conf"},
        "live": {"name": "config", "mountPath": "/config"},
    }
    made = pod(
        name,
        container(FOR_EVER, "env", env=[{"name": "LEVEL", "valueFrom": ref}]),
        container(FOR_EVER, "from", envFrom=[{"secretRef": {"name": name}}]),
        *(container(FOR_EVER, way, volumeMounts=[mount]) for way, mount in mounts.items()),
        container(FOR_EVER, OTHER),
        volumes=[{"name": "config", "configMap": {"name": name}}],
        **spec,
    )
    made["metadata"]["annotations"] = {RESTART_ON_CHANGE: words} if words else {}
    return made


def config(name: str, level: str = "debug", file: str = "file") -> Document:
    return config_map(name, level=value(level), **{"app.conf": value(file)})


def counts(found: Document) -> dict[str, int]:
    """Restarts by container, of those that were restarted."""
    return {one["name"]: one["restartCount"] for one in found["status"]["containerStatuses"] if one["restartCount"]}


def has(*expected: str) -> Any:
    """Whether these containers, and no others, have been restarted once, and all run."""
    return lambda found: is_ready(found) and counts(found) == dict.fromkeys(expected, 1)


def old_config(found: Document) -> str:
    own = [c.get("message", "") for c in found.get("status", {}).get("conditions", []) if c["type"] == CONFIG_CURRENT]
    return str(own[0]) if own else ""


def shown(daemon: Daemon, name: str) -> str:
    """All that is told of a pod: to its user, in the log, and to whoever asks the engine for labels."""
    told = daemon.log.read_text(errors="replace"), daemon.cli("events", "-A"), daemon.cli("describe", "pod", name)
    label = f"label=orchestrator.dev/instance={daemon.instance}"
    labels = docker("ps", "-a", "--no-trunc", "--filter", label, "--format", "{{.Labels}}")
    return "\n".join((*told, daemon.cli("get", "pod", name, "-o", "yaml"), labels))


def test_V02_by_default_nothing_restarts_and_describe_says_what_is_old(daemon: Daemon) -> None:
    name = "v02-default"
    daemon.write(text(config(name), secret(name, token=value("token")), reader(name)))
    daemon.wait_ready(name)
    assert "Old Config" not in daemon.cli("describe", "pod", name)
    life = daemon.life(name)
    daemon.write(text(config(name, "info", "new"), secret(name, token=value("other")), reader(name)))
    found = daemon.wait_pod(name, lambda found: "app.conf" in old_config(found))
    assert old_config(found) == (
        f'env was made before key "level" of ConfigMap "{name}" changed (env); '
        f'from was made before key "token" of Secret "{name}" changed (env); '
        f'path was made before key "app.conf" of ConfigMap "{name}" changed (volume config)'
    )
    assert is_ready(found)
    described = " ".join(daemon.cli("describe", "pod", name).split())
    assert f'Old Config: env was made before key "level" of ConfigMap "{name}" changed (env) from was' in described
    assert f"do it with the annotation {RESTART_ON_CHANGE}: config,secrets" in described
    assert daemon.exec(name, "cat", "/config/app.conf", container="live") == value("new")
    assert daemon.exec(name, "cat", "/app.conf", container="path") == value("file")
    assert daemon.life(name) == life
    assert SESAME not in shown(daemon, name)
    daemon.write(text(config(name), secret(name, token=value("token")), reader(name)))
    daemon.wait_pod(name, lambda found: condition(found, CONFIG_CURRENT) == "True")
    assert daemon.life(name) == life


def test_V02_an_annotated_pod_restarts_each_container_that_reads_the_key(daemon: Daemon) -> None:
    name = "v02-annotated"
    token = secret(name, token=value("token"))
    daemon.write(text(config(name), token, reader(name, "config,secrets")))
    daemon.wait_ready(name)
    daemon.write(text(config(name, "info"), token, reader(name, "config,secrets")))
    # A whole volume counts too: a program may have read its files once.
    daemon.wait_pod(name, has("env", "live"))
    assert daemon.exec(name, "sh", "-c", "echo $LEVEL", container="env").strip() == value("info")
    assert daemon.exec(name, "cat", "/config/level", container="live") == value("info")
    told = f'Container env will be restarted: key "level" of ConfigMap "{name}" changed'
    (killing,) = [e for e in daemon.events(name, "Killing") if "container env" in e["message"].lower()]
    assert (killing["message"], killing["type"]) == (told, "Normal")
    assert killing["involvedObject"]["fieldPath"] == "spec.containers{env}"
    daemon.write(text(config(name, "info", "new"), token, reader(name, "config,secrets")))
    daemon.wait_pod(name, lambda found: is_ready(found) and counts(found) == {"env": 1, "live": 2, "path": 1})
    assert daemon.exec(name, "cat", "/app.conf", container="path") == value("new")
    fresh = secret(name, token=value("other"), more=value("more"))
    daemon.write(text(config(name, "info", "new"), fresh, reader(name, "config,secrets")))
    daemon.wait_pod(name, lambda found: is_ready(found) and restarts(found, "from") == 1)
    assert daemon.exec(name, "sh", "-c", "echo $token $more", container="from").split() == [
        value("other"),
        value("more"),
    ]
    daemon.wait_event(name, "Killing", text=f'key "more" of Secret "{name}" was added, key "token" of Secret')
    assert counts(daemon.pod(name)) == {"env": 1, "live": 2, "path": 1, "from": 1}
    assert SESAME not in shown(daemon, name)


def test_V02_the_annotation_names_the_kind_and_may_come_later(daemon: Daemon) -> None:
    name = "v02-later"
    daemon.write(text(config(name), secret(name, token=value("token")), reader(name, "secrets")))
    daemon.wait_ready(name)
    after = config(name, "info"), secret(name, token=value("other"))
    daemon.write(text(*after, reader(name, "secrets")))
    found = daemon.wait_pod(name, lambda found: has("from")(found) and "level" in old_config(found))
    assert old_config(found) == f'env was made before key "level" of ConfigMap "{name}" changed (env)'
    daemon.write(text(*after, reader(name, "config, secrets")))
    daemon.wait_pod(name, lambda found: has("from", "env", "live")(found) and not old_config(found))


def test_V02_it_ends_as_for_an_edit_of_its_spec(daemon: Daemon) -> None:
    """The preStop hook, the signal, the next attempt at once, whatever its restartPolicy says."""
    name = "v02-order"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook >/proc/1/fd/1"]}}}
    script = "trap 'echo signal; exit 3' TERM; echo $LEVEL | tr s S; while :; do sleep 1000 & wait; done"
    ref = {"configMapKeyRef": {"name": name, "key": "level"}}
    main = container(script, env=[{"name": "LEVEL", "valueFrom": ref}], lifecycle=hook)
    made = pod(name, main, terminationGracePeriodSeconds=20, restartPolicy="Never")
    made["metadata"]["annotations"] = {RESTART_ON_CHANGE: "config"}
    daemon.write(text(config(name, "one"), made))
    daemon.wait_ready(name)
    daemon.wait_log(name, "-one")
    daemon.write(text(config(name, "two"), made))
    found = daemon.wait_pod(name, lambda found: is_ready(found) and restarts(found) == 1)
    assert found["status"]["phase"] == "Running"
    assert status_of(found)["lastState"]["terminated"]["exitCode"] == 3
    assert daemon.logs(name, "-p").split() == ["S3Same-one", "hook", "signal"]
    daemon.wait_log(name, "S3Same-two")


def test_V02_many_edits_are_one_restart_and_one_that_is_taken_back_is_none(daemon: Daemon) -> None:
    name = "v02-many"
    token = secret(name, token=value("token"))
    daemon.write(text(config(name), token, reader(name, "config,secrets")))
    daemon.wait_ready(name)
    for level in ("1", "2", "3", "4"):
        daemon.write(text(config(name, level), token, reader(name, "config,secrets")))
        daemon.wait_for("configmaps", name, lambda found, level=level: found["data"]["level"] == value(level))  # type: ignore[misc]
    daemon.wait_pod(name, has("env", "live"))
    assert daemon.exec(name, "sh", "-c", "echo $LEVEL", container="env").strip() == value("4")
    daemon.write(text(config(name, "5"), token, reader(name, "config,secrets")))
    daemon.wait_for("configmaps", name, lambda found: found["data"]["level"] == value("5"))
    # Taken back; the next edit, of a Secret, comes after it and is awaited: the first has had its time by then.
    daemon.write(text(config(name, "4"), token, reader(name, "config,secrets")))
    daemon.wait_for("configmaps", name, lambda found: found["data"]["level"] == value("4"))
    daemon.write(text(config(name, "4"), secret(name, token=value("x")), reader(name, "config,secrets")))
    daemon.wait_pod(name, lambda found: restarts(found, "from") == 1 and is_ready(found))
    assert counts(daemon.pod(name)) == {"env": 1, "live": 1, "from": 1}


def test_V02_what_could_not_start_again_goes_on_as_it_is(daemon: Daemon) -> None:
    name = "v02-held"
    token = secret(name, token=value("token"))
    daemon.write(text(config(name), token, reader(name, "config,secrets")))
    daemon.wait_ready(name)
    life = daemon.life(name)
    gone = config_map(name, **{"app.conf": value("file")})
    daemon.write(text(gone, token, reader(name, "config,secrets")))
    told = daemon.wait_event(name, "RestartHeld")
    assert told["type"] == "Warning"
    assert told["message"] == (
        f'Container env is not restarted though key "level" of ConfigMap "{name}" was removed: '
        f"it could not start again (couldn't find key level in ConfigMap default/{name})"
    )
    # The folder of the volume has lost a file: whoever has all of it is restarted, and can be.
    found = daemon.wait_pod(name, has("live"))
    assert f"it is not restarted: couldn't find key level in ConfigMap default/{name}" in old_config(found)
    daemon.write(text(config(name), token, reader(name, "config,secrets")))
    daemon.wait_pod(name, lambda found: is_ready(found) and not old_config(found) and restarts(found, "live") == 2)
    now = daemon.life(name)
    assert {one for one in life if now[one] != life[one]} == {f"{name}/live"}


@pytest.mark.races
def test_V02_an_edit_while_the_daemon_is_down_is_noticed(own_daemon: Daemon) -> None:
    """Killed, not stopped: what a container was made from is known to its label alone."""
    name = "v02-down"
    token = secret(name, token=value("token"))
    own_daemon.write(text(config(name), token, reader(name, "config")))
    own_daemon.wait_ready(name)
    life = own_daemon.life(name)
    own_daemon.kill()
    own_daemon.start()
    assert own_daemon.life(name) == life
    own_daemon.kill()
    after = config(name, "info"), secret(name, token=value("other")), reader(name, "config")
    own_daemon.write(text(*after))
    own_daemon.start()
    own_daemon.wait_event(name, "Killing", text=f'Container env will be restarted: key "level" of ConfigMap "{name}"')
    found = own_daemon.wait_pod(name, has("env", "live"))
    assert old_config(found) == f'from was made before key "token" of Secret "{name}" changed (env)'
    assert own_daemon.exec(name, "sh", "-c", "echo $LEVEL", container="env").strip() == value("info")
    assert SESAME not in shown(own_daemon, name)


@pytest.mark.races
def test_V02_a_restart_that_a_crash_of_the_daemon_cut_in_two_is_finished(own_daemon: Daemon) -> None:
    """Ended for an edit while nobody looked, of a pod that never restarts by itself."""
    name = "v02-cut"
    ref = {"configMapKeyRef": {"name": name, "key": "level"}}
    script = "trap 'echo ending; sleep 2; exit 3' TERM; while :; do sleep 1000 & wait; done"
    made = pod(
        name,
        container(script, env=[{"name": "LEVEL", "valueFrom": ref}]),
        terminationGracePeriodSeconds=20,
        restartPolicy="Never",
    )
    made["metadata"]["annotations"] = {RESTART_ON_CHANGE: "config"}
    own_daemon.write(text(config(name, "one"), made))
    own_daemon.wait_ready(name)
    own_daemon.write(text(config(name, "two"), made))
    own_daemon.wait_log(name, "ending")
    own_daemon.kill()
    own_daemon.wait_containers(lambda found: any(one["State"]["ExitCode"] == 3 for one in found), name)
    own_daemon.start()
    own_daemon.wait_pod(name, lambda found: is_ready(found) and restarts(found) == 1)
    assert own_daemon.exec(name, "sh", "-c", "echo $LEVEL").strip() == value("two")


def test_V02_plan_says_who_would_be_restarted_and_why(daemon: Daemon, tmp_path: Path) -> None:
    name = "v02-plan"
    token = secret(name, token=value("token"))
    daemon.write(text(config(name), token, reader(name, "config")))
    daemon.wait_ready(name)
    after = text(config(name, "info"), secret(name, token=value("other")), reader(name, "config"))
    edited = tmp_path / "edited.yaml"
    edited.write_text(after.replace("IMAGE", daemon.image))
    said = daemon.cli("plan", "-o", "json", str(edited), str(daemon.specs / "stays.yaml"))
    steps = [step for step in json.loads(said)["steps"] if step["action"] != "nothing"]
    assert [(step["kind"], step["container"], [*step["causes"], *step["effects"]]) for step in steps] == [
        (
            "ConfigMap",
            "",
            ["data.level: changed", f"restarts {name}/env (env)", f"restarts {name}/live (volume config)"],
        ),
        ("Secret", "", ["data.token: changed", f"at the next start of {name}/from (env)"]),
        ("Pod", "env", [f'key "level" of ConfigMap "{name}" changed']),
        ("Pod", "live", [f'key "level" of ConfigMap "{name}" changed']),
    ]
    assert SESAME not in said
    daemon.write(after)
    daemon.wait_pod(name, has("env", "live"))
