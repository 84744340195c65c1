"""Cases D01 and H05: kill -9 of the daemon at each stage of a pod; it ends where it would have without.

Whatever a container was doing goes on while there is no daemon.  The next one repeats no restart and no hook that was
over; one that was under way may be delivered again.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.notes import STAYS, UNTIL_GO, go, noted, noting, noting_pod, sh, wait_noted
from tests.e2e.pod_status import is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import text

pytestmark = pytest.mark.races

HOOK = "echo hook >>/out/log; until test -e /out/hook.go; do sleep 0.05; done; echo hook over >>/out/log"
DEAF = (
    "echo NAME begin >>/out/log; trap 'sleep 0.5; echo NAME term >>/out/log' TERM; while :; do sleep 1000 & wait; done"
)
"""It notes its SIGTERM late: a daemon that is killed before it wrote down that it sent one must send it again."""


def killed(daemon: Daemon) -> None:
    """Kill it, and start it again."""
    daemon.kill()
    daemon.start()


# --- init containers ---


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_D01_while_an_init_container_runs(own_daemon: Daemon, tmp_path: Path, when: str) -> None:
    """It ends after the new daemon is there, or while there is none."""
    init = [noting("first", UNTIL_GO), noting("second", UNTIL_GO)]
    own_daemon.write(text(noting_pod("d01-init", tmp_path, noting("web", STAYS), initContainers=init)))
    wait_noted(tmp_path, lambda lines: lines == ["first begin"])
    own_daemon.kill()
    if when == "meanwhile":
        go(tmp_path, "first")
        wait_noted(tmp_path, lambda lines: "first end" in lines)
    own_daemon.start()
    go(tmp_path, "first")
    wait_noted(tmp_path, lambda lines: "second begin" in lines)
    killed(own_daemon)
    go(tmp_path, "second")
    seen = own_daemon.wait_ready("d01-init")
    assert [restarts(seen, name) for name in ("first", "second", "web")] == [0, 0, 0]
    killed(own_daemon)
    own_daemon.wait_ready("d01-init")
    assert noted(tmp_path) == ["first begin", "first end", "second begin", "second end", "web begin"]


def test_D01_while_an_init_container_waits_in_back_off(own_daemon: Daemon, tmp_path: Path) -> None:
    """Its second restart; each is counted once."""
    fails = "echo NAME begin >>/out/log; test $(grep -c 'NAME begin' /out/log) -ge 4"
    document = noting_pod("d01-back", tmp_path, noting("web", STAYS), initContainers=[noting("first", fails)])
    own_daemon.write(text(document))
    for count in (1, 2):
        own_daemon.wait_pod(
            "d01-back",
            lambda p, n=count: restarts(p, "first") >= n and waiting_reason(p, "first") == "CrashLoopBackOff",
        )
        killed(own_daemon)
    seen = own_daemon.wait_ready("d01-back")
    assert restarts(seen, "first") == 3
    wait_noted(tmp_path, lambda lines: lines == ["first begin"] * 4 + ["web begin"])


def test_D01_sidecars_go_on(own_daemon: Daemon, tmp_path: Path) -> None:
    """One that waits for its startup probe, and later all of them."""
    probe = {**sh("test -e /out/started"), "periodSeconds": 1, "failureThreshold": 1000}
    proxy = noting("proxy", STAYS, restartPolicy="Always", startupProbe=probe)
    init = [proxy, noting("first", UNTIL_GO)]
    own_daemon.write(text(noting_pod("d01-side", tmp_path, noting("web", STAYS), initContainers=init)))
    wait_noted(tmp_path, lambda lines: lines == ["proxy begin"])
    killed(own_daemon)
    (tmp_path / "started").touch()
    wait_noted(tmp_path, lambda lines: lines == ["proxy begin", "first begin"])
    killed(own_daemon)
    go(tmp_path, "first")
    own_daemon.wait_ready("d01-side")
    before = own_daemon.life()
    killed(own_daemon)
    own_daemon.wait_ready("d01-side")
    assert own_daemon.life() == before
    own_daemon.kill()
    own_daemon.remove()
    own_daemon.start()
    own_daemon.wait_containers(lambda left: left == [])
    assert noted(tmp_path)[:4] == ["proxy begin", "first begin", "first end", "web begin"]
    assert noted(tmp_path)[4:] == ["web term", "proxy term"]


# --- hooks ---


def test_H05_while_postStart_runs(own_daemon: Daemon, tmp_path: Path) -> None:
    """It may be delivered again; once it is over it is not."""
    main = noting("main", STAYS, lifecycle={"postStart": sh(HOOK)})
    own_daemon.write(text(noting_pod("h05-start", tmp_path, main)))
    wait_noted(tmp_path, lambda lines: sorted(lines) == ["hook", "main begin"])
    killed(own_daemon)
    seen = own_daemon.wait_pod("h05-start", lambda p: waiting_reason(p) == "ContainerCreating")
    assert not status_of(seen)["started"]
    go(tmp_path, "hook")
    seen = own_daemon.wait_ready("h05-start")
    assert restarts(seen) == 0
    lines = wait_noted(tmp_path, lambda lines: lines.count("hook over") == lines.count("hook"))
    assert lines.count("hook") in (1, 2)
    assert lines.count("main begin") == 1
    killed(own_daemon)
    own_daemon.wait_ready("h05-start")
    assert noted(tmp_path) == lines


def test_H05_while_preStop_runs(own_daemon: Daemon, tmp_path: Path) -> None:
    """The pod is deleted: the signal comes once, after the hook."""
    main = noting("main", STAYS, lifecycle={"preStop": sh(HOOK)})
    own_daemon.write(text(noting_pod("h05-stop", tmp_path, main, terminationGracePeriodSeconds=600)))
    own_daemon.wait_ready("h05-stop")
    own_daemon.remove()
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "hook"])
    killed(own_daemon)
    go(tmp_path, "hook")
    own_daemon.wait_containers(lambda left: left == [])
    lines = noted(tmp_path)
    assert (lines.count("hook") in (1, 2), lines.count("main term"), lines[-1]) == (True, 1, "main term")


def test_H05_while_preStop_of_a_restart_runs(own_daemon: Daemon, tmp_path: Path) -> None:
    """A liveness probe has had enough; that it succeeds again by now changes nothing, and one restart is enough."""
    probe = {**sh("! test -e /out/ill"), "periodSeconds": 1, "failureThreshold": 1}
    main = noting("main", STAYS, lifecycle={"preStop": sh(HOOK)}, livenessProbe=probe)
    own_daemon.write(text(noting_pod("h05-live", tmp_path, main, terminationGracePeriodSeconds=600)))
    own_daemon.wait_ready("h05-live")
    (tmp_path / "ill").touch()
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "hook"])
    own_daemon.kill()
    (tmp_path / "ill").unlink()
    own_daemon.start()
    go(tmp_path, "hook")
    own_daemon.wait_pod("h05-live", lambda p: restarts(p) == 1 and is_ready(p))
    lines = wait_noted(tmp_path, lambda lines: lines.count("main begin") == 2)
    assert lines.count("main term") == 1
    assert lines.count("hook") in (1, 2)


# --- back-off ---


def test_D01_while_it_waits_in_back_off(own_daemon: Daemon, tmp_path: Path) -> None:
    """Restarts are counted, none is left out, and none comes sooner than it was due."""
    script = "echo $(cut -d' ' -f1 /proc/uptime) >>/out/log; exit 3"
    own_daemon.write(text(noting_pod("d01-crash", tmp_path, noting("main", script))))
    for count in (1, 2, 3):
        own_daemon.wait_pod(
            "d01-crash", lambda p, n=count: restarts(p) >= n and waiting_reason(p) == "CrashLoopBackOff"
        )
        killed(own_daemon)
    seen = own_daemon.wait_pod("d01-crash", lambda p: restarts(p) >= 4 and waiting_reason(p) == "CrashLoopBackOff")
    starts = [float(line) for line in noted(tmp_path)]
    assert len(starts) == restarts(seen) + 1
    gaps = [after - before for before, after in pairwise(starts)]
    assert all(gap >= due for gap, due in zip(gaps[1:], (1, 2, 4, 4, 4, 4), strict=False)), gaps


# --- the end ---


def test_D01_while_a_deaf_pod_is_terminating(own_daemon: Daemon, tmp_path: Path) -> None:
    """Its hook is over and its signal is sent: neither comes again, and its grace period does not begin again."""
    hook = sh("echo hook >>/out/log")
    main = noting("main", DEAF, lifecycle={"preStop": hook})
    own_daemon.write(text(noting_pod("d01-end", tmp_path, main, terminationGracePeriodSeconds=5)))
    own_daemon.wait_ready("d01-end")
    own_daemon.remove()
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "hook", "main term"])
    told = time.monotonic()
    killed(own_daemon)
    own_daemon.wait_containers(lambda left: not any(one["State"]["Running"] for one in left))
    assert time.monotonic() - told > 2, "it had its grace period"
    own_daemon.wait_containers(lambda left: left == [])
    assert noted(tmp_path) == ["main begin", "hook", "main term"]


def test_D01_while_a_pod_is_replaced(own_daemon: Daemon, tmp_path: Path) -> None:
    """An edit of the pod's own fields: the old one ends as it would have, then the new one starts, once."""
    old = noting("main", STAYS, lifecycle={"preStop": sh(HOOK)})
    own_daemon.write(text(noting_pod("d01-edit", tmp_path, old)))
    own_daemon.wait_ready("d01-edit")
    new = noting("fresh", STAYS)
    own_daemon.write(text(noting_pod("d01-edit", tmp_path, new, hostname="other")))
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "hook"])
    killed(own_daemon)
    assert noted(tmp_path)[2:] in ([], ["hook"])
    go(tmp_path, "hook")
    seen = own_daemon.wait_pod("d01-edit", lambda p: p["spec"].get("hostname") == "other" and is_ready(p))
    assert restarts(seen, "fresh") == 0
    lines = wait_noted(tmp_path, lambda lines: "fresh begin" in lines)
    assert lines[-2:] == ["main term", "fresh begin"]
    uids = {one["Config"]["Labels"]["orchestrator.dev/uid"] for one in own_daemon.containers()}
    assert uids == {seen["metadata"]["uid"]}


# --- any instant ---


@pytest.mark.parametrize("step", [0.05, 0.17])
def test_D01_killed_again_and_again_while_a_pod_comes_up(
    new_daemon: Callable[..., Daemon], tmp_path: Path, step: float
) -> None:
    """Each life is a little longer than the one before, and ends at another instant."""
    daemon = new_daemon()
    out = tmp_path / "out"
    out.mkdir()
    first = noting("first", "echo NAME begin >>/out/log; sleep 0.3; echo NAME end >>/out/log")
    main = noting("main", STAYS, lifecycle={"postStart": sh("echo hook >>/out/log")})
    other = noting("other", STAYS)
    daemon.write(text(noting_pod("d01-any", out, main, other, initContainers=[first])))
    for life in range(8):
        daemon.launch()
        # What is tested is that no instant matters; there is nothing to await.
        time.sleep(0.4 + life * step)
        daemon.kill()
    daemon.start()
    seen = daemon.wait_ready("d01-any")
    assert [restarts(seen, name) for name in ("first", "main", "other")] == [0, 0, 0]
    lines = wait_noted(out, lambda lines: {"main begin", "other begin", "hook"} <= set(lines))
    counts = {line: lines.count(line) for line in ("first begin", "first end", "main begin", "other begin")}
    assert set(counts.values()) == {1}, counts
    assert len(daemon.containers("d01-any")) == 4
    before = daemon.life()
    killed(daemon)
    daemon.wait_ready("d01-any")
    assert daemon.life() == before
