"""Volumes on the host: directories that containers mount, and the files in them.

Beside each volume stands `<volume>.digest`, which says after a daemon restart what is in it, and in which boot of the
host that was written: after a power cut files may be there, and empty.  What is mounted below a
pod's folders (volumes in memory, subPaths) is unmounted before they are removed: behind a subPath may lie the data of a
claim.
"""

import asyncio
import logging
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.node import mounts
from orchestrator.node.atomic_writer import write_atomically
from orchestrator.node.ownership import own_volume
from orchestrator.node.sub_paths import prepare_sub_path
from orchestrator.objects.volumes import HostPathType
from orchestrator.planning.housekeeping import is_uid
from orchestrator.planning.ops import ResolveSubPath
from orchestrator.planning.projection import OUTSIDE, VolumeContent
from orchestrator.planning.surroundings import PodPaths

log = logging.getLogger(__name__)

_KINDS: dict[HostPathType, tuple[str, Callable[[int], bool]]] = {
    "Directory": ("directory", stat.S_ISDIR),
    "DirectoryOrCreate": ("directory", stat.S_ISDIR),
    "File": ("file", stat.S_ISREG),
    "FileOrCreate": ("file", stat.S_ISREG),
    "Socket": ("socket file", stat.S_ISSOCK),
    "CharDevice": ("character device", stat.S_ISCHR),
    "BlockDevice": ("block device", stat.S_ISBLK),
}
"""What a hostPath's type asks for, in the kubelet's words."""


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_IN_BOOT = "\nin boot "


def boot_id() -> str:
    """What tells one boot of the host from another; random(4)."""
    return _BOOT_ID.read_text().strip()


class VolumeStore:
    """The volumes of all pods: `disk` for ConfigMaps and emptyDirs, `memory` (on tmpfs) for everything secret."""

    def __init__(self, disk: Path, memory: Path, boot: Callable[[], str] = boot_id) -> None:
        self._disk, self._memory = disk, memory
        self._boot = boot()

    def paths(self, uid: str, hosts: Path) -> PodPaths:
        """A pod's places."""
        return PodPaths(str(self._disk / uid), str(self._memory / uid), str(hosts))

    def digests(self, uid: str) -> dict[str, str]:
        """What is in a pod's volumes, by volume."""
        found = {}
        for root in (self._disk / uid, self._memory / uid):
            for file in root.glob("*.digest"):
                digest, _, boot = file.read_text(errors="replace").partition(_IN_BOOT)
                # A version before this one wrote no boot.
                if boot in ("", self._boot) and (digest.startswith(OUTSIDE) or (root / file.stem).is_dir()):
                    found[file.stem] = digest
        return found

    async def prepare(self, content: VolumeContent) -> None:
        """Have the volume with this content; OrchestratorError says what is in the way."""
        try:
            await asyncio.to_thread(_prepare, content, self._boot)
        except OSError as error:
            raise OrchestratorError(f"cannot write {error.filename or content.directory}: {error.strerror}") from error

    async def resolve(self, op: ResolveSubPath) -> None:
        """Have a subPath; Invalid when it leads out of its volume, OrchestratorError when it is not there."""
        target = Path(op.target) if op.target else None
        try:
            await asyncio.to_thread(prepare_sub_path, Path(op.root), op.sub_path, op.make, target)
        except OSError as error:
            raise OrchestratorError(f"cannot use {error.filename}: {error.strerror}") from error

    async def remove(self, uid: str) -> None:
        """Remove all that a pod had; absent is fine.  What cannot be unmounted stays, until the next daemon tries."""
        for root in (self._disk / uid, self._memory / uid):
            try:
                await asyncio.to_thread(_remove, root)
            except OSError as error:
                log.warning("the files in %s stay: cannot unmount %s: %s", root, error.filename, error.strerror)

    def uids(self) -> set[str]:
        """All pods that have something here."""
        roots = [root for root in (self._disk, self._memory) if root.is_dir()]
        return {
            entry.name for root in roots for entry in root.iterdir() if is_uid(entry.name) and not entry.is_symlink()
        }


def _prepare(content: VolumeContent, boot: str) -> None:
    directory = Path(content.directory)
    if content.host_type is not None:
        _host_path(directory, content.host_type)
    else:
        _make(directory, content.size_bytes)
    if content.files is not None:
        write_atomically(directory, content.files, content.ownership)
    elif content.ownership is not None:
        own_volume(directory, content.ownership)
    note = Path(content.note)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(f"{content.digest}{_IN_BOOT}{boot}")


def _make(directory: Path, size: int | None) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if size is not None and not os.path.ismount(directory):
        try:
            mounts.mount_tmpfs(directory, size)
        except PermissionError:
            log.warning("cannot mount a tmpfs on %s: its size is not limited", directory)
    directory.chmod(0o777)


def _remove(root: Path) -> None:
    mounts.unmount_below(root)
    shutil.rmtree(root, ignore_errors=True)


def _host_path(path: Path, kind: HostPathType) -> None:
    """What hostPath's type asks for; as with the engine, a path of no type is made as a directory."""
    if not path.exists():
        if kind in ("", "DirectoryOrCreate"):
            path.mkdir(mode=0o755, parents=True)
        elif kind == "FileOrCreate":
            # A kubelet fails where the folder is missing; see docs/decisions.md.
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            path.touch(mode=0o644)
    if kind:
        words, holds = _KINDS[kind]
        if not (path.exists() and holds(path.stat().st_mode)):
            raise OrchestratorError(f"hostPath type check failed: {path} is not a {words}")
