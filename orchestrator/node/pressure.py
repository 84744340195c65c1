"""Watches what the host has left of memory and disk, and evicts one pod at a time while it is too little.

Two numbers are read every ten seconds, as the kubelet's eviction manager has it; pods are measured only when one of
them is too small.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from orchestrator.node.cgroups import read_host
from orchestrator.node.evictions import Around, used_on_disk
from orchestrator.node.running import processes
from orchestrator.node.worker import PodWorker
from orchestrator.planning.consumption import Readings
from orchestrator.planning.pressure import DISK, MEMORY, Candidate, Level, Thresholds, eviction, pressed
from orchestrator.state.store import key_of

log = logging.getLogger(__name__)

CHECK = 10.0
"""Seconds between two looks."""


class PressureWatch:
    """One for the host."""

    def __init__(
        self,
        thresholds: Thresholds,
        memory_bytes: int,
        disk: str,
        workers: Callable[[], Iterable[PodWorker]],
        look: Callable[[], Awaitable[Readings]],
        around: Around,
    ) -> None:
        """`disk` is a folder on the disk of containers, "" for none; `look` measures what runs."""
        self.short: tuple[str, ...] = ()
        """The signals that were too small at the last look."""
        self._thresholds = thresholds
        self._memory = memory_bytes
        self._disk = disk
        self._workers = workers
        self._look = look
        self._around = around
        self._going: PodWorker | None = None

    async def run(self) -> None:
        """For ever; without thresholds there is nothing to do."""
        while self._thresholds:
            await self.check()
            await asyncio.sleep(CHECK)

    async def check(self) -> None:
        """Look once, and evict at most one pod; the next one when that has gone and it was not enough."""
        levels = await asyncio.to_thread(self._levels)
        before, self.short = self.short, pressed(levels, self._thresholds)
        for signal in self.short:
            if signal not in before:
                log.warning("the host runs short: %s is %d bytes", signal, levels[signal].available)
        if not self.short or (self._going is not None and any(processes(self._going.containers()))):
            return
        signal = self.short[0]
        workers = {worker.key: worker for worker in self._workers()}
        candidates = await self._candidates(signal, workers.values())
        chosen = eviction(signal, levels[signal], self._thresholds[signal], candidates)
        if chosen is not None:
            self._going = workers[key_of(chosen.pod)]
            self._going.evict(chosen.pod, chosen.message)

    def _levels(self) -> dict[str, Level]:
        levels = {MEMORY: Level(self._memory, max(self._memory - read_host().memory_bytes, 0))}
        with suppress(OSError):
            if self._disk:
                disk = shutil.disk_usage(self._disk)
                levels[DISK] = Level(disk.total, disk.free)
        return levels

    async def _candidates(self, signal: str, workers: Iterable[PodWorker]) -> list[Candidate]:
        pods = [(worker, pod) for worker in workers if (pod := worker.running_pod()) is not None]
        if signal == DISK:
            return [Candidate(pod, await used_on_disk(worker, self._around)) for worker, pod in pods]
        readings = (await self._look()).containers.values()
        return [
            Candidate(
                pod,
                {
                    process.container: reading.memory_bytes
                    for process, reading in readings
                    if (process.namespace, process.pod) == (pod.metadata.namespace, pod.metadata.name)
                },
            )
            for _, pod in pods
        ]
