"""Case L12: a container's last words, from its file or from the end of its log."""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts, status_of
from tests.e2e.pods import container, pod, text

pytestmark = pytest.mark.races

FALLBACK = {"terminationMessagePolicy": "FallbackToLogsOnError"}


def ends(daemon: Daemon, name: str, *containers: Document) -> dict[str, str]:
    """Run these containers to their end; gives what each has left."""
    daemon.write(text(pod(name, *containers, restartPolicy="Never")))
    seen = daemon.wait_pod(name, lambda p: p["status"]["phase"] in ("Succeeded", "Failed"))
    names = [one["name"] for one in containers]
    return {one: status_of(seen, one)["state"]["terminated"].get("message", "") for one in names}


def test_L12_from_the_file(daemon: Daemon) -> None:
    """As it was written, newlines and all; the last 4,096 bytes, and 12 KiB for all of a pod; by whatever user."""
    many = "head -c 5000 /dev/zero | tr '\\0' a >/dev/termination-log; printf 'the end' >>/dev/termination-log; exit 1"
    assert ends(daemon, "l12-most", container(many, "many")) == {"many": "a" * (4096 - 7) + "the end"}
    words = ends(
        daemon,
        "l12-file",
        container("printf 'bye\\n\\n' >/dev/termination-log", "newlines"),
        container(many, "many"),
        container("printf me >/last/words", "path", terminationMessagePath="/last/words"),
        container("printf user >/dev/termination-log", "user", securityContext={"runAsUser": 1234}),
        container("echo only in the log; exit 1", "log"),
    )
    assert words == {
        "newlines": "bye\n\n",
        "many": "a" * (12 * 1024 // 5),
        "path": "me",
        "user": "user",
        "log": "",
    }


def test_L12_from_the_log_on_error(daemon: Daemon) -> None:
    words = ends(
        daemon,
        "l12-log",
        container("seq 100; exit 1", "lines", **FALLBACK),
        container("for n in $(seq 30); do printf '%099d\\n' $n; done; exit 1", "bytes", **FALLBACK),
        container("echo out; sleep 0.2; echo err >&2; exit 1", "streams", **FALLBACK),
        container("echo fine", "success", **FALLBACK),
        container("echo log; printf file >/dev/termination-log; exit 1", "file", **FALLBACK),
    )
    assert words["lines"].split() == [str(number) for number in range(21, 101)]
    every = "".join(f"{number:099d}\n" for number in range(1, 31))
    assert words["bytes"] == every[-2048:]
    assert words["streams"] == "out\nerr\n"
    assert words["success"] == ""
    assert words["file"] == "file"


def test_L12_it_is_told_of_the_last_run_and_in_describe(daemon: Daemon) -> None:
    script = "printf 'run %s' $(cat /count/n 2>/dev/null) >/dev/termination-log; echo two >/count/n; "
    main = container(
        script + "grep -q two /dev/termination-log && exec sleep 1000; exit 4",
        volumeMounts=[{"name": "count", "mountPath": "/count"}],
    )
    volumes = [{"name": "count", "emptyDir": {}}]
    daemon.write(text(pod("l12-last", main, volumes=volumes)))
    seen = daemon.wait_pod("l12-last", lambda p: restarts(p) == 1 and is_ready(p))
    assert status_of(seen)["lastState"]["terminated"]["message"] == "run "
    docker("kill", daemon.engine_id("l12-last", "main"))
    seen = daemon.wait_pod("l12-last", lambda p: restarts(p) == 2 and is_ready(p))
    assert status_of(seen)["lastState"]["terminated"]["message"] == "run two"
    assert "run two" in daemon.cli("describe", "pod", "l12-last")


def test_L12_it_survives_the_daemon(own_daemon: Daemon, tmp_path: Path) -> None:
    """Told before, it stays; and what ended without a daemon is told by the next."""
    waits = "until test -e /out/go; do sleep 0.05; done; printf later >/dev/termination-log; touch /out/gone"
    volumes = [{"name": "out", "hostPath": {"path": str(tmp_path)}}]
    early = container("printf early >/dev/termination-log", "early")
    logged = container("echo logged; exit 1", "logged", **FALLBACK)
    late = container(waits, "late", volumeMounts=[{"name": "out", "mountPath": "/out"}])
    own_daemon.write(text(pod("l12-kill", early, logged, late, volumes=volumes, restartPolicy="Never")))
    own_daemon.wait_pod(
        "l12-kill", lambda p: all("terminated" in status_of(p, one).get("state", {}) for one in ("early", "logged"))
    )
    own_daemon.kill()
    (tmp_path / "go").touch()
    own_daemon.wait_containers(lambda found: sum(one["State"]["Running"] for one in found) == 1, "l12-kill")
    own_daemon.start()
    seen = own_daemon.wait_pod("l12-kill", lambda p: p["status"]["phase"] == "Failed")
    own_daemon.restart()
    again = own_daemon.pod("l12-kill")
    for document in (seen, again):
        words = {one: status_of(document, one)["state"]["terminated"]["message"] for one in ("early", "logged", "late")}
        assert words == {"early": "early", "logged": "logged\n", "late": "later"}
