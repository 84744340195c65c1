"""Case L07: sidecars start in order, live beside the app, are restarted alone, and end after it in reverse."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.notes import STAYS, UNTIL_GO, go, noted, noting, noting_pod, sh, wait_noted
from tests.e2e.pod_status import condition, is_ready, restarts, status_of
from tests.e2e.pods import text

pytestmark = pytest.mark.races


def sidecar(name: str, script: str = STAYS, **fields: Any) -> Document:
    return noting(name, script, restartPolicy="Always", **fields)


def two(name: str, out: Path, app: Document, *, last: Document | None = None, **spec: Any) -> Document:
    """A pod with the sidecars "one" and "two" and an app."""
    init = [sidecar("one"), last or sidecar("two")]
    return noting_pod(name, out, app, initContainers=init, **spec)


def running(name: str, *containers: str) -> Any:
    """Whether these containers run."""
    return lambda p: all("running" in status_of(p, one).get("state", {}) for one in containers)


def test_L07_each_starts_when_the_one_before_has_started(daemon: Daemon, tmp_path: Path) -> None:
    probe = {**sh("test -e /out/started"), "periodSeconds": 1, "failureThreshold": 1000}
    init = [sidecar("proxy", startupProbe=probe), noting("migrate", UNTIL_GO), sidecar("shipper")]
    daemon.write(text(noting_pod("l07", tmp_path, noting("web", STAYS), initContainers=init)))
    daemon.wait_event("l07", "Unhealthy", text="Startup probe failed")
    seen = daemon.pod("l07")
    assert "running" in status_of(seen, "proxy")["state"]
    assert not status_of(seen, "proxy")["started"]
    assert noted(tmp_path) == ["proxy begin"]
    assert daemon.cli("get", "pod", "l07", "--no-headers").split()[1:3] == ["0/3", "Init:0/3"]
    (tmp_path / "started").touch()
    seen = daemon.wait_pod("l07", running("l07", "migrate"))
    assert status_of(seen, "proxy")["started"]
    wait_noted(tmp_path, lambda lines: lines == ["proxy begin", "migrate begin"])
    assert condition(seen, "Initialized") == "False"
    go(tmp_path, "migrate")
    seen = daemon.wait_ready("l07")
    assert condition(seen, "Initialized") == "True"
    assert daemon.cli("get", "pod", "l07", "--no-headers").split()[1:3] == ["3/3", "Running"]
    lines = wait_noted(tmp_path, lambda lines: len(lines) == 5)
    # The shipper has no startup probe: the app may overtake its first words.
    assert lines[:3] == ["proxy begin", "migrate begin", "migrate end"]
    assert set(lines[3:]) == {"shipper begin", "web begin"}


def test_L07_it_is_restarted_alone(daemon: Daemon, tmp_path: Path) -> None:
    daemon.write(text(two("l07-alone", tmp_path, noting("web", STAYS), restartPolicy="Never")))
    daemon.wait_ready("l07-alone")
    before = daemon.life("l07-alone")
    docker("kill", daemon.engine_id("l07-alone", "one"))
    seen = daemon.wait_pod("l07-alone", lambda p: restarts(p, "one") == 1 and is_ready(p))
    assert status_of(seen, "one")["lastState"]["terminated"]["exitCode"] == 137
    after = daemon.life("l07-alone")
    assert {name for name in before if before[name] != after[name]} == {"l07-alone/one"}
    assert (restarts(seen, "two"), restarts(seen, "web")) == (0, 0)


def test_L07_an_unready_sidecar_makes_the_pod_unready(daemon: Daemon, tmp_path: Path) -> None:
    probe = {**sh("test -e /out/ready"), "periodSeconds": 1, "failureThreshold": 1}
    last = sidecar("two", readinessProbe=probe)
    daemon.write(text(two("l07-ready", tmp_path, noting("web", STAYS), last=last)))
    seen = daemon.wait_pod("l07-ready", running("l07-ready", "one", "two", "web"))
    assert condition(seen, "Ready") == "False"
    message = next(c["message"] for c in seen["status"]["conditions"] if c["type"] == "Ready")
    assert message == "containers with unready status: [two]"
    (tmp_path / "ready").touch()
    daemon.wait_ready("l07-ready")


def test_L07_it_does_not_keep_a_pod_from_completing(daemon: Daemon, tmp_path: Path) -> None:
    daemon.write(text(two("l07-done", tmp_path, noting("web", UNTIL_GO), restartPolicy="OnFailure")))
    daemon.wait_ready("l07-done")
    wait_noted(tmp_path, lambda lines: len(lines) == 3)
    go(tmp_path, "web")
    seen = daemon.wait_pod("l07-done", lambda p: p["status"]["phase"] == "Succeeded")
    assert wait_noted(tmp_path, lambda lines: len(lines) == 6)[3:] == ["web end", "two term", "one term"]
    assert [restarts(seen, name) for name in ("one", "two", "web")] == [0, 0, 0]
    assert daemon.life("l07-done").keys() <= {"l07-done/POD"}
    assert daemon.cli("get", "pod", "l07-done", "--no-headers").split()[2] == "Completed"


def test_L07_sidecars_end_after_the_app_in_reverse_order(daemon: Daemon, tmp_path: Path) -> None:
    """Each is told when the one before is gone; a preStop hook of theirs runs at once."""
    slow = (
        "echo web begin >>/out/log; trap 'echo web term >>/out/log; until grep -q hook /out/log; do sleep 0.05; done; "
        "sleep 0.5; echo web end >>/out/log; exit 0' TERM; while :; do sleep 1000 & wait; done"
    )
    hooked = sidecar("two", lifecycle={"preStop": sh("echo two hook >>/out/log")})
    daemon.write(text(two("l07-end", tmp_path, noting("web", slow), last=hooked)))
    daemon.wait_ready("l07-end")
    wait_noted(tmp_path, lambda lines: len(lines) == 3)
    daemon.remove()
    daemon.wait_gone("l07-end")
    lines = noted(tmp_path)[3:]
    # The app ends only once the hook has run, so the hook did not wait for the app.
    assert set(lines[:2]) == {"web term", "two hook"}
    assert lines[2:] == ["web end", "two term", "one term"]
    assert daemon.containers("l07-end") == []


def test_L07_all_of_it_within_one_grace_period(daemon: Daemon, tmp_path: Path) -> None:
    """An app that is deaf uses it up; then sidecars are told all the same, together, before they are killed."""
    deaf = "echo web begin >>/out/log; trap 'echo web term >>/out/log' TERM; while :; do sleep 1000 & wait; done"
    document = two("l07-late", tmp_path, noting("web", deaf), terminationGracePeriodSeconds=3)
    daemon.write(text(document))
    daemon.wait_ready("l07-late")
    wait_noted(tmp_path, lambda lines: len(lines) == 3)
    daemon.remove()
    daemon.wait_gone("l07-late")
    lines = noted(tmp_path)[3:]
    assert lines[0] == "web term"
    assert sorted(lines[1:]) == ["one term", "two term"]
