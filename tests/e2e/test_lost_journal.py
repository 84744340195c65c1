"""Case D01 where the daemon has lost its memory: the journal is gone, or is not what was written."""

from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import FOR_EVER, container, pod, text

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "lost"},
    "spec": {"selector": {"app": "lost"}, "ports": [{"port": 80, "targetPort": 8080}]},
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "lost"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lost"}, "data": {"a": "1"}}


def remove(daemon: Daemon) -> None:
    for file in (daemon.home / "state").glob("journal.db*"):
        file.unlink()


def scribble(daemon: Daemon) -> None:
    for file in (daemon.home / "state").glob("journal.db-*"):
        file.unlink()
    (daemon.home / "state" / "journal.db").write_bytes(b"not what it was " * 1000)


@pytest.mark.parametrize("lose", [remove, scribble])
def test_D01_a_lost_journal_costs_no_pod(own_daemon: Daemon, lose: Callable[[Daemon], None]) -> None:
    daemon = own_daemon
    reads = {"envFrom": [{"configMapRef": {"name": "lost"}}], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volumes = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "lost"}}]}
    probe = {"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}}
    daemon.write(
        text(
            CONFIG,
            CLAIM,
            SERVICE,
            pod("lost-well", container(FOR_EVER, **probe, **reads), labels={"app": "lost"}, **volumes),
            pod("lost-crashed", FOR_EVER),
        )
    )
    daemon.wait_ready("lost-well")
    daemon.wait_ready("lost-crashed")
    daemon.exec("lost-well", "sh", "-c", "echo precious > /v/data")
    docker("kill", daemon.engine_id("lost-crashed", "main"))
    daemon.wait_pod("lost-crashed", lambda p: restarts(p) == 1 and is_ready(p))
    before = daemon.life()
    uids = [daemon.pod(name)["metadata"]["uid"] for name in ("lost-well", "lost-crashed")]
    address = daemon.get("services", "lost")["spec"]["clusterIP"]

    daemon.kill()
    # When a pod was created is in the journal only; the sandbox's age stands in for it now.
    daemon.new_reader()
    lose(daemon)
    daemon.start()

    daemon.wait_ready("lost-well")
    daemon.wait_ready("lost-crashed")
    assert daemon.life() == before, "nothing that ran was touched"
    assert [daemon.pod(name)["metadata"]["uid"] for name in ("lost-well", "lost-crashed")] == uids
    assert restarts(daemon.pod("lost-crashed")) == 1
    assert daemon.get("services", "lost")["spec"]["clusterIP"] == address
    assert daemon.exec("lost-well", "cat", "/v/data") == "precious\n"
    assert daemon.get("persistentvolumeclaims", "lost")["status"]["phase"] == "Bound"
    told = [problem["message"] for problem in daemon.client.status()["problems"]]
    word = "was damaged" if lose is scribble else "was missing, while"
    assert any(word in line for line in told)
    assert word in daemon.log.read_text()
    assert daemon.stop() == 0
    daemon.start()
    daemon.wait_ready("lost-well")
    problems = daemon.client.status()["problems"]
    assert not any("was damaged" in each["message"] or "was missing" in each["message"] for each in problems)
