"""What only one daemon may have at a time: a state folder, and an instance on an engine (D09).

The kernel drops both locks when the process ends, however it ends.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import Conflict, OrchestratorError
from orchestrator.settings import Settings

log = logging.getLogger(__name__)

_PEER = struct.Struct("3i")
"""pid, uid, gid"""


@contextlib.contextmanager
def own_folders(settings: Settings) -> Iterator[None]:
    """Have the state and run folders, and be the only daemon of this state folder."""
    with contextlib.ExitStack() as stack:
        try:
            settings.run_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
            settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(settings.state_dir, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, folder)
        except OSError as error:
            raise OrchestratorError(
                f"cannot use {error.filename}: {(error.strerror or '').lower()}; "
                "name other folders with --state-dir and --run-dir"
            ) from error
        # The folder is there on a disk that is full or read-only, too; the file says who has it.
        file = _lock_file(settings.state_dir)
        if file is not None:
            stack.callback(os.close, file)
        for lock in (folder, file):
            if lock is not None:
                _take(lock, settings.state_dir, file)
        if file is not None:
            _sign(file)
        _make_volumes(settings.state_dir / "volumes")
        yield


def _lock_file(folder: Path) -> int | None:
    """Open what tells the pid, as far as that goes; daemons before this one locked nothing else."""
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with contextlib.suppress(OSError):
            return os.open(folder / "lock", flags | os.O_CLOEXEC, 0o600)
    return None


def _take(lock: int, folder: Path, file: int | None) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.pread(file, 20, 0).decode(errors="replace").strip() if file is not None else ""
        raise Conflict(
            f"cannot start: a daemon (pid {pid or 'unknown'}) uses {folder} already; "
            "give this one a --state-dir, --run-dir and --instance of its own"
        ) from error
    except OSError as error:
        log.warning("cannot lock %s: %s", folder, error.strerror)


def _sign(file: int) -> None:
    """Write the pid: a courtesy to who is refused."""
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
    except OSError as error:
        log.debug("cannot write who has the state folder into its lock: %s", error.strerror)


def _make_volumes(folder: Path) -> None:
    """The state is ours alone; containers need no right on the way to what is mounted."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        log.warning("cannot make %s: %s; pods that need volumes wait", folder, error.strerror)


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
