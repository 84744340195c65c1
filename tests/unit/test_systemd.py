"""What a service manager is told, over real sockets."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.systemd import Notifier, notifier, watchdog_seconds, writes_to_journal


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """What NOTIFY_SOCKET says, and the manager's end of it."""
    name = f"@orchestrator-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(name.replace("@", "\0"))
        end.settimeout(10)
        yield name, end


def test_assignments_arrive_in_one_datagram(manager: tuple[str, socket.socket]) -> None:
    address, end = manager
    with closing(notifier({"NOTIFY_SOCKET": address})) as ours:
        ours.send("READY=1", "STATUS=2 pods: 2 Running")
    assert end.recv(4096) == b"READY=1\nSTATUS=2 pods: 2 Running"


def test_a_reload_is_told_with_its_time(manager: tuple[str, socket.socket]) -> None:
    address, end = manager
    with closing(Notifier(address)) as ours:
        ours.reloading()
    first, second = end.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_without_a_manager_nothing_is_sent_and_one_that_is_gone_is_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier({}).send("READY=1")
    assert caplog.text == ""
    with closing(Notifier(str(tmp_path / "gone"))) as ours:
        ours.send("READY=1")
    assert "cannot tell the service manager READY=1: No such file or directory" in caplog.text
    ours.send("WATCHDOG=1")
    assert "WATCHDOG" not in caplog.text, "closed is closed"


def test_D10_signs_of_life_need_no_descriptor(
    manager: tuple[str, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    address, end = manager
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with closing(Notifier(address)) as ours:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            ours.send("WATCHDOG=1")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert end.recv(4096) == b"WATCHDOG=1"
    assert caplog.text == ""


def test_D10_a_start_without_a_descriptor_is_told_of_and_made_good(
    manager: tuple[str, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    address, end = manager
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        ours = Notifier(address)
        ours.send("READY=1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert "cannot tell the service manager READY=1: Too many open files" in caplog.text
    with closing(ours):
        ours.send("WATCHDOG=1")
    assert end.recv(4096) == b"WATCHDOG=1"


def test_a_manager_that_does_not_read_is_not_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf, closing(Notifier(str(tmp_path / "deaf"))) as ours:
        deaf.bind(str(tmp_path / "deaf"))
        # The kernel keeps ten for it, or as many as this host says.
        for _ in range(1000):
            ours.send("STATUS=1 pod")
            if caplog.text:
                break
    assert "cannot tell the service manager STATUS=1 pod: Resource temporarily unavailable" in caplog.text


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_when_it_names_us(environment: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environment) == seconds


def test_the_journal_reads_a_stream_when_it_is_the_one_that_was_named(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        found = os.fstat(stream.fileno())
        assert writes_to_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not writes_to_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not writes_to_journal(stream, {})
