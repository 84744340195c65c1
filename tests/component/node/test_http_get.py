"""GETs against real servers on 127.0.0.1: whole, chunked, endless, silent and broken answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from orchestrator.node.http_get import Response, http_get


@asynccontextmanager
async def server(*answer: bytes, keep_open: bool = False) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that sends the same bytes to everyone; gives its port and the requests that came."""
    requests: list[bytes] = []
    release = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            for part in answer:
                writer.write(part)
                await writer.drain()
            if keep_open:
                await release.wait()
        except ConnectionError:
            return  # the client has read enough
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1], requests
    finally:
        release.set()
        listening.close()
        await listening.wait_closed()


async def get(port: int, **headers: str) -> Response:
    async with asyncio.timeout(10):
        return await http_get("127.0.0.1", port, "/x?y=1", headers, tls=False, max_body=100)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", b"ok!"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nok", b"ok"),
        (b"HTTP/1.1 200 OK\nConnection: close\nContent-Length: 2\n\nok and more", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
)
async def test_it_reads_every_kind_of_body(answer: bytes, body: bytes) -> None:
    async with server(answer) as (port, requests):
        response = await get(port)
    assert response.body == body
    assert response.status in (200, 204)
    assert requests == [f"GET /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()]


async def test_a_body_is_read_up_to_its_limit_and_no_further() -> None:
    async with server(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 5000, keep_open=True) as (port, _):
        assert (await get(port)).body == b"a" * 100


async def test_a_users_host_header_wins_and_no_header_can_smuggle_a_line() -> None:
    async with server(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n") as (port, requests):
        response = await get(port, Host="example.org", X="a\r\nY: b")
    assert response.location == "/there"
    assert requests == [b"GET /x?y=1 HTTP/1.1\r\nHost: example.org\r\nX: a  Y: b\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"not http at all\r\n\r\n", ValueError), (b"", ConnectionResetError), (b"HTTP/1.1 2", ConnectionResetError)],
)
async def test_what_is_no_answer_is_an_error(answer: bytes, error: type[Exception]) -> None:
    async with server(answer) as (port, _):
        with pytest.raises(error):
            await get(port)


async def test_headers_without_an_end_are_cut() -> None:
    lines = (f"X-{number}: {'y' * 1000}\r\n".encode() for number in range(200))
    async with server(b"HTTP/1.1 200 OK\r\n", *lines, keep_open=True) as (port, _):
        with pytest.raises(ValueError, match="header"):
            await get(port)


async def test_nobody_listens() -> None:
    async with server(b"") as (port, _):
        pass
    with pytest.raises(ConnectionRefusedError):
        await get(port)
