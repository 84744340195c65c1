"""Answers that are no JSON: an engine that dies in the middle of one, or a proxy that speaks for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.docker import DockerEngine
from orchestrator.errors import Unavailable

VERSION = b'{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}'


def _answer(path: bytes) -> bytes:
    if path == b"/version":
        return VERSION
    return b'[{"Id": "1234' if b"json" in path else b'{"status": "Pulling"}\n{"sta'


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    body = _answer(request.split()[1])
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"\r\n" + body)
    await writer.drain()
    writer.close()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[DockerEngine]:
    server = await asyncio.start_unix_server(_serve, tmp_path / "docker.sock")
    engine = DockerEngine(f"unix://{tmp_path}/docker.sock")
    yield engine
    await engine.close()
    server.close()


async def _pull(engine: DockerEngine) -> None:
    async for _ in engine.pull("image:1"):
        pass


@pytest.mark.parametrize("call", [lambda engine: engine.list_containers({}), _pull])
async def test_an_answer_that_is_cut_short_is_an_engine_in_trouble(
    engine: DockerEngine, call: Callable[[DockerEngine], Coroutine[Any, Any, None]]
) -> None:
    with pytest.raises(Unavailable, match="it is cut short, or not the engine's own"):
        await call(engine)
