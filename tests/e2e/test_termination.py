"""Case L10: how a pod ends: out of the Services, preStop, stop signal, SIGKILL when the grace is over, nothing left."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pods import FOR_EVER, NO_REGISTRY, config_map, container, pod, text

pytestmark = pytest.mark.races


def noting(name: str, script: str, **fields: Any) -> Document:
    """A container that has a folder of the host at /noted."""
    return container(script, name, volumeMounts=[{"name": "noted", "mountPath": "/noted"}], **fields)


def noted(folder: Path) -> Document:
    """The volume of `noting`."""
    return {"name": "noted", "hostPath": {"path": str(folder)}}


def _wait_file(daemon: Daemon, name: str, pod_name: str) -> None:
    """Wait until a file is in /noted, by looking from within the pod."""
    daemon.exec(pod_name, "sh", "-c", f"until [ -e /noted/{name} ]; do sleep 0.05; done")


def _left_on_disk(daemon: Daemon, uid: str) -> list[Path]:
    folders = (daemon.home / "state", daemon.home / "run")
    return [path for folder in folders for path in folder.rglob("*") if uid in path.name]


def test_L10_the_way_of_a_deletion(daemon: Daemon, tmp_path: Path) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "l10"},
        "spec": {"selector": {"app": "l10"}, "ports": [{"port": 80}]},
    }
    wait = "echo hook >> /noted/order; until [ -e /noted/go ]; do sleep 0.05; done; echo hook over >> /noted/order"
    main = noting(
        "main",
        "trap 'echo term >> /noted/order; exit 0' TERM; while :; do sleep 1000 & wait; done",
        lifecycle={"preStop": {"exec": {"command": ["sh", "-c", wait]}}},
    )
    volumes = [
        noted(tmp_path),
        {"name": "config", "configMap": {"name": "l10"}},
        {"name": "secret", "secret": {"secretName": "l10"}},
        {"name": "scratch", "emptyDir": {}},
    ]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "l10"}, "stringData": {"key": "hidden"}}
    daemon.write(text(service, secret, config_map("l10", key="value")), "others.yaml")
    document = pod("l10", main, labels={"app": "l10"}, volumes=volumes, terminationGracePeriodSeconds=40)
    daemon.write(text(document))
    uid = daemon.wait_ready("l10")["metadata"]["uid"]
    daemon.wait_for("endpoints", "l10", lambda e: bool(e.get("subsets", [{}])[0].get("addresses")))
    assert _left_on_disk(daemon, uid)

    daemon.remove()
    daemon.wait_for("endpoints", "l10", lambda e: not e.get("subsets"))
    going = daemon.wait_pod("l10", lambda p: "deletionTimestamp" in p["metadata"])
    assert going["metadata"]["deletionGracePeriodSeconds"] == 40
    assert daemon.cli("get", "pod", "l10", "--no-headers").split()[2] == "Terminating"
    assert daemon.wait_event("l10", "Killing")["message"] == "Stopping container main"
    _wait_file(daemon, "order", "l10")
    # The hook runs, and the signal waits for it.
    assert (tmp_path / "order").read_text() == "hook\n"
    assert daemon.life("l10").keys() == {"l10/POD", "l10/main"}
    (tmp_path / "go").touch()
    daemon.wait_gone("l10")
    assert (tmp_path / "order").read_text() == "hook\nhook over\nterm\n"
    assert daemon.containers("l10") == []
    assert _left_on_disk(daemon, uid) == []


def test_L10_all_containers_end_side_by_side_and_are_killed_after_the_grace(daemon: Daemon, tmp_path: Path) -> None:
    # Each notes its signal and goes on; one after another, the second would be told after the first was killed.
    deaf = "trap 'date +%s > /noted/NAME.term' TERM; while :; do sleep 0.1; date +%s >> /noted/NAME.alive; done"
    names = ["one", "two"]
    made = [noting(name, deaf.replace("NAME", name)) for name in names]
    daemon.write(text(pod("l10-deaf", *made, volumes=[noted(tmp_path)], terminationGracePeriodSeconds=3)))
    daemon.wait_ready("l10-deaf")
    daemon.remove()
    daemon.wait_gone("l10-deaf")
    told = [int((tmp_path / f"{name}.term").read_text()) for name in names]
    alive = [int((tmp_path / f"{name}.alive").read_text().split()[-1]) for name in names]
    assert max(told) <= min(alive)
    # Whole seconds on both sides: a grace of three is at least two of them.
    assert all(end - begin >= 2 for begin, end in zip(told, alive, strict=True))
    assert daemon.containers("l10-deaf") == []


def test_L10_a_hook_that_overruns_does_not_outlast_the_grace(daemon: Daemon, tmp_path: Path) -> None:
    hook = {"preStop": {"exec": {"command": ["sleep", "1000"]}}}
    main = noting(
        "main", "trap 'echo term > /noted/term; exit 0' TERM; while :; do sleep 1000 & wait; done", lifecycle=hook
    )
    daemon.write(text(pod("l10-over", main, volumes=[noted(tmp_path)], terminationGracePeriodSeconds=2)))
    daemon.wait_ready("l10-over")
    daemon.remove()
    daemon.wait_gone("l10-over")
    assert (tmp_path / "term").read_text() == "term\n"
    assert daemon.events("l10-over", "FailedPreStopHook")


def test_L10_a_grace_of_zero_is_now(daemon: Daemon, tmp_path: Path) -> None:
    main = noting("main", "trap 'touch /noted/term' TERM; while :; do sleep 1000 & wait; done")
    daemon.write(text(pod("l10-now", main, volumes=[noted(tmp_path)], terminationGracePeriodSeconds=0)))
    daemon.wait_ready("l10-now")
    daemon.remove()
    daemon.wait_gone("l10-now")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def signalled_image(image: str) -> Iterator[str]:
    """An image whose STOPSIGNAL is SIGUSR1."""
    name = f"orchestrator-test/signal-{uuid.uuid4().hex[:8]}:1"
    recipe = f"FROM {image}\nSTOPSIGNAL SIGUSR1\n"
    subprocess.run(["docker", "build", "-q", "-t", name, "-"], input=recipe, text=True, check=True, capture_output=True)
    yield name
    docker("rmi", "-f", name)


def test_L10_the_stop_signal_is_the_specs_or_the_images(daemon: Daemon, tmp_path: Path, signalled_image: str) -> None:
    traps = 'for s in TERM USR1 USR2; do trap "echo $s > /noted/$ME; exit 0" $s; done'
    script = f"{traps}; touch /noted/$ME.up; while :; do sleep 1000 & wait; done"
    wanted = {
        "usual": ("TERM", {}),
        "image": ("USR1", {"image": signalled_image}),
        "spec": ("USR2", {"image": signalled_image, "lifecycle": {"stopSignal": "SIGUSR2"}}),
    }
    made = [
        noting(name, script, **{"env": [{"name": "ME", "value": name}], **fields})
        for name, (_, fields) in wanted.items()
    ]
    spec: Document = {"volumes": [noted(tmp_path)], "terminationGracePeriodSeconds": 30, "os": {"name": "linux"}}
    daemon.write(text(pod("l10-signal", *made, **spec)))
    daemon.wait_ready("l10-signal")
    for name in wanted:
        until = f"until [ -e /noted/{name}.up ]; do sleep 0.05; done"
        daemon.exec("l10-signal", "sh", "-c", until, container=name)
    daemon.remove()
    daemon.wait_gone("l10-signal")
    assert {name: (tmp_path / name).read_text().strip() for name in wanted} == {
        name: signal for name, (signal, _) in wanted.items()
    }


def test_L10_a_pod_in_back_off_or_without_an_image_goes_at_once(daemon: Daemon) -> None:
    crash = pod("l10-crash", "exit 1", terminationGracePeriodSeconds=30)
    absent = pod("l10-absent", container(FOR_EVER, image=NO_REGISTRY))
    daemon.write(text(crash, absent))
    daemon.wait_event("l10-crash", "BackOff")
    daemon.wait_event("l10-absent", "Failed")
    daemon.remove()
    daemon.wait_gone("l10-crash")
    daemon.wait_gone("l10-absent")
    assert daemon.containers("l10-crash") == daemon.containers("l10-absent") == []
