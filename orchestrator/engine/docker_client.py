"""HTTP to a Docker Engine, through aiodocker; only this file and `docker_hijack` import it.

aiodocker speaks HTTP on the socket and hijacks it for attached commands.  Its event queue, its missing time limits
and its silent disconnects are left aside: every call here has a limit, and every failure becomes one of the errors
that `base` documents.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import quote

import aiodocker
import aiodocker.execs
import aiohttp
import msgspec
from yarl import URL

from orchestrator.engine import docker_errors as errors
from orchestrator.engine.docker_hijack import Hijacked
from orchestrator.engine.operations import counted, operation
from orchestrator.metrics import Metrics

OLDEST_API, NEWEST_API = (1, 41), (1, 51)

CONNECT_SECONDS = 10.0
CALL_SECONDS = 30.0

# aiodocker's own "status" of a connection that could not be made, or broke.
_NO_CONNECTION = 900
_NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)

Params = Sequence[tuple[str, str]]
Body = Mapping[str, Any] | bytes | None


class DockerClient:
    """HTTP to one engine: the API version, time limits, and errors.

    Streams hold a connection for as long as they live, so they have a client of their own, and no limit on the number
    of connections.  What makes something run comes by the door, a connection of its own each time: an engine that is
    being stopped lets nobody in any more, but goes on serving who is inside while it ends all containers.
    """

    def __init__(self, url: str, metrics: Metrics) -> None:
        self.url = url
        self._metrics = metrics
        self._connectors: list[aiohttp.BaseConnector] = []
        self._calls = self._open()
        self._streams = self._open()
        self._by_the_door = self._open(keeps=False)
        self._negotiating = asyncio.Lock()
        self.newest_api = OLDEST_API
        """The newest that the engine speaks, once it was asked."""

    def _open(self, *, keeps: bool = True) -> aiodocker.Docker:
        """A client; `keeps` its connections for the next call, as the one of another host always does."""
        scheme, _, path = self.url.partition("://")
        if scheme not in ("unix", "tcp", "http", "https") or not path:
            raise errors.no_url(self.url)
        if scheme != "unix":
            return aiodocker.Docker(self.url, timeout=_NO_LIMIT)
        connector = aiohttp.UnixConnector(path, limit=0, force_close=not keeps)
        self._connectors.append(connector)
        return aiodocker.Docker("unix://localhost", connector=connector, timeout=_NO_LIMIT)

    async def close(self) -> None:
        """Give back all connections."""
        for client in self._clients():
            await client.close()
        for connector in self._connectors:
            await connector.close()

    def _clients(self) -> tuple[aiodocker.Docker, ...]:
        return self._calls, self._streams, self._by_the_door

    async def negotiate(self) -> dict[str, Any]:
        """Agree on the newest API version that both sides know; gives the answer of GET /version."""
        with counted(self._metrics, "version"), self.told(CALL_SECONDS):
            async with asyncio.timeout(CALL_SECONDS):
                asked = self._calls._do_query("version", "GET", timeout=_NO_LIMIT, versioned_api=False)
                async with await asked as response:
                    version: Any = msgspec.json.decode(await response.read())
            if not isinstance(version, dict) or "ApiVersion" not in version:
                raise errors.garbled(self.url)
        oldest, newest = _numbers(version.get("MinAPIVersion", "1.12")), _numbers(version["ApiVersion"])
        agreed, self.newest_api = min(newest, NEWEST_API), newest
        if agreed < max(oldest, OLDEST_API):
            raise errors.no_common_version(self.url, (oldest, newest), (OLDEST_API, NEWEST_API))
        for client in self._clients():
            client.api_version = "v{}.{}".format(*agreed)
        return version

    async def call(
        self,
        method: str,
        path: str,
        params: Params = (),
        body: Body = None,
        *,
        seconds: float = CALL_SECONDS,
        by_the_door: bool = False,
    ) -> Any:
        """One request and its answer, decoded; None when it is empty."""
        await self.ready()
        client = self._by_the_door if by_the_door else self._calls
        with counted(self._metrics, operation(method, path)), self.told(seconds):
            async with asyncio.timeout(seconds), await self._send(client, method, path, params, body) as response:
                answer = await response.read()
            return msgspec.json.decode(answer) if answer else None

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        params: Params = (),
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        *,
        idle: float | None = None,
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """A request whose answer flows; its beginning has a limit, and each pause too where `idle` gives one (seconds).

        The connection is closed at the end.
        """
        await self.ready()
        seconds = idle or CALL_SECONDS
        with self.told(seconds):
            async with asyncio.timeout(seconds):
                response = await self._send(self._streams, method, path, params, body, headers, idle)
            try:
                yield response.content
            finally:
                response.close()

    def hijack(self, exec_id: str, tty: bool) -> Hijacked:
        """The connection of an exec, which becomes its command's streams at the first read or write."""
        return Hijacked(aiodocker.execs.Exec(self._streams, exec_id, tty).start(detach=False, timeout=_NO_LIMIT))

    @contextmanager
    def told(self, seconds: float = CALL_SECONDS) -> Iterator[None]:
        """Failures of the connection and refusals of the engine become the errors of `base`."""
        try:
            yield
        except aiodocker.DockerError as error:
            if error.status == _NO_CONNECTION:
                raise errors.unreachable(self.url, error) from error
            raise errors.refusal(error.status, error.message) from error
        except TimeoutError as error:
            raise errors.silent(self.url, seconds) from error
        except (aiohttp.ClientError, OSError) as error:
            raise errors.unreachable(self.url, error) from error
        except (msgspec.DecodeError, json.JSONDecodeError) as error:
            raise errors.garbled(self.url) from error

    async def ready(self) -> None:
        """Agree on the API version, if that was not done yet."""
        async with self._negotiating:
            if self._calls.api_version == "auto":
                await self.negotiate()

    @staticmethod
    async def _send(
        client: aiodocker.Docker,
        method: str,
        path: str,
        params: Params,
        body: Body,
        headers: Mapping[str, str] | None = None,
        idle: float | None = None,
    ) -> aiohttp.ClientResponse:
        url = URL(quote(path, safe="/:@"), encoded=True).with_query(list(params))
        kind = "application/x-tar" if isinstance(body, bytes) else "application/json"
        data = msgspec.json.encode(body) if isinstance(body, Mapping) else body
        return await client._do_query(
            url,
            method,
            data=data,
            headers={"Content-Type": kind, **(headers or {})},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=idle),
        )


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
