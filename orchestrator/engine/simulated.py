"""A container engine in memory, for tests: it passes the same contract suite as the real one.

It keeps time by the running loop's clock, so it works on virtual time.  What containers do is told by `program`; what
goes wrong, by `fail_next`, `go_away` and `crash`.
"""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatch
from itertools import count

from orchestrator.engine.base import (
    INSPECT_SECONDS,
    Container,
    ContainerConfig,
    EngineEvent,
    EngineInfo,
    EngineRefused,
    ExecResult,
    Image,
    ListedImage,
    Network,
    PullProgress,
)
from orchestrator.engine.docker_errors import refusal, silent
from orchestrator.engine.simulated_container import Program, SimulatedContainer
from orchestrator.engine.simulated_images import SimulatedImages
from orchestrator.engine.simulated_networks import SimulatedNetworks
from orchestrator.errors import Conflict, NotFound, OrchestratorError, Unavailable
from orchestrator.planning.runtime_config import joined_by

__all__ = ["Program", "SimulatedEngine"]

Match = str | Callable[[ContainerConfig], bool]


class SimulatedEngine:
    """See `base.Engine`.  Make it inside a running event loop.

    `latencies` gives seconds by method name ({"start": 0.3}); what is not named takes one turn of the loop.
    `wall` is the Unix time at the loop's present instant.
    """

    def __init__(self, latencies: Mapping[str, float] | None = None, wall: float | None = None) -> None:
        self.images = SimulatedImages()
        self._latencies = dict(latencies or {})
        self._loop = asyncio.get_running_loop()
        self._offset = (time.time() if wall is None else wall) - self._loop.time()
        self._containers: dict[str, SimulatedContainer] = {}
        self._networks = SimulatedNetworks()
        self._programs: list[tuple[Match, list[Program]]] = []
        self._failures: defaultdict[str, list[OrchestratorError]] = defaultdict(list)
        self._listeners: set[asyncio.Queue[EngineEvent | None]] = set()
        self._pids = count(1000)
        self._present = asyncio.Event()
        self._present.set()
        self.version = "1.0"
        """Whoever upgrades it changes this."""

    # --- what tests say ---

    def program(self, match: Match, *programs: Program) -> None:
        """From now on, starts of containers whose name or image fits the pattern ("web-*") run this.

        Of several programs each start takes the next; the last one stays.  Later calls win over earlier ones.
        """
        self._programs.append((match, list(programs)))

    def fail_next(self, method: str, error: OrchestratorError) -> None:
        """The next call of this method ("start") raises this; may be said several times."""
        self._failures[method].append(error)

    def go_away(self) -> None:
        """The engine stops answering: calls raise Unavailable, event streams break, nothing is announced."""
        self._present.clear()
        for listener in self._listeners:
            listener.put_nowait(None)

    def come_back(self) -> None:
        """It answers again."""
        self._present.set()

    def set_clock(self, by: float) -> None:
        """Somebody sets the host's clock, by so many seconds."""
        self._offset += by

    def crash(self, container: str, exit_code: int = 137, *, oom: bool = False) -> None:
        """The container's process ends, whatever its program says."""
        self._find(container).exit(exit_code, oom=oom)

    def destroy(self, container: str) -> None:
        """Somebody removes the container behind our back."""
        found = self._find(container)
        found.exit(137)
        del self._containers[found.id]
        self._announce(found, "destroy", None)

    def pause(self, container: str) -> None:
        """Somebody pauses the container."""
        self._find(container).pause(True)

    def hang(self, container: str, *, hangs: bool = True) -> None:
        """The engine says nothing about the container any more, and does nothing with it; or again."""
        self._find(container).hangs = hangs

    def disconnect(self, container: str) -> None:
        """Somebody takes the container off its network."""
        found = self._find(container)
        found.address = ""
        for listener in self._listeners:
            listener.put_nowait(EngineEvent("disconnect", found.id, {"container": found.id}, self.now()))

    def write(self, container: str, stream: int, data: bytes) -> None:
        """The container's process writes."""
        self._find(container).write(stream, data)

    def signals(self, container: str) -> list[tuple[float, str]]:
        """The signals that its process got, as (Unix seconds, "TERM")."""
        return list(self._find(container).signals)

    def now(self) -> float:
        """Unix seconds by the engine's clock."""
        return self._loop.time() + self._offset

    # --- engine ---

    async def info(self) -> EngineInfo:
        await self._enter("info")
        return EngineInfo("Simulated Engine", self.version, "1.41", "linux", "amd64", 4, 8 << 30)

    async def close(self) -> None:
        self._listeners.clear()

    # --- containers ---

    async def list_containers(self, labels: Mapping[str, str], seconds: float = INSPECT_SECONDS) -> list[Container]:
        await self._enter("list_containers")
        newest_first = reversed(self._containers.values())
        found = [each for each in newest_first if labels.items() <= each.config.labels.items()]
        if any(each.hangs for each in found):
            await asyncio.sleep(seconds)
        return [each.inspect(hung=each.hangs) for each in found]

    async def inspect(self, container: str) -> Container:
        await self._enter("inspect", container)
        return self._find(container).inspect()

    async def create(self, config: ContainerConfig) -> str:
        await self._enter("create")
        image = self.images.get(config.image)
        for other in self._containers.values():
            if other.config.name == config.name:
                raise Conflict(f'The container name "/{config.name}" is already in use by container "{other.id}"')
        if target := joined_by(config.network):
            try:
                self._find(target)
            except NotFound as error:
                raise EngineRefused(str(error), 400) from error
        container_id = uuid.uuid4().hex * 2
        made = SimulatedContainer(container_id, config, image.id, self.now(), self.now, self._announce)
        self._containers[container_id] = made
        self._announce(made, "create", None)
        return container_id

    async def start(self, container: str) -> None:
        await self._enter("start", container)
        found = self._find(container)
        if found.phase == "running":
            return
        if found.phase == "paused":
            raise Conflict("cannot start a paused container, try unpause instead")
        try:
            address = self._attach(found.config)
        except OrchestratorError as error:
            found.refuse(error)
        else:
            found.start(self._program_of(found.config), next(self._pids), address)

    async def kill(self, container: str, signal: str = "KILL") -> None:
        await self._enter("kill", container)
        found = self._find(container)
        # A signal lets a paused container go on.
        if found.phase == "paused":
            found.pause(False)
        self._running(container).signal(signal)

    async def remove(self, container: str) -> None:
        with suppress(NotFound):
            await self._enter("remove", container)
            self.destroy(container)

    async def unpause(self, container: str) -> None:
        await self._enter("unpause", container)
        found = self._find(container)
        if found.phase == "paused":
            found.pause(False)

    async def exec(
        self, container: str, argv: tuple[str, ...], *, seconds: float | None = None, max_output: int = 10 * 1024
    ) -> ExecResult:
        await self._enter("exec", container)
        return await self._running(container).exec(argv, seconds, max_output)

    async def exec_attach(self, container: str, argv: tuple[str, ...], *, stdin: bool, tty: bool) -> "SimulatedExec":
        await self._enter("exec_attach", container)
        return SimulatedExec(self._running(container), argv, stdin)

    async def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float | None = None,
        timestamps: bool = False,
    ) -> AsyncIterator[tuple[int, bytes]]:
        await self._enter("logs", container)
        found = self._find(container)
        begin = len(found.log) if tail == 0 else 0 if tail is None else max(0, len(found.log) - tail)
        position = begin
        while True:
            for at, stream, data in found.log[position:]:
                position += 1
                if since is None or at >= since:
                    yield stream, _stamp(at) + data if timestamps else data
            if not follow or found.phase != "running":
                return
            await found.news.wait()

    async def events(self) -> AsyncIterator[EngineEvent]:
        while True:
            await self._present.wait()
            listener: asyncio.Queue[EngineEvent | None] = asyncio.Queue()
            self._listeners.add(listener)
            try:
                yield EngineEvent("reconnected", "", {}, self.now())
                while (event := await listener.get()) is not None:
                    yield event
            finally:
                self._listeners.discard(listener)

    # --- images ---

    async def image(self, name: str, platform: str = "") -> Image:
        await self._enter("image")
        return self.images.get(name)

    async def pull(
        self, name: str, auth: Mapping[str, str] | None = None, platform: str = ""
    ) -> AsyncIterator[PullProgress]:
        await self._enter("pull")
        for step in self.images.pull(name, auth or {}, platform):
            yield step

    async def platforms(self, name: str, auth: Mapping[str, str] | None = None) -> tuple[str, ...]:
        await self._enter("platforms")
        return self.images.platforms(name)

    async def list_images(self) -> list[ListedImage]:
        await self._enter("list_images")
        return self.images.listed()

    async def used_images(self) -> frozenset[str]:
        await self._enter("used_images")
        return frozenset(each.image_id for each in self._containers.values())

    async def remove_image(self, name: str) -> None:
        await self._enter("remove_image")
        with suppress(NotFound):
            if self.images.get(name).id in await self.used_images():
                raise Conflict(f"conflict: unable to remove repository reference {name}: a container is using it")
            self.images.remove(name)

    async def import_image(self, tar: bytes, name: str, changes: tuple[str, ...] = ()) -> str:
        await self._enter("import_image")
        return self.images.load(tar, name, changes).id

    # --- networks ---

    async def list_networks(self, labels: Mapping[str, str] | None = None) -> list[Network]:
        await self._enter("list_networks")
        return self._networks.all(labels or {})

    async def create_network(
        self, name: str, *, labels: Mapping[str, str], subnet: str, ip_range: str, gateway: str, bridge: str
    ) -> Network:
        await self._enter("create_network")
        network_id = uuid.uuid4().hex * 2
        made = Network(network_id, name, dict(labels), subnet, ip_range, gateway, bridge or f"br-{network_id[:12]}")
        self._networks.add(made)
        return made

    async def remove_network(self, network: str) -> None:
        await self._enter("remove_network")
        with suppress(NotFound):
            found = self._networks.get(network)
            if any(each.address and each.config.network == found.name for each in self._containers.values()):
                raise Conflict(f"error while removing network: network {found.name} has active endpoints")
            self._networks.remove(found)

    # --- inside ---

    async def _enter(self, method: str, container: str = "") -> None:
        """What every call goes through: its latency, the engine's absence, a failure that was ordered, what hangs."""
        await asyncio.sleep(self._latencies.get(method, 0))
        if not self._present.is_set():
            raise Unavailable("cannot reach the simulated engine: it is away")
        if self._failures[method]:
            raise self._failures[method].pop(0)
        if container and self._find(container).hangs:
            await asyncio.sleep(INSPECT_SECONDS)
            raise silent("simulated", INSPECT_SECONDS)

    def _find(self, container: str) -> SimulatedContainer:
        if exact := self._containers.get(container):
            return exact
        for found in self._containers.values():
            if container == found.config.name or found.id.startswith(container):
                return found
        raise NotFound(f"No such container: {container}")

    def _running(self, container: str) -> SimulatedContainer:
        found = self._find(container)
        if found.phase != "running":
            raise Conflict(f"Container {found.id} is not running")
        return found

    def _attach(self, config: ContainerConfig) -> str:
        """The address that a container gets at its start; raises what the engine would refuse the start with."""
        running = [each for each in self._containers.values() if each.phase in ("running", "paused")]
        if target := joined_by(config.network):
            if self._find(target) not in running:
                raise Conflict(f"cannot join network of a non running container: {target}")
            return ""
        published = {(port.host_port, port.protocol) for each in running for port in each.config.ports}
        for port in config.ports:
            if (port.host_port, port.protocol) in published:
                raise refusal(500, f"Bind for {port.host_ip}:{port.host_port} failed: port is already allocated")
        return self._networks.address(config.network, [each.address for each in running])

    def _program_of(self, config: ContainerConfig) -> Program:
        for match, programs in reversed(self._programs):
            fits = match(config) if callable(match) else fnmatch(config.name, match) or fnmatch(config.image, match)
            if fits:
                return programs.pop(0) if len(programs) > 1 else programs[0]
        return Program()

    def _announce(self, container: SimulatedContainer, action: str, exit_code: int | None) -> None:
        if not self._present.is_set():
            return
        attributes = {**container.config.labels, "image": container.config.image, "name": container.config.name}
        if exit_code is not None:
            attributes["exitCode"] = str(exit_code)
        for listener in self._listeners:
            listener.put_nowait(EngineEvent(action, container.id, attributes, self.now()))


class SimulatedExec:
    """An attached command (`base.Exec`): it gives back what it was sent, then the script's answer."""

    def __init__(self, container: SimulatedContainer, argv: tuple[str, ...], stdin: bool) -> None:
        self._container = container
        self._argv = argv
        self._sent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._exit_code = 0
        if not stdin or not container.program.reads:
            self._sent.put_nowait(None)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while (data := await self._sent.get()) is not None:
            yield 1, data
        result = await self._container.exec(self._argv, None, 1 << 30)
        self._exit_code = result.exit_code
        if result.output:
            yield 1, result.output

    async def write(self, data: bytes) -> None:
        if not self._container.program.reads:
            raise Unavailable("cannot write to the simulated command: broken pipe")
        self._sent.put_nowait(data)

    async def write_eof(self) -> None:
        self._sent.put_nowait(None)

    async def resize(self, rows: int, columns: int) -> None:
        """The script sees no terminal."""

    async def exit_code(self) -> int:
        return self._exit_code

    async def close(self) -> None:
        self._sent.put_nowait(None)


def _stamp(at: float) -> bytes:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}000Z ".encode()
