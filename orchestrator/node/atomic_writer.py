"""Replaces all files of a projected volume at once, as the kubelet's AtomicWriter does (behaviour cases V01, V02).

    ..2026_01_02_15_04_05.1234567890/a    real files, new ones each time
    ..data -> ..2026_01_02_15_04_05.1234567890
    a -> ..data/a

The swap of `..data` is one rename.  A container may have got write access to the volume (a privileged one can mount it
so) and left links in it: nothing here is opened by a path through the volume, and no link is followed.
"""

import contextlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from orchestrator.node.ownership import own_one, own_tree
from orchestrator.planning.projection import Ownership, ProjectedFile

_DATA, _SWAP = "..data", "..data_tmp"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def write_atomically(directory: Path, files: tuple[ProjectedFile, ...], ownership: Ownership | None = None) -> None:
    """Have exactly these files in a volume; OSError when that cannot be."""
    fresh = time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime()) + f"{secrets.randbelow(10**10):010d}"
    with _opened(directory) as root:
        os.mkdir(fresh, 0o755, dir_fd=root)
        with _opened(fresh, root) as top:
            os.fchmod(top, 0o755)
            for file in files:
                _write(file, top)
        if ownership is not None:
            own_tree(fresh, ownership, root)
            own_one(".", ownership, root)
        _point(_DATA, fresh, root)
        visible = {file.path.split("/", 1)[0] for file in files}
        for name in visible:
            _point(name, f"{_DATA}/{name}", root)
        with os.scandir(root) as entries:
            stale = [entry.name for entry in entries if entry.name not in (*visible, _DATA, fresh)]
        for name in stale:
            _clear(name, root)


def _write(file: ProjectedFile, top: int) -> None:
    *parents, name = file.path.split("/")
    with contextlib.ExitStack() as stack:
        folder = top
        for parent in filter(None, parents):
            with contextlib.suppress(FileExistsError):
                os.mkdir(parent, 0o755, dir_fd=folder)
            folder = stack.enter_context(_opened(parent, folder))
            os.fchmod(folder, 0o755)
        with os.fdopen(os.open(name, _NEW_FILE, 0o600, dir_fd=folder), "wb") as out:
            out.write(file.content)
            os.fchmod(out.fileno(), file.mode)


def _point(name: str, to: str, root: int) -> None:
    """Have `name` as a link to `to`, whatever it is now; another link is replaced by one rename."""
    try:
        if os.readlink(name, dir_fd=root) == to:
            return
    except FileNotFoundError:
        pass
    except OSError:
        _clear(name, root)
    _clear(_SWAP, root)
    os.symlink(to, _SWAP, dir_fd=root)
    os.rename(_SWAP, name, src_dir_fd=root, dst_dir_fd=root)


def _clear(name: str, root: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=root, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=root)
        else:
            os.unlink(name, dir_fd=root)


@contextlib.contextmanager
def _opened(name: str | Path, parent: int | None = None) -> Iterator[int]:
    """A folder's descriptor; a link in its place is an OSError."""
    descriptor = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
