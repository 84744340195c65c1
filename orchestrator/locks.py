"""What only one daemon may have at a time: a state folder, and an instance on an engine (D09).

The kernel drops both locks when the process ends, however it ends.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
import struct
from collections.abc import Iterator

from orchestrator.errors import Conflict, OrchestratorError
from orchestrator.settings import Settings

_PEER = struct.Struct("3i")
"""pid, uid, gid"""


@contextlib.contextmanager
def own_folders(settings: Settings) -> Iterator[None]:
    """Have the state and run folders, and be the only daemon of this state folder."""
    try:
        _make_folders(settings)
        lock = (settings.state_dir / "lock").open("a+")
    except OSError as error:
        raise OrchestratorError(
            f"cannot use {error.filename}: {(error.strerror or '').lower()}; "
            "name other folders with --state-dir and --run-dir"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise Conflict(
                f"cannot start: a daemon (pid {lock.read().strip() or 'unknown'}) uses {settings.state_dir} already; "
                "give this one a --state-dir, --run-dir and --instance of its own"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _make_folders(settings: Settings) -> None:
    """The state is ours alone; containers need no right on the way to what is mounted.  The socket has users."""
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    volumes = settings.state_dir / "volumes"
    volumes.mkdir(mode=0o700, exist_ok=True)
    volumes.chmod(0o700)
    settings.run_dir.mkdir(mode=0o755, parents=True, exist_ok=True)


@contextlib.contextmanager
def own_instance(instance: str, engine: str) -> Iterator[None]:
    """Be the only daemon of this instance on the engine with this id (or URL): two would end each other's pods.

    An abstract unix socket is the lock: it leaves no file behind, and the kernel knows whose it is.
    """
    name = _name(instance, engine)
    with socket.socket(socket.AF_UNIX) as lock:
        try:
            lock.bind(name)
        except OSError as error:
            raise Conflict(
                f"cannot start: a daemon (pid {_holder(name) or 'unknown'}) runs instance "
                f'"{instance}" on this engine already; '
                "give this one an --instance of its own"
            ) from error
        lock.listen()
        yield


def holder_of(instance: str, engine: str) -> str:
    """The pid of the daemon of this instance on the engine with this id (or URL); "" when there is none."""
    return _holder(_name(instance, engine)) or ""


def _name(instance: str, engine: str) -> str:
    digest = hashlib.sha256(f"{instance}\0{engine}".encode()).hexdigest()
    return f"\0orchestrator.dev/{digest}"


def _holder(name: str) -> str | None:
    """The pid of who listens ("unknown" where the kernel does not tell it), None when nobody does."""
    with socket.socket(socket.AF_UNIX) as caller:
        # Nobody ever accepts: once the queue is full, a call that blocks would wait for ever.
        caller.setblocking(False)
        try:
            caller.connect(name)
        except BlockingIOError:
            return "unknown"
        except OSError:
            return None
        pid, _uid, _gid = _PEER.unpack(caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return str(pid or "unknown")
