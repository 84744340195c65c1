"""fsGroup: a volume's files belong to the pod's group, as the kubelet's SetVolumeOwnership has it.

The group may read and write files (read where the volume is read-only) and enter folders, and what is made in a folder
belongs to the group too.  Containers of another pod may be at work in the volume: everything is opened once, without
following links, and changed by its descriptor.
"""

import os
import stat
from pathlib import Path

from orchestrator.planning.projection import Ownership

_READ_WRITE, _READ_ONLY, _ENTER = 0o660, 0o440, 0o110


def own_volume(directory: Path, ownership: Ownership) -> None:
    """Have all of a volume belong to the group; OSError when that cannot be."""
    if not (ownership.unless_right and _is_right(directory, ownership)):
        own_tree(str(directory), ownership)


def own_tree(name: str, ownership: Ownership, folder: int | None = None) -> None:
    """Everything below `name` (relative to the descriptor `folder`), and at last itself.

    At last, so that a run that was broken off is not taken for a whole one (`unless_right`).
    """
    for _, folders, files, inside in os.fwalk(name, topdown=False, follow_symlinks=False, dir_fd=folder):
        for entry in (*folders, *files):
            own_one(entry, ownership, inside)
    own_one(name, ownership, folder)


def own_one(name: str, ownership: Ownership, folder: int | None = None) -> None:
    """One file, folder or link."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISLNK(found.st_mode):
            os.chown(name, -1, ownership.group, dir_fd=folder, follow_symlinks=False)
            return
        itself = Path(f"/proc/self/fd/{descriptor}")
        os.chown(itself, -1, ownership.group)
        itself.chmod(stat.S_IMODE(found.st_mode) | _wanted(found.st_mode, ownership))
    finally:
        os.close(descriptor)


def _wanted(mode: int, ownership: Ownership) -> int:
    bits = _READ_ONLY if ownership.read_only else _READ_WRITE
    return bits | _ENTER | stat.S_ISGID if stat.S_ISDIR(mode) else bits


def _is_right(directory: Path, ownership: Ownership) -> bool:
    found = directory.stat()
    wanted = _wanted(found.st_mode, ownership)
    return stat.S_ISDIR(found.st_mode) and found.st_gid == ownership.group and found.st_mode & wanted == wanted
