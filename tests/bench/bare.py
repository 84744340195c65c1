"""The floor: the very containers that the daemon would make, created and started by bare calls of the engine's API."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.engine.base import ContainerConfig
from orchestrator.engine.docker import DockerEngine
from orchestrator.node.sandbox_image import ensure_sandbox_image
from orchestrator.objects.pod import Pod
from orchestrator.planning.container import Joined, container_config, sandbox_config
from orchestrator.planning.surroundings import NodeFacts, PodPaths, Surroundings

AT_ONCE = 8
"""Pods at once: more only queue on two cores, as the engine's own figures show."""


@dataclass(frozen=True)
class BarePod:
    """The two containers of a pod."""

    sandbox: ContainerConfig
    container: ContainerConfig


class Bare:
    """Makes and removes pods without a daemon, on a bridge network of its own."""

    def __init__(self, engine: DockerEngine, image: str, network: str) -> None:
        self._engine = engine
        self._image = image
        self._network = network

    @classmethod
    async def open(cls) -> "Bare":
        """Connect, and make the network."""
        engine = DockerEngine()
        image = await ensure_sandbox_image(engine)
        name = f"bench{uuid.uuid4().hex[:6]}"
        await engine.create_network(
            name,
            labels={"orchestrator.dev/bench": name},
            subnet="10.199.0.0/22",
            ip_range="10.199.0.0/23",
            gateway="10.199.0.1",
            bridge=name[:12],
        )
        return cls(engine, image, name)

    async def close(self) -> None:
        """Remove the network."""
        await self._engine.remove_network(self._network)
        await self._engine.close()

    def configs(self, pod: Pod) -> BarePod:
        """What the daemon would make of a pod, under names of the bench's own and without its files."""
        around = Surroundings(
            instance=self._network,
            node=NodeFacts("bench", "127.0.0.1", 10**9, 2**30),
            paths=lambda uid: PodPaths("/nonexistent", "/nonexistent", "/dev/null"),
            sandbox_image=self._image,
            network=self._network,
        )
        sandbox = sandbox_config(pod, 0, around)
        container = container_config(pod, pod.spec.containers[0], 0, around, Joined(sandbox.name, ""), "container")
        labels = {"orchestrator.dev/bench": self._network}
        return BarePod(replace(sandbox, labels=labels), replace(container, labels=labels, mounts=()))

    async def up(self, pods: Sequence[Pod]) -> float:
        """Seconds from the first call until the last process runs, as the engine's clock has it."""
        slots = asyncio.Semaphore(AT_ONCE)
        begun = time.time()
        started = await asyncio.gather(*(self._up_one(self.configs(pod), slots) for pod in pods))
        return max(started) - begun

    async def _up_one(self, pod: BarePod, slots: asyncio.Semaphore) -> float:
        async with slots:
            await self._engine.create(pod.sandbox)
            await self._engine.start(pod.sandbox.name)
            await self._engine.create(pod.container)
            await self._engine.start(pod.container.name)
        return (await self._engine.inspect(pod.container.name)).started_at

    async def down(self, pods: Sequence[Pod]) -> float:
        """Seconds to end and remove them: TERM to each, its end, then both containers removed."""
        slots = asyncio.Semaphore(AT_ONCE)
        begun = time.time()
        await asyncio.gather(*(self._down_one(self.configs(pod), slots) for pod in pods))
        return time.time() - begun

    async def _down_one(self, pod: BarePod, slots: asyncio.Semaphore) -> None:
        async with slots:
            await self._engine.kill(pod.container.name, "TERM")
        while (await self._engine.inspect(pod.container.name)).phase == "running":
            await asyncio.sleep(0.01)
        async with slots:
            await self._engine.remove(pod.container.name)
            await self._engine.remove(pod.sandbox.name)

    async def restart(self, pod: Pod, number: int) -> float:
        """Seconds for one more container in a sandbox that runs: a bare create and start, until the start answers."""
        config = replace(self.configs(pod).container, name=f"{self._network}-again-{number}")
        begun = time.time()
        await self._engine.create(config)
        await self._engine.start(config.name)
        took = time.time() - begun
        await self._engine.remove(config.name)
        return took
