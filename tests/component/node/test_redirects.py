"""P02: what an httpGet probe makes of a redirect, against a real server on 127.0.0.1, and of a host of IPv6."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from orchestrator.node.handlers import Handlers, Outcome
from orchestrator.objects.container import Container
from orchestrator.objects.probes import HTTPGetAction, LifecycleHandler, Probe, TCPSocketAction
from tests.component.node.house import Engine

FOUND = b'<a href="http://10.9.9.9/">Found</a>.\n\n'
ANSWERS = {
    "/away": b"302 Found\r\nLocation: http://10.9.9.9/",
    "/near": b"307 Temporary Redirect\r\nLocation: /well",
    "/well": b"200 OK",
    "/many": b"300 Multiple Choices",
    "/nowhere": b"302 Found",
    "/odd": b"399 Odd\r\nLocation: /well",
    "/broken": b"301 Moved\r\nLocation: http://127.0.0.1:x/",
    "/round": b"301 Moved\r\nLocation: /round",
}
WARNING = "Probe terminated redirects, Response body: "


@asynccontextmanager
async def server(host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that answers by path, with the same body each time; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
        head = ANSWERS.get(path, b"304 Not Modified\r\nETag: x")
        body = b"" if head.startswith(b"304") else FOUND
        writer.write(b"HTTP/1.1 " + head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, host, 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def probe(action: HTTPGetAction | TCPSocketAction) -> Outcome:
    of = Probe(http_get=action) if isinstance(action, HTTPGetAction) else Probe(tcp_socket=action)
    return await Handlers(Engine()).probe(of, Container(name="web"), "web", "127.0.0.1")


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/away", Outcome(True, WARNING + FOUND.decode(), warning=True)),
        ("/many", Outcome(True, WARNING + FOUND.decode(), warning=True)),
        ("/nowhere", Outcome(True, WARNING + FOUND.decode(), warning=True)),
        ("/odd", Outcome(True, WARNING + FOUND.decode(), warning=True)),
        ("/unchanged", Outcome(True, WARNING, warning=True)),
        ("/near", Outcome(True, FOUND.decode())),
    ],
)
async def test_P02_every_last_answer_from_300_to_399_is_a_success_with_a_warning(path: str, outcome: Outcome) -> None:
    async with server() as port:
        assert await probe(HTTPGetAction(port=port, path=path)) == outcome


async def test_P02_a_redirect_that_leads_nowhere_is_a_failure_that_says_so() -> None:
    async with server() as port:
        url = f"http://127.0.0.1:{port}"
        broken = f'Get "{url}/broken": failed to parse Location header "http://127.0.0.1:x/"'
        assert await probe(HTTPGetAction(port=port, path="/broken")) == Outcome(False, broken)
        endless = f'Get "{url}/round": stopped after 10 redirects'
        assert await probe(HTTPGetAction(port=port, path="/round")) == Outcome(False, endless)


async def test_H01_a_hook_has_told_what_it_had_to_tell_whatever_is_answered() -> None:
    async with server() as port:
        hook = LifecycleHandler(http_get=HTTPGetAction(port=port, path="/away"))
        outcome = await Handlers(Engine()).hook(hook, Container(name="web"), "web", "127.0.0.1", 5)
    assert outcome == Outcome(True, FOUND.decode())


async def test_P02_a_host_of_IPv6() -> None:
    async with server("::1") as port:
        assert (await probe(HTTPGetAction(port=port, path="/well", host="::1"))).ok
        assert (await probe(TCPSocketAction(port=port, host="::1"))).ok
    refused = "dial tcp [::1]:1: connect: connection refused"
    url = "http://[::1]:1/x"
    assert await probe(HTTPGetAction(port=1, path="/x", host="::1")) == Outcome(False, f'Get "{url}": {refused}')
    assert await probe(TCPSocketAction(port=1, host="::1")) == Outcome(False, refused)
