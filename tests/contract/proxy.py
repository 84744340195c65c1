"""A unix socket before the engine's own, where all can go wrong that may happen to an engine, or on the way to it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.images import DOCKER_SOCKET

_ILL = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b'Content-Length: 40\r\n\r\n{"message": "no space left on device"}  '
)
_MIDDLE = 300
"""So many bytes of an answer come through when answers are cut short: the head, and some of the rest."""


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    engine: asyncio.StreamWriter
    of_events: bool = False
    deaf: bool = False


class Proxy:
    """Forwards each connection to the engine until `cut`; then nobody listens until `mend`.

    The socket itself is there until the `end`, under another name: asyncio forgets whom it is about to let in when it
    closes one.
    """

    def __init__(self, path: Path, target: str = DOCKER_SOCKET) -> None:
        self.url = f"unix://{path}"
        self.ill = False
        """Every request is answered with status 500."""
        self.short = False
        """Every answer ends somewhere in the middle: its sender has closed, and goes on listening."""
        self.says: tuple[bytes, bytes] = (b"\0", b"\0")
        """What it says, and what is heard instead (as long as that)."""
        self._path = path
        self._door = path.with_name(f".{path.name}")
        self._target = target
        self._server: asyncio.Server | None = None
        self._delay = 0.0
        self._quick = asyncio.Event()
        self._quick.set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._connections: dict[asyncio.Task[None], _Connection] = {}

    async def mend(self) -> None:
        """Listen, and forward faithfully."""
        self._delay, self.ill, self.short = 0.0, False, False
        self._quick.set()
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._serve, self._door)
        if not self._path.is_symlink():
            self._path.symlink_to(self._door)

    async def cut(self) -> None:
        """Break every connection, and let nobody in."""
        await self.shut()
        await self.break_connections()

    async def shut(self) -> None:
        """Let nobody in any more, and serve who is inside: an engine that is being stopped."""
        self._path.unlink(missing_ok=True)

    async def end(self) -> None:
        """Be gone, for good."""
        await self.cut()
        if self._server is not None:
            self._server.close()
            self._server = None
        self._door.unlink(missing_ok=True)

    async def break_connections(self, *, of_events: bool = False) -> None:
        """Break all connections, or those that tell events."""
        chosen = {task: one for task, one in self._connections.items() if one.of_events or not of_events}
        for one in chosen.values():
            one.client.transport.abort()
            one.engine.transport.abort()
        if chosen:
            await asyncio.wait(list(chosen))

    async def freeze(self) -> None:
        """Let nothing through, and keep it, until `mend`: an engine that is stopped in its tracks."""
        self._flows.clear()

    async def slow(self, seconds: float) -> None:
        """Let all that the engine says come late, until `mend`."""
        self._delay = seconds
        self._quick.clear()

    async def deafen(self) -> None:
        """Let the connections that tell events stand, and tell no more."""
        for one in self._connections.values():
            one.deaf = one.deaf or one.of_events

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(self._target)
        task = asyncio.current_task()
        assert task
        self._connections[task] = one = _Connection(writer, engine_writer)
        said: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(reader, one))
                group.create_task(self._listen(engine_reader, said))
                group.create_task(self._answer(said, one))
        finally:
            del self._connections[task]
            for each in (one.client, one.engine):
                each.close()

    async def _ask(self, reader: asyncio.StreamReader, one: _Connection) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                one.of_events = one.of_events or b"/events?" in data.partition(b"\r\n")[0]
                if self.ill:
                    one.client.write(_ILL)
                    one.client.close()
                    break
                one.engine.write(data)
                await one.engine.drain()
            if one.engine.can_write_eof():
                one.engine.write_eof()
            return
        one.engine.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader, said: asyncio.Queue[tuple[float, bytes]]) -> None:
        data = b"."
        while data:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            said.put_nowait((asyncio.get_running_loop().time() + self._delay, data.replace(*self.says)))

    async def _answer(self, said: asyncio.Queue[tuple[float, bytes]], one: _Connection) -> None:
        with suppress(OSError):
            while (message := await said.get())[1]:
                due, data = message
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._quick.wait()
                await self._flows.wait()
                if self.short:
                    one.client.write(data[:_MIDDLE])
                    break
                if not one.deaf:
                    one.client.write(data)
                    await one.client.drain()
            if one.client.can_write_eof() and not one.client.is_closing():
                one.client.write_eof()
            return
        one.client.transport.abort()
