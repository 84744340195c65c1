"""Answers that are no JSON: an engine that dies in the middle of one, or a proxy that speaks for it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from orchestrator.doctor import engine as doctor
from orchestrator.doctor.scene import Patient, Scene
from orchestrator.engine.docker import DockerEngine
from orchestrator.errors import Unavailable
from orchestrator.planning import labels

VERSION = b'{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}'
said_of_version = [VERSION]


def _answer(path: bytes) -> bytes:
    if path == b"/version":
        return said_of_version[-1]
    return b'[{"Id": "1234' if b"json" in path else b'{"status": "Pulling"}\n{"sta'


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    body = _answer(request.split()[1])
    kind = "text/html" if body.startswith(b"<") else "application/json"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
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


LISTED = [
    {
        "Id": name,
        "Names": ["/" + labels.container_name("a", "default", name, "1", "POD", 0)],
        "Labels": {
            labels.ROLE: "sandbox",
            labels.INSTANCE: "a",
            labels.NAMESPACE: "default",
            labels.POD: name,
            labels.UID: "1",
            labels.CONTAINER: "POD",
            labels.ATTEMPT: "0",
        },
        "State": "paused",
    }
    for name in ("stuck", "gone")
]

STUCK = labels.container_name("a", "default", "stuck", "1", "POD", 0)


async def _serve_all_but_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            status, body = 200, VERSION
            if "/containers/stuck/" in path:
                continue
            if "/containers/gone/" in path:
                status, body = 404, b'{"message": "No such container: gone"}'
            elif "/containers/json" in path:
                body = json.dumps(LISTED if "sandbox" in path else []).encode()
            elif "/networks" in path:
                body = b"[]"
            elif "/info" in path:
                body = b'{"ID": "x", "NCPU": 2, "MemTotal": 1, "OSType": "linux", "Architecture": "x86_64"}'
            head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
    writer.close()


async def test_a_container_that_the_engine_waits_for_itself_does_not_hide_all_else_from_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_SECONDS", 0.3)
    server = await asyncio.start_unix_server(_serve_all_but_one, tmp_path / "docker.sock")
    url = f"unix://{tmp_path}/docker.sock"
    survey = await doctor.look(url)
    server.close()
    while asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.sleep(0)
    assert survey.trouble == ""
    assert [(each.id, each.phase, each.hung) for each in survey.containers] == [("stuck", "paused", True)]
    patient = Patient("a", tmp_path, tmp_path, tmp_path / "o.sock", url, "10.201.0.0/16")
    found = [each for each in doctor.judge(Scene(patient, survey, root=False)) if each.level != "ok"]
    assert [each.found.partition(":")[0] for each in found] == [
        f"it does not answer when it is asked for container {STUCK}"
    ]


@pytest.mark.parametrize("said", [b"<html>Please log in</html>", b"", b"null", b"[]", b'{"Id": 1}'])
async def test_who_does_not_say_his_version_is_an_engine_in_trouble(
    engine: DockerEngine, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's page in front of the socket: nothing else is asked there, and no surprise fills the log."""
    monkeypatch.setattr(f"{__name__}.said_of_version", [said])
    with pytest.raises(Unavailable, match="it is cut short, or not the engine's own"):
        await engine.info()
