"""Case D10: no space, no inodes, no file descriptors: it is told, and nothing that runs is harmed."""

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli.client import connect
from tests.e2e.daemon import SECONDS, Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text
from tests.e2e.service_manager import listening

STATE_KIB = 4096
INODES = 400


def fill(daemon: Daemon) -> None:
    """Use every byte."""
    with pytest.raises(OSError, match="No space left"):
        (state(daemon) / "filler").write_bytes(bytes(2 * STATE_KIB * 1024))


def use_inodes(daemon: Daemon) -> None:
    """Use every inode."""
    with pytest.raises(OSError, match="No space left"):
        all((state(daemon) / f"filler{number}").touch() is None for number in range(2 * INODES))


def read_only(daemon: Daemon) -> None:
    """As an ext4 does after an error."""
    mount("-o", "remount,ro", state(daemon))


def empty(daemon: Daemon) -> None:
    """Mend any of them."""
    mount("-o", "remount,rw", state(daemon))
    for file in state(daemon).glob("filler*"):
        file.unlink()


def state(daemon: Daemon) -> Path:
    return daemon.home / "state"


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize(("spoil", "words"), [(fill, "cannot write the journal"), (use_inodes, "inodes")])
def test_D10_a_state_folder_without_room_harms_nothing(
    new_daemon: Callable[..., Daemon], spoil: Callable[[Daemon], None], words: str
) -> None:
    daemon = new_daemon()
    state(daemon).mkdir()
    mount("-t", "tmpfs", "-o", f"size={STATE_KIB}k,nr_inodes={INODES},mode=0700", "none", state(daemon))
    reads = container(
        FOR_EVER,
        volumeMounts=[{"name": "v", "mountPath": "/v"}],
        readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 1, "timeoutSeconds": 10},
    )
    runs = pod("d10-room", reads, volumes=[{"name": "v", "configMap": {"name": "d10-room"}}])
    daemon.write(text(runs, config_map("d10-room", key="old")))
    daemon.start()
    daemon.wait_ready("d10-room")
    before = daemon.life()

    spoil(daemon)
    daemon.write(text(runs, config_map("d10-room", key="new")))
    daemon.wait_event("d10-room", "FailedMount", text="No space left on device")
    daemon.wait_engine_error("")
    assert daemon.exec("d10-room", "cat", "/v/key") == "old"
    assert words in daemon.cli("doctor", code=None)
    assert is_ready(daemon.pod("d10-room"))

    empty(daemon)
    daemon.cli_until(lambda said: said == "new", "exec", "d10-room", "--", "cat", "/v/key")
    daemon.kill()
    daemon.start()
    assert restarts(daemon.wait_ready("d10-room")) == 0
    assert daemon.life() == before


@pytest.mark.parametrize(("spoil", "why"), [(fill, "no space is left"), (read_only, "is read-only")])
def test_D10_a_daemon_starts_on_a_state_folder_that_takes_nothing_and_heals(
    new_daemon: Callable[..., Daemon], spoil: Callable[[Daemon], None], why: str
) -> None:
    daemon = new_daemon()
    state(daemon).mkdir()
    mount("-t", "tmpfs", "-o", f"size={STATE_KIB}k,nr_inodes={INODES},mode=0700", "none", state(daemon))
    reads = container(FOR_EVER, volumeMounts=[{"name": "v", "mountPath": "/v"}])
    runs = pod("d10-start", reads, volumes=[{"name": "v", "configMap": {"name": "d10-start"}}])
    daemon.write(text(runs, config_map("d10-start", key="old")))
    daemon.start()
    daemon.wait_ready("d10-start")
    before = daemon.life()
    assert daemon.stop() == 0

    spoil(daemon)
    daemon.start()
    daemon.wait_ready("d10-start")
    assert daemon.life() == before
    docker("kill", daemon.engine_id("d10-start", "main"))
    daemon.wait_pod("d10-start", lambda found: restarts(found) == 1 and is_ready(found))
    assert daemon.exec("d10-start", "cat", "/v/key") == "old"
    daemon.wait_problem("cannot write the journal")
    assert why in daemon.cli("doctor", code=None)
    healed = daemon.life()

    empty(daemon)
    daemon.wait_problem("")
    daemon.kill()
    daemon.new_reader()
    daemon.start()
    assert restarts(daemon.wait_ready("d10-start")) == 1
    assert daemon.life() == healed
    assert not daemon.client.status()["problems"]
    assert "Traceback" not in daemon.log.read_text()


def test_D10_without_file_descriptors_nothing_is_harmed(own_daemon: Daemon) -> None:
    daemon = own_daemon
    often = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 20}
    serves = "mkdir /w; echo well > /w/index.html; exec httpd -f -p 8080 -h /w"
    probes = {
        "exec": {"exec": {"command": ["true"]}},
        "tcp": {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 2},
        "http": {"httpGet": {"port": 8080}, "initialDelaySeconds": 2},
    }
    names = [f"d10-{kind}" for kind in probes]
    daemon.write(text(*(pod(f"d10-{kind}", container(serves, livenessProbe=often | probes[kind])) for kind in probes)))
    for name in names:
        daemon.wait_ready(name)
    before = daemon.life()
    assert daemon.process
    limits(daemon.process.pid, "0")
    # Nobody can ask the daemon now; its log tells.
    wait_told(daemon, "d10-http spec.containers{main}: Unhealthy: Liveness probe errored")
    wait_told(daemon, "d10-tcp spec.containers{main}: Unhealthy: Liveness probe errored")
    limits(daemon.process.pid, "1024")
    for name in names:
        assert restarts(daemon.wait_ready(name)) == 0
    assert daemon.life() == before
    docker("kill", daemon.engine_id("d10-tcp", "main"))
    daemon.wait_pod("d10-tcp", lambda found: restarts(found) == 1 and is_ready(found))
    assert "Traceback" not in daemon.log.read_text()


def test_D10_without_file_descriptors_the_daemon_goes_on_and_says_so(
    new_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = new_daemon()
    daemon.environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    with listening(tmp_path / "notify") as manager:
        daemon.start()
        daemon.write(text(pod("d10-told", FOR_EVER)))
        daemon.wait_ready("d10-told")
        before = daemon.life()
        assert daemon.process
        kept = http.client.HTTPConnection("localhost", timeout=SECONDS)
        kept.sock = connect(daemon.socket)
        assert asked(kept)["rssBytes"] > 0
        known = manager.wait("READY=1")

        limits(daemon.process.pid, "0")
        daemon.process.send_signal(signal.SIGHUP)
        reloading = manager.wait("RELOADING=1", known)
        ready = manager.wait("READY=1", reloading)
        # Longer than an empty folder is waited for: one that cannot be read is not one.
        manager.wait("WATCHDOG=1", manager.wait("WATCHDOG=1", ready))
        assert asked(kept)["rssBytes"] == 0
        with connect(daemon.socket):
            wait_told(daemon, "socket.accept() out of system resource: this should not happen: OSError: [Errno 24]")
        limits(daemon.process.pid, "1024")
        daemon.write(text(pod("d10-after", FOR_EVER)), "after.yaml")
        daemon.wait_ready("d10-after")
        assert restarts(daemon.wait_ready("d10-told")) == 0
        assert daemon.life("d10-told") == before
        assert asked(kept)["rssBytes"] > 0
        kept.close()
        assert daemon.stop() == 0
        manager.wait("STOPPING=1")
    log = daemon.log.read_text()
    assert "cannot tell the service manager" not in log
    assert " ERROR   asyncio" not in log, "that is a traceback"
    assert log.count(" ERROR   roots: socket.accept()") < 3


def asked(kept: http.client.HTTPConnection) -> Document:
    """The daemon's state, by a connection that is there."""
    kept.request("GET", "/orchestrator/v1/status")
    answer = kept.getresponse()
    assert answer.status == 200
    status: Document = json.loads(answer.read())
    return status


def wait_told(daemon: Daemon, words: str) -> None:
    """Look into the log until it says this."""
    deadline = time.monotonic() + SECONDS
    while words not in daemon.log.read_text():
        assert time.monotonic() < deadline, f"the log never said {words!r}\n{daemon.tail()}"
        time.sleep(0.05)


def limits(pid: int, number: str) -> None:
    """Let a process have so many descriptors; those that are open stay."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={number}:4096"], check=True, timeout=60)
