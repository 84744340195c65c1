"""Case L06: init containers run one after another, each to success, before any app container starts."""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.notes import STAYS, UNTIL_GO, go, noted, noting, noting_pod, wait_noted
from tests.e2e.pod_status import condition, is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import text

pytestmark = pytest.mark.races

TWICE_IN_VAIN = "echo NAME begin >>/out/log; test $(grep -c 'NAME begin' /out/log) -ge 3"
"""A script that fails two times."""


def test_L06_one_after_another_and_then_the_app(daemon: Daemon, tmp_path: Path) -> None:
    init = [noting(name, UNTIL_GO) for name in ("first", "second")]
    apps = [noting(name, STAYS) for name in ("web", "log")]
    daemon.write(text(noting_pod("l06", tmp_path, *apps, initContainers=init)))
    for number, name in enumerate(("first", "second")):
        seen = daemon.wait_pod("l06", lambda p, name=name: "running" in status_of(p, name).get("state", {}))
        wait_noted(tmp_path, lambda lines, name=name: f"{name} begin" in lines)
        assert seen["status"]["phase"] == "Pending"
        assert condition(seen, "Initialized") == "False"
        assert {waiting_reason(seen, other) for other in ("second", "web", "log")[number:]} == {"PodInitializing"}
        assert daemon.cli("get", "pod", "l06", "--no-headers").split()[1:3] == ["0/2", f"Init:{number}/2"]
        assert len(noted(tmp_path)) == 2 * number + 1, "nothing else has begun"
        go(tmp_path, name)
    seen = daemon.wait_ready("l06")
    assert condition(seen, "Initialized") == "True"
    for name in ("first", "second"):
        status = status_of(seen, name)
        assert (status["state"]["terminated"]["reason"], status["ready"], restarts(seen, name)) == (
            "Completed",
            True,
            0,
        )
    lines = wait_noted(tmp_path, lambda lines: len(lines) == 6)
    assert lines[:4] == ["first begin", "first end", "second begin", "second end"]
    assert set(lines[4:]) == {"web begin", "log begin"}


def test_L06_they_are_not_run_again_with_the_app(daemon: Daemon, tmp_path: Path) -> None:
    first, web = noting("first", "echo NAME begin >>/out/log"), noting("web", STAYS)
    daemon.write(text(noting_pod("l06-once", tmp_path, web, initContainers=[first])))
    daemon.wait_ready("l06-once")
    docker("kill", daemon.engine_id("l06-once", "web"))
    daemon.wait_pod("l06-once", lambda p: restarts(p, "web") == 1 and is_ready(p))
    lines = wait_noted(tmp_path, lambda lines: lines.count("web begin") == 2)
    assert lines.count("first begin") == 1


@pytest.mark.parametrize("policy", ["Always", "OnFailure"])
def test_L06_one_that_fails_is_tried_again(daemon: Daemon, tmp_path: Path, policy: str) -> None:
    """With back-off; its success is its end, whatever the policy."""
    name = f"l06-{policy.lower()}"
    first, web = noting("first", TWICE_IN_VAIN), noting("web", STAYS)
    daemon.write(text(noting_pod(name, tmp_path, web, initContainers=[first], restartPolicy=policy)))
    seen = daemon.wait_pod(name, lambda p: waiting_reason(p, "first") == "CrashLoopBackOff")
    assert seen["status"]["phase"] == "Pending"
    assert status_of(seen, "first")["lastState"]["terminated"]["exitCode"] == 1
    seen = daemon.wait_ready(name)
    assert restarts(seen, "first") == 2
    lines = wait_noted(tmp_path, lambda lines: "web begin" in lines)
    assert lines == ["first begin"] * 3 + ["web begin"]
    assert daemon.events(name, "BackOff")[0]["involvedObject"]["fieldPath"] == "spec.initContainers{first}"


def test_L06_one_that_fails_fails_a_pod_of_policy_Never(daemon: Daemon, tmp_path: Path) -> None:
    init = [noting("first", "exit 3"), noting("second", STAYS)]
    document = noting_pod("l06-never", tmp_path, noting("web", STAYS), initContainers=init, restartPolicy="Never")
    daemon.write(text(document))
    seen = daemon.wait_pod("l06-never", lambda p: p["status"]["phase"] == "Failed")
    assert status_of(seen, "first")["state"]["terminated"]["exitCode"] == 3
    assert restarts(seen, "first") == 0
    assert condition(seen, "Initialized") == "False"
    assert daemon.cli("get", "pod", "l06-never", "--no-headers").split()[2] == "Init:Error"
    daemon.wait_containers(lambda left: len(left) == 1, "l06-never")
    assert noted(tmp_path) == []
