"""Lays Debian packages and files of our own into one tar, which an engine imports as an image.

Nothing is unpacked on disk, so it needs no root: owners are set in the tar.  The same input gives the same bytes.
"""

import io
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

MERGED = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into /usr, as on every Debian since 12; older packages still bring files for them."""


class RootFilesystem:
    """A root filesystem on its way into a tar.  Use as a context manager; the tar is whole when it ends."""

    def __init__(self, target: Path) -> None:
        self._tar = tarfile.TarFile(target, "w", format=tarfile.GNU_FORMAT)
        self._seen: set[str] = set()
        for name in MERGED:
            self.folder(f"usr/{name}")
            self.link(name, f"usr/{name}")

    def __enter__(self) -> "RootFilesystem":
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def package(self, deb: Path, keep: Callable[[str], bool]) -> None:
        """Add the files of a .deb whose path (no leading slash, merged into usr/) `keep` wants."""
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(unpacked)) as source:
            for member in source:
                member.name = _merged(member.name)
                if member.islnk():
                    member.linkname = _merged(member.linkname)
                if not member.isdir() and keep(member.name):
                    self._add(member, source.extractfile(member) if member.isreg() else None)

    def files(self, files: Mapping[str, bytes], mode: int = 0o644) -> None:
        """Add files by path."""
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            self._add(entry, io.BytesIO(data))

    def link(self, name: str, to: str) -> None:
        """Add a symbolic link."""
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, to
        self._add(entry)

    def folder(self, name: str, mode: int = 0o755) -> None:
        """Add a folder, and those above it."""
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._add(entry)

    def _add(self, entry: tarfile.TarInfo, data: io.BufferedIOBase | object = None) -> None:
        if entry.name in self._seen:
            return
        parent = str(PurePosixPath(entry.name).parent)
        if parent != ".":
            self.folder(parent)
        self._seen.add(entry.name)
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = "root"
        self._tar.addfile(entry, data)  # type: ignore[arg-type]


def _merged(name: str) -> str:
    path = PurePosixPath(name.removeprefix("./"))
    return str("usr" / path if path.parts and path.parts[0] in MERGED else path)
