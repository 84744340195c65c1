"""Ending a command that an engine runs in a container, from the host: the engine itself has no call for it."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_ROUNDS = 3


def kill_tree(pid: int, container_id: str) -> bool:
    """Kill a process, all of its session, and their children; False when it cannot be reached from here.

    `pid` is a number that the engine gave: on another machine, or in another PID namespace, it names a stranger here.
    So its control group has to name the container.
    """
    try:
        if container_id not in (_PROC / str(pid) / "cgroup").read_text():
            return False
        # All stand still before the first one dies: a shell whose command was killed would go on with its next one.
        # One may have forked meanwhile: look again until none is new.
        stopped: set[int] = set()
        for _ in range(_ROUNDS):
            fresh = _tree(pid) - stopped
            if not fresh:
                break
            _send(fresh, signal.SIGSTOP)
            stopped |= fresh
        _send(stopped, signal.SIGKILL)
    except (FileNotFoundError, PermissionError):
        return False
    return True


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
