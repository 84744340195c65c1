"""Builds what is about the host as a whole: what it has, what is used of it, and what happens when it runs short."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orchestrator.engine.base import EngineInfo
from orchestrator.node.evictions import Around
from orchestrator.node.facts import node_facts
from orchestrator.node.meter import Meter
from orchestrator.node.pressure import PressureWatch
from orchestrator.node.running import processes
from orchestrator.node.worker import PodWorker
from orchestrator.planning.amounts import parse_amounts
from orchestrator.planning.consumption import Consumption
from orchestrator.planning.pressure import CONDITIONS, parse_thresholds
from orchestrator.planning.surroundings import NodeFacts
from orchestrator.settings import Settings


@dataclass(frozen=True, slots=True)
class HostRooms:
    """All of it."""

    facts: NodeFacts
    meter: Meter
    watch: PressureWatch

    async def consumption(self) -> Consumption:
        """What is used now."""
        return await self.meter.now()

    def pressure(self) -> tuple[str, ...]:
        """The conditions that say what the host is short of now ("MemoryPressure")."""
        return tuple(CONDITIONS[signal] for signal in self.watch.short)


def host_rooms(
    settings: Settings,
    info: EngineInfo,
    clock: Callable[[], float],
    workers: Callable[[], Iterable[PodWorker]],
    around: Around,
) -> HostRooms:
    """`workers` gives those of all pods; nothing is read before somebody asks or runs the watch."""
    thresholds, reserved = parse_thresholds(settings.eviction_hard), parse_amounts(settings.system_reserved)
    facts = node_facts(settings.node_name, info, settings.resolv_conf, reserved, thresholds, settings.pod_pids_limit)
    meter = Meter(lambda: (process for worker in workers() for process in processes(worker.containers())), clock)
    disk = info.root if settings.engine_url.startswith("unix:") else ""
    return HostRooms(facts, meter, PressureWatch(thresholds, info.memory_bytes, disk, workers, meter.look, around))
