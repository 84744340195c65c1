"""A Docker Engine: what the daemon asks of it (`base`), in the words of its API."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from orchestrator.engine import docker_convert as convert
from orchestrator.engine import docker_errors as errors
from orchestrator.engine import docker_events, docker_exec, privileges
from orchestrator.engine import docker_streams as streams
from orchestrator.engine.base import (
    INSPECT_SECONDS,
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
from orchestrator.engine.docker_client import CALL_SECONDS, DockerClient
from orchestrator.engine.operations import counted
from orchestrator.errors import Conflict, NotFound, Silent
from orchestrator.metrics import Metrics

_KNOWS_PLATFORMS = (1, 49)
"""Since then an image is asked for by name and platform."""

HEAVY_SECONDS = 120.0
"""For calls that work on disks and kernels: create, start, remove, import."""
PULL_IDLE_SECONDS = 300.0
"""A pull may take hours, but not be silent for longer than this."""

_CONCURRENT_INSPECTS = 16


class DockerEngine:
    """The Engine at a unix socket ("unix:///var/run/docker.sock") or another DOCKER_HOST.

    Make it inside a running event loop.  `info` agrees on the API version; so does the first call without it.
    """

    def __init__(self, url: str = "unix:///var/run/docker.sock", metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._client = DockerClient(url, self._metrics)
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

    async def list_containers(self, labels: Mapping[str, str], seconds: float = INSPECT_SECONDS) -> list[Container]:
        params = [("all", "1"), ("filters", _label_filter(labels))]
        listed = await self._call("GET", "containers/json", params)
        looks = (self._inspect_one(each["Id"], seconds) for each in listed)
        containers = []
        for summary, found in zip(listed, await asyncio.gather(*looks, return_exceptions=True), strict=True):
            if isinstance(found, Container):
                containers.append(found)
            elif isinstance(found, Silent):
                containers.append(convert.hung_container(summary))
            elif not isinstance(found, NotFound):
                raise found
        if any(container.hung for container in containers):
            # An engine that is silent about everything says nothing of its version either.
            await self._client.negotiate()
        return containers

    async def _inspect_one(self, container_id: str, seconds: float) -> Container:
        async with self._inspects:
            return convert.container(await self._call("GET", f"containers/{container_id}/json", seconds=seconds))

    async def inspect(self, container: str) -> Container:
        return convert.container(await self._call("GET", f"containers/{container}/json", seconds=INSPECT_SECONDS))

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
