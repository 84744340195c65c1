"""Room on a disk: bytes and inodes."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.findings import Finding, error, ok, warning

_MIB, _GIB = 1 << 20, 1 << 30
_ERROR, _WARNING = 64 * _MIB, 5 * _GIB
_PERCENT = 10
"""A disk is told of when less than this is free, and less than `_WARNING` bytes."""


@dataclass(frozen=True, slots=True)
class Room:
    """What statvfs(3) says: bytes and inodes, free for us and in all; 0 inodes where they are not counted."""

    free: int
    size: int
    free_inodes: int
    inodes: int
    read_only: bool = False


def room_of(path: Path) -> Room:
    """Ask the file system of a path; OSError when it is not there."""
    found = os.statvfs(path)
    return Room(
        free=found.f_bavail * found.f_frsize,
        size=found.f_blocks * found.f_frsize,
        free_inodes=found.f_favail,
        inodes=found.f_files,
        read_only=bool(found.f_flag & os.ST_RDONLY),
    )


def look_at_room(check: str, path: Path, mend: str) -> Iterator[Finding]:
    """Judge the room below a path; nothing where it cannot be asked."""
    try:
        room = room_of(path)
    except OSError:
        return
    yield from judge(check, path, room, mend)


def judge(check: str, path: Path, room: Room, mend: str) -> Iterator[Finding]:
    """Say whether there is room; `mend` makes some."""
    left = f"{size_text(room.free)} of {size_text(room.size)} are free in {path}"
    trouble = False
    if room.free < _ERROR:
        trouble = True
        yield error(check, f"the disk is full: {left}", mend)
    elif room.free < _WARNING and room.free * 100 < room.size * _PERCENT:
        trouble = True
        yield warning(check, f"the disk is almost full: {left}", mend)
    if room.inodes and room.free_inodes * 100 < room.inodes * _PERCENT:
        trouble = True
        level = error if room.free_inodes * 1000 < room.inodes else warning
        yield level(
            check,
            f"{room.free_inodes} of {room.inodes} inodes are free in {path}",
            f"sudo du --inodes -xd2 {shlex.quote(str(path))} | sort -n | tail",
        )
    if not trouble:
        yield ok(check, left)


def size_text(size: int) -> str:
    """Give "3.4 GiB"."""
    for unit, name in ((_GIB << 10, "TiB"), (_GIB, "GiB"), (_MIB, "MiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size >> 10} KiB"
