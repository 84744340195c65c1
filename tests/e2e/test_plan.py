"""`orchestrator plan` against a daemon that runs pods: it changes nothing, and what it says is what then happens."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import is_ready, restarts, status_of
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

ONE, TWO, THREE, OVER = "plan-one", "plan-two", "plan-three", "plan-over"
Document = dict[str, Any]


def edited(daemon: Daemon, folder: Path) -> Path:
    """The daemon's folder as a user would edit it, in another place."""
    shutil.copytree(daemon.specs, folder)
    return folder


def page_reader(name: str, *containers: Document, **spec: Any) -> Document:
    return pod(name, *containers, volumes=[{"name": "page", "configMap": {"name": "plan-page"}}], **spec)


def is_done(found: Document) -> bool:
    return bool(found["status"]["phase"] == "Succeeded")


def before() -> str:
    mounts = [{"name": "page", "mountPath": "/page"}]
    return text(
        config_map("plan-page", motto="one"),
        page_reader(ONE, container(FOR_EVER, volumeMounts=mounts), container(FOR_EVER, "side")),
        pod(TWO, FOR_EVER),
        pod(THREE, FOR_EVER),
        pod(OVER, "exit 0", restartPolicy="Never", activeDeadlineSeconds=600),
    )


def after() -> str:
    mounts = [{"name": "page", "mountPath": "/page"}]
    side = container(FOR_EVER, "side", env=[{"name": "LEVEL", "value": "sesame"}])
    return text(
        config_map("plan-page", motto="two"),
        page_reader(ONE, container(FOR_EVER, volumeMounts=mounts), side),
        pod(TWO, FOR_EVER, hostname="other"),
        pod(OVER, container("exit 0", env=[{"name": "A", "value": "b"}]), restartPolicy="Never"),
        pod("plan-four", FOR_EVER, labels={"fresh": "yes"}),
    )


def test_a_plan_changes_nothing_and_is_what_then_happens(daemon: Daemon, tmp_path: Path) -> None:
    daemon.write(before())
    for name in (ONE, TWO, THREE):
        daemon.wait_ready(name)
    done = daemon.wait_pod(OVER, is_done)
    daemon.wait_containers(lambda left: len(left) == 1, OVER)
    life = daemon.life()
    versions = _versions(daemon)
    specs = edited(daemon, tmp_path / "edited")
    assert daemon.cli("plan", str(specs)).splitlines()[-1] == f"{len(versions)} unchanged"

    (specs / "test.yaml").write_text(after().replace("IMAGE", daemon.image))
    shown = daemon.cli("plan", str(specs))
    answer = json.loads(daemon.cli("plan", "-o", "json", str(specs)))
    steps = {(s["name"], s["action"], s["container"]): [*s["causes"], *s["effects"]] for s in answer["steps"]}
    assert {key: told for key, told in steps.items() if key[1] != "nothing"} == {
        ("plan-page", "update", ""): ["data.motto: changed", f"live in {ONE}/main (volume page)"],
        (ONE, "replace container", "side"): ["spec.containers[1].env: LEVEL added"],
        (TWO, "replace pod", ""): ["spec.hostname: (none) -> other"],
        (OVER, "replace pod", ""): ["spec.containers[0].env: A added", "it is over, and runs anew"],
        (THREE, "delete", ""): ["the specs do not have it"],
        ("plan-four", "create", ""): ["it is not there yet"],
    }
    assert "sesame" not in shown
    assert daemon.life() == life
    assert _versions(daemon) == versions

    old = daemon.pod(TWO)["metadata"]["uid"]
    daemon.write(after())
    daemon.wait_ready("plan-four")
    daemon.wait_pod(TWO, lambda found: found["metadata"]["uid"] != old and is_ready(found))
    daemon.wait_pod(ONE, lambda found: status_of(found, "side")["restartCount"] == 1 and is_ready(found))
    daemon.wait_gone(THREE)
    again = daemon.wait_pod(OVER, lambda found: found["metadata"]["uid"] != done["metadata"]["uid"] and is_done(found))
    assert restarts(again) == 0
    daemon.wait_containers(lambda left: len(left) == 1, OVER)
    now = daemon.life()
    assert {name for name in life if now.get(name) != life[name]} == {
        f"{ONE}/side",
        f"{TWO}/POD",
        f"{TWO}/main",
        f"{THREE}/POD",
        f"{THREE}/main",
    }
    assert set(now) - set(life) == {"plan-four/POD", "plan-four/main"}
    assert daemon.exec(ONE, "cat", "/page/motto", container="main") == "two"
    assert daemon.cli("plan", str(specs)).splitlines()[-1].endswith(" unchanged")
    assert "," not in daemon.cli("plan", str(daemon.specs)).splitlines()[-1]


def _versions(daemon: Daemon) -> dict[str, str]:
    """The resourceVersion of everything that the folder gave."""
    found = {}
    for plural in ("pods", "configmaps", "secrets", "services", "namespaces"):
        for item in daemon.client.get(f"/api/v1/{plural}")["items"]:
            meta = item["metadata"]
            found[f"{plural}/{meta.get('namespace', '')}/{meta['name']}"] = meta["resourceVersion"]
    return found


def test_a_plan_is_of_the_daemon_s_own_settings(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    """What a daemon with other flags would take, this one refuses; the plan says so, and so it comes."""
    flags = ("--policy", "baseline", "--allowed-unsafe-sysctls", "none", "--node-port-range", "31000-31999")
    daemon = new_daemon().start(*flags)
    tuned = {"sysctls": [{"name": "kernel.msgmax", "value": "9000"}]}
    ports = [{"port": 80, "nodePort": 30001}]
    out = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "plan-out"}}
    daemon.write(text(pod("plan-runs", FOR_EVER)), "runs.yaml")
    daemon.wait_ready("plan-runs")
    specs = edited(daemon, tmp_path / "edited")
    asked = text(
        pod("plan-host", FOR_EVER, hostNetwork=True),
        pod("plan-tuned", FOR_EVER, securityContext=tuned),
        {**out, "spec": {"type": "NodePort", "ports": ports}},
    )
    (specs / "more.yaml").write_text(asked.replace("IMAGE", daemon.image))
    answer = json.loads(daemon.cli("plan", "-o", "json", str(specs), code=1))
    steps = {s["name"]: (s["action"], "; ".join((*s["causes"], *s["effects"]))) for s in answer["steps"]}
    refusals = {
        "plan-host": 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
        "plan-tuned": 'violates PodSecurity "baseline:latest": forbidden sysctls (kernel.msgmax)',
        "plan-out": "provided port is not in the valid range. The range of valid ports is 31000-31999",
    }
    assert steps["plan-runs"][0] == "nothing"
    assert {name: steps[name][0] for name in refusals} == dict.fromkeys(refusals, "refused")
    assert [name for name, words in refusals.items() if words not in steps[name][1]] == []
    daemon.write(asked, "more.yaml")
    for words in refusals.values():
        daemon.wait_problem(words)
    assert [found["metadata"]["name"] for found in daemon.client.get("/api/v1/pods")["items"]] == ["plan-runs"]
