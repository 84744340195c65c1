"""The socket's file: made with mode 0660 before anybody can connect, and removed only by who made it.

Who may connect may do all that the daemon can, so it is root's and a group's: "orchestrator" where the host has one,
or the one that `--socket-group` names.  A file that a dead daemon left is replaced; one that a daemon answers on is a
Conflict.
"""

import errno
import grp
import os
import socket
from pathlib import Path

from orchestrator.errors import Conflict, OrchestratorError
from orchestrator.settings import SOCKET_GROUP

MODE = 0o660
_ANSWER_SECONDS = 1.0


class SocketFile:
    """A bound unix socket whose callers wait until they are served, and its file."""

    def __init__(self, path: Path, group: str = SOCKET_GROUP) -> None:
        """Bind `path`, whose folder must be there; Conflict when another daemon answers on it.

        OrchestratorError when the host does not have the group; the default one may be missing.
        """
        gid = _group_id(group)
        _make_way(path)
        self._path, self._group = path, group
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound = False
        try:
            self.socket.bind(str(path))
            bound = True
            # Nobody can connect before it listens.
            path.chmod(MODE)
            self._inode = path.stat().st_ino
            if gid is not None:
                _give(path, gid, must=group != SOCKET_GROUP)
            # Whoever comes now must not take it for what a dead daemon left.
            self.socket.listen()
        except OSError as error:
            self.socket.close()
            if bound:
                path.unlink(missing_ok=True)
            if error.errno == errno.EADDRINUSE:
                raise Conflict(f"cannot serve on {path}: another daemon came first") from error
            raise OrchestratorError(f"cannot serve on {path}: {error.strerror or error}") from error

    def is_there(self) -> bool:
        """Whether who looks for it finds it: a file that was removed, or replaced, leads nobody here."""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def again(self) -> "SocketFile":
        """Another at the same place, whose folder may be gone too; errors as at the first time, and OSError."""
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        return SocketFile(self._path, self._group)

    def remove(self) -> None:
        """Close the socket and remove its file, unless somebody else's stands there by now."""
        self.socket.close()
        if self.is_there():
            self._path.unlink(missing_ok=True)


def _group_id(group: str) -> int | None:
    """The number of the group; None when the default one is not on this host."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if group == SOCKET_GROUP:
            return None
        raise OrchestratorError(
            f'cannot give the socket to the group "{group}": there is no such group (groupadd --system {group})'
        ) from None


def _give(path: Path, gid: int, *, must: bool) -> None:
    """Give the file to a group; a daemon of a user outside of the default group keeps it to that user."""
    try:
        os.chown(path, -1, gid)
    except PermissionError:
        if must:
            raise


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
