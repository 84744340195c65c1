"""Who is at the other end of the unix socket, as the kernel says."""

import os
import socket
import struct

from aiohttp import web

from orchestrator.errors import Forbidden

_CREDENTIALS = struct.Struct("3i")


def peer_uid(request: web.Request) -> int:
    """Give the user id of the client's process; Forbidden when the kernel does not tell."""
    sock = request.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        raise Forbidden("cannot tell who is asking: the connection is no unix socket")
    _pid, uid, _gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


def require_owner(request: web.Request, what: str) -> None:
    """Let only root and the daemon's own user go on; Forbidden for others."""
    uid = peer_uid(request)
    if uid not in (0, os.geteuid()):
        raise Forbidden(f"cannot {what}: only root and the daemon's user may, and you are user {uid}")
