"""What only the real engine can show: host processes, sockets, mounts, limits."""

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from orchestrator.engine import docker_exec
from orchestrator.engine.base import EngineRefused, Mount
from orchestrator.engine.docker import DockerEngine
from orchestrator.errors import Unavailable
from tests.contract.bench import TALKS, WAIT_SECONDS, Bench, Doing
from tests.images import DOCKER_SOCKET

pytestmark = pytest.mark.contract

_BUSY = ("sh", "-c", "sleep 4242 & setsid sleep 4242 & sleep 4242")


def _processes(container_id: str, argument: str) -> list[int]:
    """The container's processes, on this host, that bear an argument."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = container_id in (folder / "cgroup").read_text()
            if ours and argument.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


async def _until_running(container_id: str, argument: str, number: int) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while len(_processes(container_id, argument)) < number:
            await asyncio.sleep(0.02)


async def _until_gone(container_id: str, argument: str) -> None:
    async with asyncio.timeout(2):
        while _processes(container_id, argument):
            await asyncio.sleep(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees and kills the engine's processes")
async def test_a_command_at_its_limit_leaves_no_process(docker: Bench) -> None:
    container = await docker.run()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(docker.engine.exec(container, _BUSY, seconds=1.0))
        await _until_running(container, "4242", 3)
    assert running.result().timed_out
    await _until_gone(container, "4242")
    assert (await docker.engine.inspect(container)).phase == "running"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the engine's processes")
async def test_where_the_host_is_out_of_reach_the_container_kills(
    docker: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_exec, "kill_tree", lambda pid, container_id: False)
    container = await docker.run()
    other = await docker.engine.exec_attach(container, ("sleep", "2424"), stdin=False, tty=False)
    result = await docker.engine.exec(container, _BUSY, seconds=0.5)
    assert (result.timed_out, result.exit_code) == (True, 137)
    await _until_gone(container, "4242")
    assert len(_processes(container, "2424")) == 1
    await other.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the engine's processes")
async def test_a_cancelled_command_leaves_no_process(docker: Bench) -> None:
    container = await docker.run()
    running = asyncio.create_task(docker.engine.exec(container, _BUSY))
    await _until_running(container, "4242", 3)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await _until_gone(container, "4242")


async def test_a_command_at_its_limit_keeps_what_it_wrote(docker: Bench) -> None:
    result = await docker.engine.exec(await docker.run(), ("sh", "-c", "echo begun; sleep 1000"), seconds=0.5)
    assert (result.output, result.timed_out) == (b"begun\n", True)


async def test_an_attached_terminal_has_the_size_that_it_is_told(docker: Bench) -> None:
    attached = await docker.engine.exec_attach(await docker.run(), ("sh",), stdin=True, tty=True)
    await attached.resize(41, 123)
    await attached.write(b"stty size; exit 7\n")
    async with asyncio.timeout(WAIT_SECONDS):
        chunks = [chunk async for chunk in attached.output()]
    assert b"41 123" in b"".join(data for _, data in chunks)
    assert {stream for stream, _ in chunks} == {1}
    assert await attached.exit_code() == 7
    await attached.close()


async def test_an_attached_command_keeps_its_streams_apart(docker: Bench) -> None:
    command = ("sh", "-c", "echo out; echo err >&2")
    attached = await docker.engine.exec_attach(await docker.run(), command, stdin=False, tty=False)
    async with asyncio.timeout(WAIT_SECONDS):
        assert sorted([chunk async for chunk in attached.output()]) == [(1, b"out\n"), (2, b"err\n")]
    await attached.close()


async def test_a_terminals_log_is_one_stream(docker: Bench) -> None:
    container = await docker.run(doing=Doing("echo one; echo two >&2", TALKS.program), tty=True)
    await docker.until(container, "exited")
    chunks = [chunk async for chunk in docker.engine.logs(container)]
    assert b"".join(data for _, data in chunks) == b"one\r\ntwo\r\n"
    assert {stream for stream, _ in chunks} == {1}


@pytest.mark.parametrize(
    ("argv", "exit_code", "words"),
    [
        (("/no/such/program",), 127, "no such file or directory"),
        (("no-such-program",), 127, "executable file not found"),
        (("/etc/passwd",), 126, "permission denied"),
    ],
)
async def test_a_program_that_cannot_start(docker: Bench, argv: tuple[str, ...], exit_code: int, words: str) -> None:
    container = await docker.engine.create(docker.config(entrypoint=argv, command=()))
    with pytest.raises(EngineRefused, match=words):
        await docker.engine.start(container)
    found = await docker.engine.inspect(container)
    assert (found.phase, found.exit_code, found.started_at) == ("created", exit_code, 0.0)
    assert words in found.error


async def test_mounts_show_the_hosts_files_and_a_missing_source_is_refused(docker: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from the host")
    mounts = (Mount("/data", str(tmp_path), read_only=True), Mount("/scratch", None, size_bytes=1 << 20))
    container = await docker.run(mounts=mounts)
    assert (await docker.engine.exec(container, ("cat", "/data/file"))).output == b"from the host"
    assert (await docker.engine.exec(container, ("touch", "/data/more"))).exit_code != 0
    assert b"size=1024k" in (await docker.engine.exec(container, ("grep", "/scratch", "/proc/mounts"))).output
    with pytest.raises(EngineRefused, match="bind source path does not exist"):
        await docker.engine.create(docker.config("lost", mounts=(Mount("/data", str(tmp_path / "missing")),)))
    assert not (tmp_path / "missing").exists()


async def test_memory_over_the_limit_is_told_as_such(docker: Bench) -> None:
    # tail keeps the whole line, which never ends.
    hungry = Doing("tail -n 1 /dev/zero", TALKS.program)
    container = await docker.run(doing=hungry, memory_bytes=16 << 20)
    found = await docker.until(container, "exited")
    assert (found.oom_killed, found.exit_code) == (True, 137)


async def test_environment_user_and_folder_reach_the_process(docker: Bench) -> None:
    container = await docker.run(env=("A=1", "B=two words"), user="1000:1000", working_dir="/home/app", hostname="h")
    result = await docker.engine.exec(container, ("sh", "-c", 'echo "$A $B $(id -u) $(pwd) $(hostname)"'))
    assert result.output == b"1 two words 1000 /home/app h\n"


async def test_an_empty_entrypoint_clears_the_images(docker: Bench) -> None:
    container = await docker.run(doing=Doing("echo plain", TALKS.program), entrypoint=())
    await docker.until(container, "exited")
    assert [data async for _, data in docker.engine.logs(container)] == [b"plain\n"]


async def test_paused_and_unpaused(docker: Bench) -> None:
    container = await docker.run()
    engine = docker.engine
    assert isinstance(engine, DockerEngine)
    await engine._call("POST", f"containers/{container}/pause")
    assert (await engine.inspect(container)).phase == "paused"
    await engine.unpause(container)
    assert (await engine.inspect(container)).phase == "running"


async def test_connections_are_given_back(docker: Bench) -> None:
    container = await docker.run(doing=TALKS)
    engine = docker.engine

    async def follow() -> None:
        async with aclosing(engine.logs(container, follow=True)) as logs:
            async for _ in logs:
                return

    await engine.info()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        await follow()
        await engine.exec(container, ("true",))
        await (await engine.exec_attach(container, ("true",), stdin=False, tty=False)).close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


async def test_no_engine_is_told_with_what_mends_it(tmp_path: Path) -> None:
    engine = DockerEngine(f"unix://{tmp_path}/docker.sock")
    with pytest.raises(Unavailable, match=r"cannot reach the Docker Engine at unix:///.*there is no such socket"):
        await engine.info()
    await engine.close()


async def test_an_engine_that_is_silent_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr("orchestrator.engine.docker_client.CALL_SECONDS", 0.2)
    server = await asyncio.start_unix_server(say_nothing, tmp_path / "docker.sock")
    engine = DockerEngine(f"unix://{tmp_path}/docker.sock")
    with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
        await engine.info()
    await engine.close()
    server.close()


async def test_an_engine_too_old_or_too_new_is_refused(tmp_path: Path) -> None:
    versions = iter(['{"ApiVersion": "1.40", "MinAPIVersion": "1.12"}', '{"ApiVersion":"1.70","MinAPIVersion":"1.60"}'])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = next(versions)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "docker.sock")
    engine = DockerEngine(f"unix://{tmp_path}/docker.sock")
    for words in (
        r"API 1\.12 to 1\.40, this program 1\.41 to [0-9.]+; the engine is too old: Docker 20\.10",
        r"API 1\.60 to 1\.70, .*; this program is too old for that engine; upgrade it",
    ):
        with pytest.raises(EngineRefused, match=words):
            await engine.info()
    await engine.close()
    server.close()


async def test_the_version_agreed_on_is_known_to_both(docker_image: str) -> None:
    engine = DockerEngine(f"unix://{DOCKER_SOCKET}")
    info = await engine.info()
    numbers = [tuple(map(int, version.split("."))) for version in ("1.51", info.api_version)]
    assert engine._client._calls.api_version == "v" + ".".join(map(str, min(numbers)))
    await engine.close()


async def test_a_shell_that_is_killed_does_not_go_on_with_its_next_command(docker: Bench) -> None:
    container = await docker.run()
    script = "sleep 100; touch /tmp/went-on"
    for _ in range(5):
        assert (await docker.engine.exec(container, ("sh", "-c", script), seconds=0.2)).timed_out
    found = await docker.engine.exec(container, ("ls", "/tmp/went-on"))
    assert found.exit_code == 1
