"""A command that an engine runs in a container, from the host: its age and its end, which no call tells or brings."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_ROUNDS = 3


def kill_tree(pid: int, container_id: str) -> bool:
    """Kill a process, all of its session, and their children; False when it cannot be reached from here.

    `pid` is a number that the engine gave: on another machine, or in another PID namespace, it names a stranger here.
    So its control group has to name the container.
    """
    stopped: set[int] = set()
    try:
        if container_id not in (_PROC / str(pid) / "cgroup").read_text():
            return False
        # All stand still before the first one dies: a shell whose command was killed would go on with its next one.
        # One may have forked meanwhile: look again until none is new.
        for _ in range(_ROUNDS):
            fresh = _tree(pid) - stopped
            if not fresh:
                break
            _send(fresh, signal.SIGSTOP)
            stopped |= fresh
    except OSError:
        # It has gone, or we have no descriptor to look by.
        return False
    finally:
        # Whatever came between: none may stand still for ever.
        _send(stopped, signal.SIGKILL)
    return True


def running_for(pid: int, container_id: str) -> float | None:
    """Seconds since a process began (proc(5), starttime); None when it is out of reach, as in `kill_tree`."""
    try:
        if container_id not in (_PROC / str(pid) / "cgroup").read_text():
            return None
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _tree(root: int) -> set[int]:
    """The process, those of its session (it leads one), and all descendants; zombies are left out."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The command's name may hold blanks and brackets; the fields after it do not.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            state, parent, session = fields[0], int(fields[1]), int(fields[3])
            if state in "ZX":
                continue
            parents[int(folder.name)] = parent
            if session == root or int(folder.name) == root:
                found.add(int(folder.name))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found
