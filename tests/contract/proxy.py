"""A unix socket before the engine's own, which can be cut and mended."""

import asyncio
from pathlib import Path

from tests.images import DOCKER_SOCKET


class Proxy:
    """Forwards each connection to the engine until `cut`; then nobody listens until `mend`."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self._path = path
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}

    async def mend(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def cut(self) -> None:
        assert self._server
        self._server.close()
        for writers in self._connections.values():
            for writer in writers:
                writer.transport.abort()
        if self._connections:
            await asyncio.wait(list(self._connections))
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(DOCKER_SOCKET)
        task = asyncio.current_task()
        assert task
        self._connections[task] = [writer, engine_writer]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, engine_writer))
                group.create_task(_pump(engine_reader, writer))
        finally:
            for each in self._connections.pop(task):
                each.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
