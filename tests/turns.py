"""Tests run side by side, in several processes; one that must have the host for itself waits until it has it.

Two locks on files: whoever wants the host exclusively keeps the door while it waits, so that nobody else goes in.
A host is a network namespace: in another one there is another engine (`make test-engines`).
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def on_the_host(*, alone: bool) -> Iterator[None]:
    """Be among the tests that use the engine and the host's network; `alone`: be the only one."""
    host = os.stat("/proc/self/ns/net").st_ino
    with _file(f"door-{host}") as door, _file(f"room-{host}") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Keep other processes from doing the same."""
    with _file(what) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _file(name: str) -> Iterator[int]:
    with Path(tempfile.gettempdir(), f"orchestrator-tests.{name}.lock").open("a") as file:
        yield file.fileno()
