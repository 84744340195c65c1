"""A Docker Engine, through aiodocker; only this file and `docker_hijack` import it.

aiodocker speaks HTTP on the socket and hijacks it for attached commands.  Its event queue, its missing time limits
and its silent disconnects are left aside: every call here has a limit, and every failure becomes one of the errors
that `base` documents.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import quote

import aiodocker
import aiodocker.execs
import aiohttp
import msgspec
from yarl import URL

from orchestrator.engine import docker_convert as convert
from orchestrator.engine import docker_errors as errors
from orchestrator.engine import docker_events, docker_exec, privileges
from orchestrator.engine import docker_streams as streams
from orchestrator.engine.base import (
    Container,
    ContainerConfig,
    EngineEvent,
    EngineInfo,
    EngineRefused,
    Exec,
    ExecResult,
    Image,
    ListedImage,
    Network,
    PullProgress,
)
from orchestrator.engine.docker_hijack import Hijacked
from orchestrator.engine.operations import counted, operation
from orchestrator.errors import Conflict, NotFound
from orchestrator.metrics import Metrics

OLDEST_API, NEWEST_API = (1, 41), (1, 51)
_KNOWS_PLATFORMS = (1, 49)
"""Since then an image is asked for by name and platform."""

CONNECT_SECONDS = 10.0
CALL_SECONDS = 30.0
HEAVY_SECONDS = 120.0
"""For calls that work on disks and kernels: create, start, remove, import."""
PULL_IDLE_SECONDS = 300.0
"""A pull may take hours, but not be silent for longer than this."""

_log = logging.getLogger(__name__)

_CONCURRENT_INSPECTS = 16
# aiodocker's own "status" of a connection that could not be made, or broke.
_NO_CONNECTION = 900
_NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)

Params = Sequence[tuple[str, str]]
Body = Mapping[str, Any] | bytes | None


class _Client:
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


class DockerEngine:
    """The Engine at a unix socket ("unix:///var/run/docker.sock") or another DOCKER_HOST.

    Make it inside a running event loop.  `info` agrees on the API version; so does the first call without it.
    """

    def __init__(self, url: str = "unix:///var/run/docker.sock", metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._client = _Client(url, self._metrics)
        self._call = self._client.call
        self._inspects = asyncio.Semaphore(_CONCURRENT_INSPECTS)
        # Another host's engine knows best what it has.
        self._lacks = privileges.lacking() if url.startswith("unix:") else ()

    async def info(self) -> EngineInfo:
        version = await self._client.negotiate()
        return convert.engine_info(version, await self._call("GET", "info"))

    async def close(self) -> None:
        await self._client.close()

    # --- containers ---

    async def list_containers(self, labels: Mapping[str, str]) -> list[Container]:
        listed = await self.listed(labels)
        found = await asyncio.gather(*(self._inspect_one(each.id) for each in listed), return_exceptions=True)
        if wrong := [each for each in found if isinstance(each, BaseException) and not isinstance(each, NotFound)]:
            raise wrong[0]
        return [each for each in found if isinstance(each, Container)]

    async def listed(self, labels: Mapping[str, str]) -> list[Container]:
        """As `list_containers`, by the engine's list alone: without pids, times, addresses and the like."""
        params = [("all", "1"), ("filters", _label_filter(labels))]
        return [convert.listed_container(each) for each in await self._call("GET", "containers/json", params)]

    async def _inspect_one(self, container_id: str) -> Container:
        async with self._inspects:
            return await self.inspect(container_id)

    async def inspect(self, container: str) -> Container:
        return convert.container(await self._call("GET", f"containers/{container}/json"))

    async def create(self, config: ContainerConfig) -> str:
        await self._client.ready()
        host = privileges.Host(self._lacks, self._client.newest_api >= privileges.KNOWS_ITS_HOST)
        params, body = [("name", config.name)], convert.create_body(config, host)
        if config.platform:
            params.append(("platform", config.platform))
        made = await self._call("POST", "containers/create", params, body, seconds=HEAVY_SECONDS, by_the_door=True)
        return str(made["Id"])

    async def start(self, container: str) -> None:
        await self._call("POST", f"containers/{container}/start", seconds=HEAVY_SECONDS, by_the_door=True)

    async def kill(self, container: str, signal: str = "KILL") -> None:
        await self._call("POST", f"containers/{container}/kill", [("signal", signal)])

    async def remove(self, container: str) -> None:
        params = [("force", "1"), ("v", "1")]
        with suppress(NotFound):
            try:
                await self._call("DELETE", f"containers/{container}", params, seconds=HEAVY_SECONDS)
            except Conflict as error:
                if "already in progress" not in str(error):
                    raise
                # Somebody else removes it just now.
                until = [("condition", "removed")]
                await self._call("POST", f"containers/{container}/wait", until, seconds=HEAVY_SECONDS)

    async def unpause(self, container: str) -> None:
        try:
            await self._call("POST", f"containers/{container}/unpause")
        except (Conflict, EngineRefused) as error:
            if "is not paused" not in str(error):
                raise

    async def exec(
        self, container: str, argv: tuple[str, ...], *, seconds: float | None = None, max_output: int = 10 * 1024
    ) -> ExecResult:
        with counted(self._metrics, "exec_sync"):
            return await docker_exec.run(self._client, container, argv, seconds, max_output)

    async def exec_attach(self, container: str, argv: tuple[str, ...], *, stdin: bool, tty: bool) -> Exec:
        return await docker_exec.attach(self._client, container, argv, stdin=stdin, tty=tty)

    async def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float | None = None,
        timestamps: bool = False,
    ) -> AsyncIterator[tuple[int, bytes]]:
        inspected = await self._call("GET", f"containers/{container}/json")
        cut = streams.raw if inspected["Config"]["Tty"] else streams.frames
        params = [("stdout", "1"), ("stderr", "1"), ("follow", str(int(follow))), ("timestamps", str(int(timestamps)))]
        if tail is not None:
            params.append(("tail", str(tail)))
        if since is not None:
            params.append(("since", f"{since:.9f}"))
        async with self._client.stream("GET", f"containers/{container}/logs", params) as content:
            async for stream, data in cut(content):
                yield stream, data

    def events(self) -> AsyncIterator[EngineEvent]:
        return docker_events.events(self._client)

    # --- images ---

    async def image(self, name: str, platform: str = "") -> Image:
        found = convert.image(await self._call("GET", f"images/{name}/json"))
        if found.fits(platform) or self._client.newest_api < _KNOWS_PLATFORMS:
            return found
        # A name may have several in containerd's image store.
        with suppress(NotFound):
            params = [("platform", _json(convert.platform_query(platform)))]
            return convert.image(await self._call("GET", f"images/{name}/json", params))
        return found

    async def pull(
        self, name: str, auth: Mapping[str, str] | None = None, platform: str = ""
    ) -> AsyncIterator[PullProgress]:
        params = [("fromImage", name), *((("platform", platform),) if platform else ())]
        # Without a tag the engine would pull them all.
        if not {":", "@"} & set(name.rpartition("/")[2]):
            params.append(("tag", "latest"))
        stream, headers = self._client.stream, convert.registry_auth(auth)
        answer = stream("POST", "images/create", params, headers=headers, idle=PULL_IDLE_SECONDS)
        with counted(self._metrics, "pull_image"):
            async with answer as content:
                async for message in streams.json_lines(content):
                    if "error" in message:
                        raise errors.pull_refusal(message["error"])
                    yield convert.pull_progress(message)

    async def platforms(self, name: str, auth: Mapping[str, str] | None = None) -> tuple[str, ...]:
        answer = self._client.stream(
            "GET", f"distribution/{name}/json", headers=convert.registry_auth(auth), idle=CALL_SECONDS
        )
        async with answer as content:
            return convert.platforms(msgspec.json.decode(await content.read()))

    async def list_images(self) -> list[ListedImage]:
        return [convert.listed_image(each) for each in await self._call("GET", "images/json", seconds=HEAVY_SECONDS)]

    async def used_images(self) -> frozenset[str]:
        listed = await self._call("GET", "containers/json", [("all", "1")])
        return frozenset(each["ImageID"] for each in listed)

    async def remove_image(self, name: str) -> None:
        with suppress(NotFound):
            await self._call("DELETE", f"images/{name}", seconds=HEAVY_SECONDS)

    async def import_image(self, tar: bytes, name: str, changes: tuple[str, ...] = ()) -> str:
        params = [("fromSrc", "-"), ("repo", name), *(("changes", change) for change in changes)]
        async with self._client.stream("POST", "images/create", params, tar, idle=HEAVY_SECONDS) as content:
            async for message in streams.json_lines(content):
                if "error" in message:
                    raise EngineRefused(message["error"])
        return (await self.image(name)).id

    # --- networks ---

    async def list_networks(self, labels: Mapping[str, str] | None = None) -> list[Network]:
        listed = await self._call("GET", "networks", [("filters", _label_filter(labels or {}))])
        return [convert.network(each) for each in listed]

    async def create_network(
        self, name: str, *, labels: Mapping[str, str], subnet: str, ip_range: str, gateway: str, bridge: str
    ) -> Network:
        body = convert.network_body(name, labels, subnet, ip_range, gateway, bridge)
        made = await self._call("POST", "networks/create", body=body)
        return convert.network(await self._call("GET", f"networks/{made['Id']}"))

    async def remove_network(self, network: str) -> None:
        with suppress(NotFound):
            await self._call("DELETE", f"networks/{network}")


def _label_filter(labels: Mapping[str, str]) -> str:
    return _json({"label": [f"{name}={value}" for name, value in labels.items()]})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)
