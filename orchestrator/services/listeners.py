"""What can be bound on this host: which addresses are its own, and who has a port that we cannot have."""

import socket
from pathlib import Path

from orchestrator.objects.service import Protocol

_PROC = Path("/proc")
_LISTENING = "0A"
_PORT = 1
_STATE = 3
_INODE = 9
"""Columns of /proc/net/tcp and its like, see proc(5)."""


def listener(protocol: Protocol, number: int, proc: Path = _PROC) -> str:
    """The process that has a port of this host: "nginx (pid 12)"; "" when it cannot be seen."""
    inodes = {inode for name in ("", "6") for inode in _sockets(proc / "net" / f"{protocol.lower()}{name}", number)}
    links = {f"socket:[{inode}]" for inode in inodes}
    if not links:
        return ""
    for process in proc.glob("[0-9]*"):
        try:
            if any(str(descriptor.readlink()) in links for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # it ended meanwhile, or is not ours to look into
            continue
    return ""


def _sockets(table: Path, number: int) -> list[str]:
    """The inodes of what is bound to a port; of TCP those that listen, if there are any."""
    try:
        lines = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return []
    bound = [line for line in lines if int(line[_PORT].rpartition(":")[2], 16) == number]
    bound.sort(key=lambda line: line[_STATE] != _LISTENING)
    return [line[_INODE] for line in bound if line[_STATE] == _LISTENING or bound[0][_STATE] != _LISTENING]


def is_own(ip: str) -> bool:
    """Whether an address is one of this host's: only to those can a socket be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((ip, 0))
        except OSError:
            return False
    return True
