"""What nobody expected in a request: a line in the log, a Status for the client, and the daemon goes on."""

import asyncio
import logging
import resource
import shutil
import stat
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from orchestrator.api import server
from orchestrator.api.context import Context, Route
from tests.component.api.house import House


async def test_a_surprise_is_a_status_and_a_line(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.facts = None  # type: ignore[assignment]
    code, status = await house.get("/api/v1/nodes")
    assert (code, status["kind"], status["reason"], status["code"]) == (500, "Status", "InternalError", 500)
    assert "this should not happen: AttributeError: 'NoneType'" in status["message"]
    ended = await house.cli("top", "node", code=1)
    assert ended.err.startswith("Error from server (InternalError): cannot answer: this should not happen: ")
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert told
    assert all(each.getMessage().startswith("GET /api") and not each.exc_info for each in told), told
    assert (await house.get("/api/v1/pods"))[0] == 200


async def test_a_surprise_in_the_middle_of_an_answer_ends_it(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def half(_context: Context, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"the first half, ")
        raise KeyError("second")

    await house.api.stop()
    monkeypatch.setattr(server, "ROUTES", [Route("GET", "/half", half)])
    api = house.new_api()
    await api.start(house.socket)
    async with house.session.get("http://o/half") as response:
        assert await response.content.readexactly(16) == b"the first half, "
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    await api.stop()
    (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert told.getMessage().startswith("GET /half: this should not happen: KeyError: 'second'")


async def test_D10_without_a_descriptor_the_status_is_told_to_who_is_connected(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await house.get("/orchestrator/v1/status"))[1]["rssBytes"] > 0
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        code, status = await house.get("/orchestrator/v1/status")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (code, status["rssBytes"]) == (200, 0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_socket_whose_file_somebody_removed_is_there_again(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A tidy user, or a tidy program: without it nobody could ask the daemon for anything until its end."""
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.02)
    keeping = asyncio.create_task(house.api.keep())
    before = house.socket.stat().st_ino
    shutil.move(house.socket, tmp_path / "elsewhere")
    house.socket.write_text("in the way")
    async with asyncio.timeout(20):
        while not caplog.records:
            await asyncio.sleep(0.02)
        house.socket.unlink()
        while not house.socket.is_socket():
            await asyncio.sleep(0.02)
    assert house.socket.stat().st_ino != before
    assert stat.S_IMODE(house.socket.stat().st_mode) == 0o660
    connector = aiohttp.UnixConnector(str(house.socket))
    async with aiohttp.ClientSession(connector=connector) as fresh, fresh.get("http://o/version") as response:
        assert response.status == 200
    keeping.cancel()
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told[0].startswith("the socket's file is gone, and cannot be made again: cannot serve on ")
    assert told[1:] == ["somebody removed the socket's file: it is there again"]
