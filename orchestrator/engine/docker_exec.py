"""Commands in containers of a Docker Engine: to their end, or attached.

The engine has no call that ends a command, and goes on with it when the client hangs up.  So at a time limit, or when
the caller is cancelled, its process is killed on the host; where the host's processes are out of reach (the engine
is elsewhere, or we are not root), a second command in the container kills what bears the first one's mark.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from aiohttp import StreamReader

from orchestrator.engine.base import ExecResult
from orchestrator.engine.docker_streams import frames
from orchestrator.engine.processes import kill_tree, running_for
from orchestrator.errors import OrchestratorError

_log = logging.getLogger(__name__)

KILLED = 137
END_SECONDS = 10.0
"""How long ending a command may take."""
BEGIN_SECONDS = 60.0
"""How long the engine may take to begin one before that counts against the command."""
NOTED_SECONDS = 2.0
"""How long the engine may take to note the end of a command that has no process any more."""

# In the environment of every command that `run` starts, and of its children.
_MARK = "ORCHESTRATOR_EXEC"
_KILL_MARKED = (
    'for signal in STOP KILL; do for p in /proc/[0-9]*; do grep -qs "$1" "$p/environ" && kill -$signal "${p#/proc/}"; '
    "done; done; true"
)

# How often to look for what the engine does not announce: the exit code follows the end of the output.
_POLL_FIRST_SECONDS, _POLL_LAST_SECONDS = 0.002, 0.2


class Hijacked(Protocol):
    """A connection that has become a command's streams."""

    async def read_out(self) -> Any:
        """The next message, with `stream` and `data`; None at the end."""
        ...

    async def write_in(self, data: bytes) -> None:
        """Send to standard input."""
        ...

    def write_eof(self) -> None:
        """Close standard input."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class Client(Protocol):
    """What this file needs of the engine's client."""

    async def call(
        self, method: str, path: str, params: Sequence[tuple[str, str]] = (), body: Mapping[str, Any] | None = None
    ) -> Any:
        """One request and its answer."""
        ...

    def stream(
        self, method: str, path: str, params: Sequence[tuple[str, str]] = (), body: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[StreamReader]:
        """A request whose answer flows."""
        ...

    def hijack(self, exec_id: str, tty: bool) -> Hijacked:
        """The connection of an exec; it is made by the first read or write."""
        ...

    def told(self) -> AbstractContextManager[None]:
        """Failures of the connection become the errors of `base`."""
        ...


async def run(
    client: Client, container: str, argv: tuple[str, ...], seconds: float | None, max_output: int
) -> ExecResult:
    """Run a command to its end, or kill it after `seconds`; see `Engine.exec`.

    The engine's own slowness is not the command's: what it takes to begin, and to tell the end, does not count.
    Unavailable when the engine cannot say whether a command has ended.
    """
    mark = f"{_MARK}={uuid.uuid4().hex}"
    exec_id = await _create(client, container, {"Cmd": list(argv), "Env": [mark]})
    output = bytearray()
    try:
        return ExecResult(await _to_its_end(client, exec_id, output, seconds, max_output), bytes(output))
    except TimeoutError:
        await _end(client, container, exec_id, mark)
        return ExecResult(KILLED, bytes(output), timed_out=True)
    except asyncio.CancelledError:
        await _end(client, container, exec_id, mark)
        raise


async def _to_its_end(client: Client, exec_id: str, output: bytearray, seconds: float | None, max_output: int) -> int:
    """The exit code; TimeoutError when the command runs for longer than `seconds`, in the engine's own word."""
    loop = asyncio.get_running_loop()
    patience = loop.time() + BEGIN_SECONDS
    until = None
    async with _output(client, exec_id) as content:
        reading = asyncio.create_task(_keep_last(content, output, max_output), name="output of a command")
        try:
            left = seconds
            while left is None or left > 0:
                until = None if left is None else loop.time() + left
                done, _ = await asyncio.wait({reading}, timeout=left)
                if done:
                    reading.result()
                    break
                left = await _left(client, exec_id, seconds or 0.0) if loop.time() < patience else 0.0
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    return await _exit_code(client, exec_id, until)


async def _left(client: Client, exec_id: str, seconds: float) -> float:
    """How many of its seconds a command still has: an engine that is busy may take long to begin it."""
    inspected = await client.call("GET", f"exec/{exec_id}/json")
    if not inspected["Running"]:
        return 0.0
    if not inspected["Pid"]:
        return seconds
    ran = running_for(inspected["Pid"], inspected["ContainerID"])
    return 0.0 if ran is None else seconds - ran


async def attach(client: Client, container: str, argv: tuple[str, ...], *, stdin: bool, tty: bool) -> "Attached":
    """Start a command with its streams attached; see `Engine.exec_attach`."""
    exec_id = await _create(client, container, {"Cmd": list(argv), "AttachStdin": stdin, "Tty": tty})
    attached = Attached(client, exec_id, client.hijack(exec_id, tty))
    try:
        await attached.write(b"")
    except BaseException:
        await attached.close()
        raise
    return attached


class Attached:
    """The streams of one attached command (`base.Exec`)."""

    def __init__(self, client: Client, exec_id: str, hijacked: Hijacked) -> None:
        self._client = client
        self._exec_id = exec_id
        self._hijacked = hijacked

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while True:
            with self._client.told():
                message = await self._hijacked.read_out()
            if message is None:
                return
            yield message.stream, message.data

    async def write(self, data: bytes) -> None:
        with self._client.told():
            await self._hijacked.write_in(data)

    async def write_eof(self) -> None:
        self._hijacked.write_eof()

    async def resize(self, rows: int, columns: int) -> None:
        await self._client.call("POST", f"exec/{self._exec_id}/resize", [("h", str(rows)), ("w", str(columns))])

    async def exit_code(self) -> int:
        return await _exit_code(self._client, self._exec_id)

    async def close(self) -> None:
        await self._hijacked.close()


async def _create(client: Client, container: str, options: Mapping[str, Any]) -> str:
    body = {"AttachStdout": True, "AttachStderr": True, **options}
    made = await client.call("POST", f"containers/{container}/exec", body=body)
    return str(made["Id"])


def _output(client: Client, exec_id: str) -> AbstractAsyncContextManager[StreamReader]:
    """Begin the command; what it writes."""
    return client.stream("POST", f"exec/{exec_id}/start", body={"Detach": False, "Tty": False})


async def _keep_last(content: StreamReader, output: bytearray, max_output: int) -> None:
    """Read all that the command writes, so that it never blocks, and keep the last `max_output` bytes."""
    async for _, data in frames(content):
        output += data
        del output[: max(len(output) - max_output, 0)]


async def _exit_code(client: Client, exec_id: str, until: float | None = None) -> int:
    """Wait for the exit code: the engine notes it a moment after the output's end.

    TimeoutError when the command still ran at `until` (loop time): output can be closed long before the end.
    """
    loop = asyncio.get_running_loop()
    # An engine that stood still says of what has ended meanwhile that it runs, until it hears of the end itself.
    noted = loop.time() + NOTED_SECONDS
    delay = _POLL_FIRST_SECONDS
    while True:
        asked = loop.time()
        inspected = await client.call("GET", f"exec/{exec_id}/json")
        if not inspected["Running"] and inspected["ExitCode"] is not None:
            return int(inspected["ExitCode"])
        if until is not None and asked >= until and (asked >= noted or _has_process(inspected)):
            raise TimeoutError
        await asyncio.sleep(delay)
        delay = min(delay * 2, _POLL_LAST_SECONDS)


def _has_process(inspected: Mapping[str, Any]) -> bool:
    return running_for(inspected["Pid"], inspected["ContainerID"]) is not None


async def _end(client: Client, container: str, exec_id: str, mark: str) -> None:
    """Kill a command and see it gone."""
    try:
        async with asyncio.timeout(END_SECONDS):
            inspected = await _started(client, exec_id)
            if not inspected["Running"]:
                return
            if not await asyncio.to_thread(kill_tree, inspected["Pid"], inspected["ContainerID"]):
                killer = await _create(client, container, {"Cmd": ["sh", "-c", _KILL_MARKED, "sh", mark]})
                async with _output(client, killer) as content:
                    await _keep_last(content, bytearray(), 0)
            await _exit_code(client, exec_id)
    except (TimeoutError, OrchestratorError) as error:
        _log.warning("cannot see the end of a command in container %s: %s", container, error or "no answer")


async def _started(client: Client, exec_id: str) -> dict[str, Any]:
    """The exec's inspect, once it has a process or has ended: a start under way cannot be called back."""
    delay = _POLL_FIRST_SECONDS
    while True:
        inspected: dict[str, Any] = await client.call("GET", f"exec/{exec_id}/json")
        if inspected["Pid"] or (inspected["ExitCode"] is not None and not inspected["Running"]):
            return inspected
        await asyncio.sleep(delay)
        delay = min(delay * 2, _POLL_LAST_SECONDS)
