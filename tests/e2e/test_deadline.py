"""Case L09: `activeDeadlineSeconds` ends a pod that goes on for too long.

It counts from before the sandbox is made, so each leaves a busy engine the seconds that this may take.
"""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.notes import STAYS, noted, noting, noting_pod, wait_noted
from tests.e2e.pod_status import condition, restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, pod, text

pytestmark = pytest.mark.races

REASON = "DeadlineExceeded"
MESSAGE = "Pod was active on the node longer than the specified deadline"


def failed_so(document: Document) -> bool:
    """Whether a pod has failed by its deadline."""
    status = document["status"]
    return (status["phase"], status.get("reason")) == ("Failed", REASON)


def test_L09_a_pod_that_goes_on_for_too_long_fails(daemon: Daemon, tmp_path: Path) -> None:
    """It is asked to end like any other, and not restarted."""
    daemon.write(text(noting_pod("l09", tmp_path, noting("main", STAYS), activeDeadlineSeconds=6)))
    daemon.wait_ready("l09")
    wait_noted(tmp_path, lambda lines: lines == ["main begin"])
    seen = daemon.wait_pod("l09", failed_so)
    assert seen["status"]["message"] == MESSAGE
    assert condition(seen, "Ready") == "False"
    assert status_of(seen)["state"]["terminated"]["exitCode"] == 0
    assert restarts(seen) == 0
    assert noted(tmp_path) == ["main begin", "main term"]
    (event,) = daemon.events("l09", REASON)
    assert (event["type"], event["message"], event["count"]) == ("Normal", MESSAGE, 1)
    daemon.wait_containers(lambda left: len(left) == 1, "l09")
    assert "l09" in daemon.cli("get", "pods")
    assert REASON in daemon.cli("describe", "pod", "l09")


def test_L09_it_counts_in_back_off_and_while_nothing_can_start(daemon: Daemon) -> None:
    crash = pod("l09-crash", "exit 1", activeDeadlineSeconds=8)
    image = pod("l09-image", {"name": "main", "image": "127.0.0.1:1/nobody/nothing:1"}, activeDeadlineSeconds=2)
    volume = pod(
        "l09-volume", FOR_EVER, volumes=[{"name": "v", "configMap": {"name": "l09-absent"}}], activeDeadlineSeconds=2
    )
    daemon.write(text(crash, image, volume))
    for name in ("l09-crash", "l09-image", "l09-volume"):
        daemon.wait_pod(name, failed_so)
    assert restarts(daemon.pod("l09-crash")) >= 1


def test_L09_a_pod_that_is_done_before_stays_as_it_ended(daemon: Daemon) -> None:
    done = pod("l09-done", "exit 0", activeDeadlineSeconds=9, restartPolicy="Never")
    late = pod("l09-late", FOR_EVER, activeDeadlineSeconds=10)
    daemon.write(text(done, late))
    daemon.wait_pod("l09-done", lambda p: p["status"]["phase"] == "Succeeded")
    # The other one's deadline comes after its own.
    daemon.wait_pod("l09-late", failed_so)
    seen = daemon.pod("l09-done")
    assert (seen["status"]["phase"], seen["status"].get("reason", "")) == ("Succeeded", "")


def test_L09_an_edit_sets_it(daemon: Daemon) -> None:
    daemon.write(text(pod("l09-edit", FOR_EVER)))
    daemon.wait_ready("l09-edit")
    life = daemon.life("l09-edit")
    daemon.write(text(pod("l09-edit", FOR_EVER, activeDeadlineSeconds=1000)))
    daemon.wait_pod("l09-edit", lambda p: p["spec"].get("activeDeadlineSeconds") == 1000)
    assert daemon.life("l09-edit") == life
    daemon.write(text(pod("l09-edit", FOR_EVER, activeDeadlineSeconds=1)))
    daemon.wait_pod("l09-edit", failed_so)


def test_L09_it_survives_the_daemon(own_daemon: Daemon, tmp_path: Path) -> None:
    """A deadline that comes while there is none is met at the next start, and what has failed so stays."""
    late = STAYS.replace("; while", "; sleep 9; echo NAME late >>/out/log; while")
    own_daemon.write(text(noting_pod("l09-kill", tmp_path, noting("main", late), activeDeadlineSeconds=8)))
    own_daemon.wait_ready("l09-kill")
    own_daemon.kill()
    wait_noted(tmp_path, lambda lines: "main late" in lines)
    own_daemon.start()
    own_daemon.wait_pod("l09-kill", failed_so)
    assert noted(tmp_path) == ["main begin", "main late", "main term"]
    own_daemon.kill()
    own_daemon.start()
    seen = own_daemon.pod("l09-kill")
    assert failed_so(seen)
    assert waiting_reason(seen) == ""
    assert status_of(seen)["state"]["terminated"]["exitCode"] == 0
    assert noted(tmp_path).count("main begin") == 1
