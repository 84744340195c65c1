"""Finds spec files and reads them safely.

A folder is walked recursively; hidden files and what editors leave behind are passed over.  Every file is looked at
before it is opened, so a FIFO, a device or a socket can hang nobody.  Links are followed; a folder is entered once, by
its device and inode, so a loop of links ends.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILES = 10_000
_LEFT_BEHIND = ("~", ".swp", ".swo", ".tmp", ".bak", ".orig", ".rej", "#")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file's content or rights do; times are in nanoseconds, `size` in bytes."""

    mtime: int
    ctime: int
    size: int
    inode: int
    device: int


@dataclass(slots=True)
class Scan:
    """What is on disk: spec files by path, the folders that were walked (and their inodes), and what is in the way.

    `roots` maps each file to the path, of those that were asked for, through which it was found.  `unreadable` are
    folders that are there and could not be listed.  `troubles` are (path, message).
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    troubles: list[tuple[str, str]] = field(default_factory=list)


def is_spec_name(name: str) -> bool:
    """Say whether a file of this name in a folder is a spec file."""
    return name.endswith(SUFFIXES) and not name.startswith((".", "#")) and not name.endswith(_LEFT_BEHIND)


def scan(paths: Iterable[str]) -> Scan:
    """Look at files and folders; a path that is named is taken whatever its suffix."""
    found = Scan()
    seen: set[tuple[int, int]] = set()
    for root in paths:
        try:
            info = Path(root).stat()
        except FileNotFoundError:
            found.missing.add(root)
            found.troubles.append((root, "no such file or folder"))
        except OSError as failure:
            found.unreadable.add(root)
            found.troubles.append((root, _words(failure)))
        else:
            if stat.S_ISDIR(info.st_mode):
                _walk(root, found, seen)
            else:
                _take(root, root, info, found, seen)
    return found


def read(path: str, limit: int) -> bytes:
    """Read at most `limit` + 1 bytes of a regular file.  OSError when it is not one, or cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(f"{_nature(mode)}, not a file")
        return file.read(limit + 1)


def _walk(root: str, found: Scan, seen: set[tuple[int, int]]) -> None:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            info = Path(folder).stat()
            identity = (info.st_dev, info.st_ino)
            if identity in seen:
                continue
            with os.scandir(folder) as listing:
                names = sorted(entry.name for entry in listing)
        except FileNotFoundError:
            continue
        except OSError as failure:
            found.unreadable.add(folder)
            found.troubles.append((_shown(folder), _words(failure)))
            continue
        seen.add(identity)
        found.folders[folder] = identity
        inner = [path for name in names if (path := _entry(root, folder, name, found, seen)) is not None]
        waiting += reversed(inner)


def _entry(root: str, folder: str, name: str, found: Scan, seen: set[tuple[int, int]]) -> str | None:
    """Take one name of a folder if it is a spec file; give its path if it is a folder to walk."""
    if name.startswith("."):
        return None
    path = f"{folder.rstrip('/')}/{name}"
    try:
        info = Path(path).stat()
    except FileNotFoundError:
        if is_spec_name(name) and Path(path).is_symlink():
            found.troubles.append((_shown(path), "the link leads nowhere"))
        return None
    except OSError as failure:
        if is_spec_name(name):
            found.unreadable.add(path)
            found.troubles.append((_shown(path), _words(failure)))
        return None
    if stat.S_ISDIR(info.st_mode):
        return path
    if is_spec_name(name) and _shown(path) != path:
        found.troubles.append((_shown(path), "its path is not UTF-8, and no client could be told of it: rename it"))
    elif is_spec_name(name):
        _take(path, root, info, found, seen)
    return None


def _take(path: str, root: str, info: os.stat_result, found: Scan, seen: set[tuple[int, int]]) -> None:
    identity = (info.st_dev, info.st_ino)
    if not stat.S_ISREG(info.st_mode):
        found.troubles.append((path, f"{_nature(info.st_mode)}, not a file"))
    elif len(found.files) >= MAX_FILES:
        if not any(message.startswith("more than") for _, message in found.troubles):
            found.troubles.append((path, f"more than {MAX_FILES} files"))
    elif identity not in seen:
        seen.add(identity)
        found.files[path] = Stamp(info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino, info.st_dev)
        found.roots[path] = root


def _shown(path: str) -> str:
    """The path as text: Python keeps bytes that are no UTF-8 as halves of letters, which no JSON can hold."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _nature(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a device"


def _words(failure: OSError) -> str:
    return (failure.strerror or str(failure)).lower()
