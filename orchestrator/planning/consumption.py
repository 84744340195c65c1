"""What containers and the host use: readings of the kernel's counters, and what follows from two of them.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Process:
    """The first process of a container that runs; `since` is when it was started (Unix seconds)."""

    namespace: str
    pod: str
    container: str
    id: str
    pid: int
    since: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a group of processes has used: CPU in nanoseconds since it was made, and memory in bytes now.

    Memory is the working set, as cadvisor has it: without files that nobody has read lately.
    """

    cpu_nano: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Readings:
    """All of them at one instant: of the host, and of each container by id."""

    at: float
    host: Reading
    containers: Mapping[str, tuple[Process, Reading]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Used:
    """CPU in billionths of a core, memory in bytes."""

    nano_cores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Consumption:
    """What is used now, over the last `window` seconds."""

    at: float
    window: float
    host: Used
    containers: tuple[tuple[Process, Used], ...] = ()


def consumption(before: Readings, after: Readings) -> Consumption:
    """Give what was used between two readings; a container that came in between is judged by its own time."""
    seconds = max(after.at - before.at, 1e-3)
    found = []
    for id_, (process, reading) in after.containers.items():
        earlier = before.containers.get(id_)
        base, span = (earlier[1].cpu_nano, seconds) if earlier else (0, max(after.at - process.since, 1e-3))
        found.append((process, _used(base, reading, span)))
    return Consumption(after.at, seconds, _used(before.host.cpu_nano, after.host, seconds), tuple(found))


def _used(before: int, reading: Reading, seconds: float) -> Used:
    return Used(max(round((reading.cpu_nano - before) / seconds), 0), reading.memory_bytes)
