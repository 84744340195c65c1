"""L12: a container's last words, from its file or from the end of its log."""

import os
import subprocess
from pathlib import Path

import pytest

from orchestrator.engine.base import EngineRefused
from orchestrator.engine.simulated import Program
from orchestrator.errors import Unavailable
from orchestrator.objects.pod_status import ContainerStateTerminated
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

ONCE = 'restartPolicy: Never\ncontainers: [{name: web, image: "web:1"}]'
FALLBACK = ONCE.replace('"web:1"', '"web:1", terminationMessagePolicy: FallbackToLogsOnError')


def file_of(daemon: Daemon, attempt: int = 0, name: str = "web") -> Path:
    """Where the container's /dev/termination-log is on the host."""
    return daemon.folder / "volumes" / daemon.get().metadata.uid / ".messages" / f"{name}_{attempt}"


def terminated(daemon: Daemon) -> ContainerStateTerminated:
    """How the container is told to have ended."""
    found = daemon.container().state.terminated
    assert found is not None
    return found


async def words(daemon: Daemon, spec: str, written: bytes = b"") -> str:
    """The message of a container that writes this into its file, and ends."""
    daemon.pod(spec)
    await daemon.until(lambda: daemon.state() == "running")
    file_of(daemon).write_bytes(written)
    await daemon.until(lambda: daemon.get().status.phase in ("Succeeded", "Failed"))
    return terminated(daemon).message


def program(engine: Engine, code: int = 0, *output: tuple[int, bytes]) -> None:
    engine.program("web:1", Program(run_for=5, exit_code=code, output=output))


@pytest.mark.parametrize("code", [0, 1])
async def test_L12_the_message_is_what_the_file_holds(daemon: Daemon, engine: Engine, code: int) -> None:
    program(engine, code)
    assert await words(daemon, ONCE, b"it was nice\nwith you\n\n") == "it was nice\nwith you\n\n", "as it was written"


async def test_L12_the_file_is_there_before_the_container_and_anyone_may_write_it(
    daemon: Daemon, engine: Engine
) -> None:
    daemon.pod(ONCE)
    await daemon.until(lambda: engine.changes["create"] == 2)
    assert file_of(daemon).read_bytes() == b""
    assert file_of(daemon).stat().st_mode & 0o777 == 0o666


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
async def test_D10_L12_on_a_disk_that_takes_nothing_a_container_starts_without_its_file(
    daemon: Daemon, engine: Engine
) -> None:
    volumes = daemon.folder / "volumes"
    volumes.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", volumes], check=True, timeout=60)
    try:
        program(engine, 1, (2, b"said to the log"))
        daemon.pod(FALLBACK)
        await daemon.until(lambda: daemon.get().status.phase == "Failed")
        assert terminated(daemon).message == "said to the log"
    finally:
        subprocess.run(["umount", volumes], check=True, timeout=60)


async def test_L12_at_most_4096_bytes_and_those_are_the_last(daemon: Daemon, engine: Engine) -> None:
    program(engine)
    assert await words(daemon, ONCE, b"a" * 5000 + b"b" * 4095 + b"\n") == "b" * 4095 + "\n"


async def test_L12_bytes_that_are_no_text_do_no_harm(daemon: Daemon, engine: Engine) -> None:
    program(engine)
    assert await words(daemon, ONCE, b"\xff\x00ok") == "\ufffd\x00ok"


async def test_L12_without_a_file_the_message_is_empty(daemon: Daemon, engine: Engine) -> None:
    program(engine, 1, (1, b"in the log\n"))
    daemon.pod(ONCE)
    await daemon.until(lambda: daemon.state() == "running")
    file_of(daemon).unlink()
    await daemon.until(lambda: daemon.get().status.phase == "Failed")
    assert terminated(daemon).message == ""


async def test_L12_FallbackToLogsOnError_takes_both_streams(daemon: Daemon, engine: Engine) -> None:
    program(engine, 1, (1, b"out\n"), (2, b"err\n"))
    assert await words(daemon, FALLBACK) == "out\nerr\n"


async def test_L12_the_file_wins_over_the_log(daemon: Daemon, engine: Engine) -> None:
    program(engine, 1, (1, b"out\n"))
    assert await words(daemon, FALLBACK, b"file") == "file"


async def test_L12_the_log_counts_only_on_error(daemon: Daemon, engine: Engine) -> None:
    program(engine, 0, (1, b"out\n"))
    assert await words(daemon, FALLBACK) == ""


async def test_L12_the_last_80_lines(daemon: Daemon, engine: Engine) -> None:
    program(engine, 1, *((1, b"%d\n" % number) for number in range(100)))
    assert (await words(daemon, FALLBACK)).split() == [str(number) for number in range(20, 100)]


async def test_L12_the_last_2048_bytes(daemon: Daemon, engine: Engine) -> None:
    program(engine, 1, *((1, b"%099d\n" % number) for number in range(100)))
    message = await words(daemon, FALLBACK)
    assert len(message) == 2048
    assert message.endswith(f"{98:099d}\n{99:099d}\n")


async def test_L12_a_container_that_could_not_start_has_the_engines_words(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(start_error=EngineRefused("exec: no such file", 400), output=((1, b"out"),)))
    daemon.pod(FALLBACK)
    await daemon.until(lambda: daemon.get().status.phase == "Failed")
    assert terminated(daemon).message == "exec: no such file"


async def test_L12_the_message_of_the_last_run_stays_and_files_do_not_pile_up(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(run_for=5, exit_code=1))
    daemon.pod('containers: [{name: web, image: "web:1"}]')

    def ran(attempt: int) -> bool:
        last = daemon.container().last_state.terminated
        return last is not None and last.message == f"run {attempt}"

    for attempt in range(4):
        await daemon.until(
            lambda attempt=attempt: daemon.state() == "running" and daemon.container().restart_count == attempt
        )
        file_of(daemon, attempt).write_text(f"run {attempt}")
        await daemon.until(lambda attempt=attempt: ran(attempt))
    assert sorted(file.name for file in file_of(daemon).parent.iterdir()) == ["web_2", "web_3"]


@pytest.mark.parametrize(("spec", "message"), [(ONCE, "file"), (FALLBACK, "out\n")])
async def test_L12_a_new_daemon_tells_it_too(engine: Engine, tmp_path: Path, spec: str, message: str) -> None:
    """Of a container that ended before it, and of one that ended while there was none."""
    program(engine, 1, (1, b"out\n"))
    async with Daemon(engine, tmp_path) as first:
        assert await words(first, spec, b"file" if spec is ONCE else b"") == message
    second = Daemon(engine, tmp_path)
    second.pod(spec)
    async with second:
        await second.manager.adopted.wait()
        assert terminated(second).message == message


async def test_L12_what_ended_without_a_daemon_is_told_by_the_next(engine: Engine, tmp_path: Path) -> None:
    async with Daemon(engine, tmp_path) as first:
        first.pod(ONCE)
        await first.until(lambda: first.state() == "running")
        file_of(first).write_text("goodbye")
    engine.crash((await engine.newest()).id, 3)
    second = Daemon(engine, tmp_path)
    second.pod(ONCE)
    async with second:
        await second.until(lambda: second.get().status.phase == "Failed")
        assert (terminated(second).exit_code, terminated(second).message) == (3, "goodbye")


async def test_L12_an_engine_that_is_away_is_waited_for(daemon: Daemon, engine: Engine) -> None:
    """The words are read when it is back, instead of being lost."""
    program(engine, 1, (1, b"out\n"))
    daemon.pod(FALLBACK)
    await daemon.until(lambda: daemon.state() == "running")
    engine.fail_next("logs", Unavailable("the engine is away"))
    await daemon.until(lambda: daemon.get().status.phase == "Failed")
    assert terminated(daemon).message == "out\n"
