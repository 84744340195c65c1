"""Mounts of our own on the host, by the system calls: mount(8) would look up again what a caller holds by descriptor.

Everything here blocks, for microseconds.
"""

import ctypes
import os
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = "orchestrator"
"""What stands as the source of a tmpfs of ours."""
_LIBC = ctypes.CDLL(None, use_errno=True)
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MNT_DETACH = 2, 4, 4096, 2
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mount_tmpfs(target: Path, size: int) -> None:
    """Mount a tmpfs of so many bytes; OSError where that is not allowed."""
    _mount(SOURCE.encode(), target, b"tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size}".encode())


def bind(descriptor: int, target: Path) -> None:
    """Mount what a descriptor stands for, whatever its path leads to by now; OSError where that is not allowed."""
    _mount(f"/proc/self/fd/{descriptor}".encode(), target, None, _MS_BIND, None)


def unmount(target: Path) -> None:
    """Take the topmost mount at `target` away; whoever has it open, and every container, goes on with it."""
    if _LIBC.umount2(os.fsencode(target), _MNT_DETACH):
        raise _error(target)


def unmount_below(folder: Path) -> None:
    """Take away all that is mounted below a folder, and at it; OSError when something stays."""
    for point in reversed([point for point, _ in mounts() if point.is_relative_to(folder)]):
        unmount(point)


def mounts() -> list[tuple[Path, str]]:
    """Every mount point with its file system's type, in the order of mounting (proc(5), /proc/PID/mountinfo)."""
    return [(point, kind) for point, kind, _source in _mounted()]


def own_tmpfs() -> list[Path]:
    """Where a tmpfs is that some daemon of ours mounted: its source is our name."""
    return [point for point, kind, source in _mounted() if (kind, source) == ("tmpfs", SOURCE)]


def _mounted() -> Iterator[tuple[Path, str, str]]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), left.split()[4])
        kind, source = right.split()[:2]
        yield Path(point), kind, source


def can_bind(folder: Path) -> bool:
    """Try whether a folder can be mounted on another below `folder`."""
    trial = folder / ".trial"
    try:
        # What a daemon that was killed just here has left.
        unmount_below(trial)
        trial.mkdir(exist_ok=True)
        descriptor = os.open(trial, os.O_PATH | os.O_DIRECTORY)
        try:
            bind(descriptor, trial)
        finally:
            os.close(descriptor)
        unmount(trial)
        trial.rmdir()
    except OSError:
        return False
    return True


def _mount(source: bytes, target: Path, kind: bytes | None, flags: int, data: bytes | None) -> None:
    if _LIBC.mount(source, os.fsencode(target), kind, ctypes.c_ulong(flags), data):
        raise _error(target)


def _error(path: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(path))
