"""Volumes on the host: directories that containers mount, and files in them that change all at once.

A projected volume is real files in a time-stamped directory, a `..data` symlink to it that is swapped by rename, and
the visible names as symlinks through `..data` (as the kubelet's AtomicWriter; behaviour cases V01, V02).  Beside each
volume stands `<volume>.digest`, which says after a daemon restart what is in it.
"""

import asyncio
import os
import secrets
import shutil
import stat
import time
from pathlib import Path

from orchestrator.errors import Invalid, OrchestratorError
from orchestrator.objects.volumes import HostPathType
from orchestrator.planning.projection import ProjectedFile, VolumeContent
from orchestrator.planning.surroundings import PodPaths

_DATA = "..data"


class VolumeStore:
    """The volumes of all pods: `disk` for ConfigMaps and emptyDirs, `memory` (on tmpfs) for everything secret."""

    def __init__(self, disk: Path, memory: Path) -> None:
        self._disk, self._memory = disk, memory

    def paths(self, uid: str, hosts: Path) -> PodPaths:
        """A pod's places."""
        return PodPaths(str(self._disk / uid), str(self._memory / uid), str(hosts))

    def digests(self, uid: str) -> dict[str, str]:
        """What is in a pod's volumes, by volume."""
        found = {}
        for root in (self._disk / uid, self._memory / uid):
            for file in root.glob("*.digest"):
                if (root / file.stem).is_dir():
                    found[file.stem] = file.read_text()
        return found

    async def prepare(self, content: VolumeContent) -> None:
        """Have the volume with this content; OrchestratorError says what is in the way."""
        try:
            await asyncio.to_thread(_prepare, content)
        except OSError as error:
            raise OrchestratorError(f"cannot write {error.filename or content.directory}: {error.strerror}") from error

    async def resolve(self, root: str, sub_path: str, make: bool) -> None:
        """Have `root/sub_path`, made where it may be; Invalid when it leads out of `root`."""
        try:
            await asyncio.to_thread(_resolve, Path(root), sub_path, make)
        except OSError as error:
            raise OrchestratorError(f"cannot use {error.filename}: {error.strerror}") from error

    async def remove(self, uid: str) -> None:
        """Remove all that a pod had; absent is fine."""
        for root in (self._disk / uid, self._memory / uid):
            await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)

    def uids(self) -> set[str]:
        """All pods that have something here."""
        return {entry.name for root in (self._disk, self._memory) if root.is_dir() for entry in root.iterdir()}


def _prepare(content: VolumeContent) -> None:
    directory = Path(content.directory)
    if content.host_type is not None:
        _host_path(directory, content.host_type)
        return
    directory.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory.mkdir(exist_ok=True)
    if content.files is None:
        directory.chmod(0o777)
    else:
        directory.chmod(0o755)
        write_atomically(directory, content.files)
    directory.with_name(f"{directory.name}.digest").write_text(content.digest)


def write_atomically(directory: Path, files: tuple[ProjectedFile, ...]) -> None:
    """Replace all files of a projected volume at once."""
    stamp = time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime())
    fresh = directory / f"{stamp}{secrets.randbelow(10**10):010d}"
    fresh.mkdir(mode=0o755)
    fresh.chmod(0o755)
    for file in files:
        path = fresh / file.path
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    data, swap = directory / _DATA, directory / "..data_tmp"
    swap.unlink(missing_ok=True)
    swap.symlink_to(fresh.name)
    swap.rename(data)
    visible = {file.path.split("/", 1)[0] for file in files}
    for name in visible:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{_DATA}/{name}")
    for entry in directory.iterdir():
        if entry.name.startswith("..2") and entry != fresh:
            shutil.rmtree(entry, ignore_errors=True)
        elif not entry.name.startswith("..") and entry.name not in visible:
            entry.unlink(missing_ok=True)


def _host_path(path: Path, kind: HostPathType) -> None:
    """What hostPath's type asks for; as with the engine, a path of no type is made as a directory."""
    if kind in ("", "DirectoryOrCreate"):
        if not path.exists():
            path.mkdir(mode=0o755, parents=True)
    elif kind == "FileOrCreate" and not path.exists():
        path.touch(mode=0o644)
    checks = {
        "Directory": stat.S_ISDIR,
        "DirectoryOrCreate": stat.S_ISDIR,
        "File": stat.S_ISREG,
        "FileOrCreate": stat.S_ISREG,
        "Socket": stat.S_ISSOCK,
        "CharDevice": stat.S_ISCHR,
        "BlockDevice": stat.S_ISBLK,
    }
    if kind and not (path.exists() and checks[kind](path.stat().st_mode)):
        raise OrchestratorError(f"hostPath type check failed: {path} is not a {kind.removesuffix('OrCreate').lower()}")


def _resolve(root: Path, sub_path: str, make: bool) -> None:
    target = Path(os.path.realpath(root / sub_path))
    if not target.is_relative_to(os.path.realpath(root)):
        raise Invalid(f"subPath {sub_path!r} leads out of its volume")
    if make and not target.exists():
        target.mkdir(mode=0o777, parents=True)
    if not target.exists():
        raise OrchestratorError(f"subPath {sub_path!r} is not in the volume")
