"""Case D03: whatever the engine is ill with, no healthy pod notices, nothing runs twice, and all is right soon after.

In every run of the tests the trouble lasts for seconds; `make soak-engine` lets it last for a minute, with answers that
are ten seconds late.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.front import EngineInFront
from tests.e2e.host import docker
from tests.e2e.notes import STAYS, noted, noting, noting_pod, sh
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import text

pytestmark = pytest.mark.races

LONG = os.environ.get("SOAK_ENGINE") == "1"
HELD = 60.0 if LONG else 2.5
LATE = 10.0 if LONG else 1.6
"""More than the second that a probe has."""
SOON = 5.0 if LONG else 20.0
"""Seconds (D03); in the short form tests share their machine."""

CHECKED = {**sh("true"), "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 3}
TROUBLES: dict[str, Callable[[EngineInFront], None]] = {
    "away": EngineInFront.go,
    "frozen": EngineInFront.freeze,
    "late": lambda front: front.slow(LATE),
    "status 500": EngineInFront.ill,
    "half closed": EngineInFront.short,
    "events cut again and again": EngineInFront.cut_events,
    "events silent": EngineInFront.deafen,
}


def pods(out: Path, *names: str) -> str:
    """Pods that note their starts, and whose every second second is asked for by a command that the engine runs."""
    made = [noting(name, STAYS, livenessProbe=CHECKED, readinessProbe=CHECKED) for name in names]
    return text(*(noting_pod(f"d03-{one['name']}", out, one, terminationGracePeriodSeconds=1) for one in made))


def begun(out: Path) -> dict[str, int]:
    """How often each has started."""
    words = [line.split() for line in noted(out)]
    starts = [name for name, what in words if what == "begin"]
    return {name: starts.count(name) for name in starts}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_D03_an_engine_in_trouble(
    front: EngineInFront, new_daemon: Callable[..., Daemon], tmp_path: Path, trouble: str
) -> None:
    """Before, all is well.  Meanwhile one container dies, one pod is wanted no more, and one is new."""
    out = tmp_path / "out"
    out.mkdir()
    daemon = new_daemon("--engine-url", front.url).start()
    daemon.write(pods(out, "same", "dies"), "stay.yaml")
    daemon.write(pods(out, "goes"), "goes.yaml")
    for name in ("same", "dies", "goes"):
        daemon.wait_ready(f"d03-{name}")
    before, victim = daemon.life("d03-same"), daemon.engine_id("d03-dies", "dies")

    since = time.monotonic()
    TROUBLES[trouble](front)
    docker("kill", victim)
    daemon.remove("goes.yaml")
    daemon.write(pods(out, "new"), "new.yaml")
    # That it lasts is what is tested; there is nothing to await.
    while time.monotonic() - since < HELD:
        time.sleep(0.2)
        if trouble.startswith("events cut"):
            front.cut_events()
        assert daemon.process
        assert daemon.process.poll() is None, daemon.tail()

    back = time.monotonic()
    front.come()
    daemon.wait_gone("d03-goes")
    daemon.wait_ready("d03-new")
    daemon.wait_pod("d03-dies", lambda p: restarts(p) == 1 and is_ready(p))
    took = time.monotonic() - back
    print(f"\n{trouble}: right again {took:.1f} s after it, which lasted for {back - since:.0f} s")
    assert took < SOON, daemon.tail()
    daemon.wait_engine_error("")
    assert daemon.life("d03-same") == before
    assert restarts(daemon.wait_ready("d03-same")) == 0
    assert begun(out) == {"same": 1, "dies": 2, "goes": 1, "new": 1}
    assert "should not happen" not in daemon.log.read_text()
