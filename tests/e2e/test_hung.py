"""A container that the engine cannot speak of any more: its shim stands still, and somebody waits for it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.daemon import Daemon
from tests.e2e.host import SECONDS, docker
from tests.e2e.pod_status import restarts
from tests.e2e.pods import pod, text


def _write(daemon: Daemon, *names: str) -> None:
    for name in names:
        daemon.write(text(pod(name, "exec sleep 100000")), f"{name}.yaml")


@contextmanager
def _hung(container: str) -> Iterator[None]:
    """As long as this lasts, `docker inspect` of it does not come back."""
    pid = docker("inspect", "-f", "{{.State.Pid}}", container)
    shim = int(Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[1])
    assert "shim" in Path(f"/proc/{shim}/cmdline").read_text()
    os.kill(shim, signal.SIGSTOP)
    try:
        # It holds the container's lock while it waits.
        with subprocess.Popen(["docker", "pause", container], stdout=subprocess.DEVNULL):
            try:
                _until_it_hangs(container)
                yield
            finally:
                os.kill(shim, signal.SIGCONT)
    finally:
        os.kill(shim, signal.SIGCONT)


def _until_it_hangs(container: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            subprocess.run(["docker", "inspect", container], capture_output=True, timeout=1)
        except subprocess.TimeoutExpired:
            return
    raise AssertionError("the engine goes on speaking of it")


def test_D01_a_container_that_hangs_holds_up_no_other_at_a_start(own_daemon: Daemon) -> None:
    daemon = own_daemon
    _write(daemon, "well", "hung")
    daemon.wait_ready("well")
    daemon.wait_ready("hung")
    before = daemon.life("well")
    container = daemon.engine_id("hung", "main")
    with _hung(container):
        daemon.kill()
        daemon.start()
        _write(daemon, "new")
        daemon.wait_ready("well")
        daemon.wait_ready("new")
        assert daemon.life("well") == before
        assert docker("ps", "-aq", "--no-trunc", "--filter", "label=orchestrator.dev/container=main").count(container)
    # What was paused counts as ended.
    daemon.wait_pod("hung", lambda found: restarts(found) == 1)
    daemon.wait_ready("hung")
