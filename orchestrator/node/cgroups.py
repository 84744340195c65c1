"""The kernel's counters of what processes use: control groups of version 1 and 2, and of the whole host.

Files are read, no process is started and the engine is not asked.  Meant for a thread of its own.
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from orchestrator.planning.consumption import Process, Reading, Readings

_TICK = 10**9 // os.sysconf("SC_CLK_TCK")
"""Nanoseconds in a unit of /proc/stat."""
_CPU, _MEMORY, _UNIFIED = "cpuacct", "memory", ""


def read_all(processes: Iterable[Process], at: float) -> Readings:
    """Read the host and all these containers; those that have ended meanwhile are left out."""
    found = {}
    for process in processes:
        reading = read_group(process.pid)
        if reading is not None:
            found[process.id] = process, reading
    return Readings(at, read_host(), found)


def read_group(pid: int, proc: Path = Path("/proc")) -> Reading | None:
    """Read the control group that a process is in; None where there is none to read."""
    try:
        groups = _groups((proc / str(pid) / "cgroup").read_text())
        mounts = _mounts(proc)
        if _CPU in groups and _MEMORY in groups:
            return _version_1(mounts[_CPU] + groups[_CPU], mounts[_MEMORY] + groups[_MEMORY])
        return _version_2(mounts[_UNIFIED] + groups[_UNIFIED])
    except (OSError, KeyError, ValueError):
        return None


def read_host(proc: Path = Path("/proc")) -> Reading:
    """Read the whole host: its CPUs' time that was not idle, and memory in use."""
    try:
        user, nice, system, _idle, _wait, *interrupts = map(
            int, (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]
        )
        memory = _pairs((proc / "meminfo").read_text().replace(":", ""))
    except (OSError, ValueError):
        return Reading(0, 0)
    used = memory["MemTotal"] - memory["MemFree"] - memory.get("Inactive(file)", 0)
    return Reading((user + nice + system + sum(interrupts)) * _TICK, max(used, 0) * 1024)


def _version_1(cpu: str, memory: str) -> Reading:
    inactive = _pairs(_text(f"{memory}/memory.stat")).get("total_inactive_file", 0)
    usage = int(_text(f"{memory}/memory.usage_in_bytes"))
    return Reading(int(_text(f"{cpu}/cpuacct.usage")), max(usage - inactive, 0))


def _version_2(group: str) -> Reading:
    inactive = _pairs(_text(f"{group}/memory.stat")).get("inactive_file", 0)
    usage = int(_text(f"{group}/memory.current"))
    return Reading(_pairs(_text(f"{group}/cpu.stat"))["usage_usec"] * 1000, max(usage - inactive, 0))


def _groups(text: str) -> dict[str, str]:
    """Read /proc/PID/cgroup (cgroups(7)): controller -> path; version 2 has the name ""."""
    found = {}
    for line in text.splitlines():
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path.rstrip("/")
    return found


@cache
def _mounts(proc: Path) -> dict[str, str]:
    """Where each controller is mounted; they stay where they are."""
    found: dict[str, str] = {}
    for line in (proc / "self" / "mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _source, options = after.split(" ", 2)
        place = before.split()[4]
        if kind == "cgroup2":
            found.setdefault(_UNIFIED, place)
        elif kind == "cgroup":
            for controller in options.split(","):
                found.setdefault(controller, place)
    return found


def _pairs(text: str) -> dict[str, int]:
    """Lines of a name and a number."""
    words = (line.split() for line in text.splitlines())
    return {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].isdigit()}


def _text(path: str) -> str:
    return Path(path).read_text()
