"""The socket's file: made with mode 0660 before anybody can connect, and removed only by who made it.

It is given to the group "orchestrator" where the host has one.  A file that a dead daemon left is replaced; one that a
daemon answers on is a Conflict.
"""

import contextlib
import shutil
import socket
from pathlib import Path

from orchestrator.errors import Conflict, OrchestratorError

GROUP = "orchestrator"
MODE = 0o660
_ANSWER_SECONDS = 1.0


class SocketFile:
    """A bound unix socket, not listening yet, and its file."""

    def __init__(self, path: Path) -> None:
        """Bind `path`, whose folder must be there; Conflict when another daemon answers on it."""
        _make_way(path)
        self._path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.bind(str(path))
            path.chmod(MODE)
            self._inode = path.stat().st_ino
        except OSError as error:
            self.socket.close()
            raise OrchestratorError(f"cannot serve on {path}: {error.strerror or error}") from error
        with contextlib.suppress(LookupError, PermissionError):
            shutil.chown(path, group=GROUP)

    def remove(self) -> None:
        """Close the socket and remove its file, unless somebody else's stands there by now."""
        self.socket.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()


def _make_way(path: Path) -> None:
    """Remove the file of a daemon that is gone."""
    if not path.exists():
        return
    if not path.is_socket():
        raise Conflict(f"cannot serve on {path}: there is a file of that name that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise OrchestratorError(f"cannot serve on {path}: {error.strerror or error}") from error
    raise Conflict(f"cannot serve on {path}: another daemon answers there")
