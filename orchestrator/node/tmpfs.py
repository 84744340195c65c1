"""Secrets live in memory only: makes sure that a folder is on tmpfs, and takes away what it made.

/run is tmpfs on most hosts, and then there is nothing to do.  Elsewhere root gets a small tmpfs mounted there.
"""

import asyncio
import logging
from pathlib import Path

from orchestrator.node.mounts import SOURCE, mounts

log = logging.getLogger(__name__)

SECONDS = 10.0
_IN_MEMORY = ("tmpfs", "ramfs")


async def ensure_in_memory(folder: Path) -> bool:
    """Have the folder (0700) on tmpfs; says whether it is.  Where it cannot be, one warning says so."""
    _make_private(folder)
    if filesystem_of(folder) in _IN_MEMORY:
        return True
    code, words = await _run("mount", "-t", "tmpfs", "-o", "mode=0700,nosuid,nodev,noexec", SOURCE, str(folder))
    if code == 0:
        return True
    log.warning("secrets will be on disk: %s is not on tmpfs, and one cannot be mounted: %s", folder, words)
    return False


async def release(folder: Path) -> None:
    """Unmount what `ensure_in_memory` mounted; nothing when it did not."""
    if _mount_point_of(folder) == folder:
        await _run("umount", str(folder))


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def filesystem_of(path: Path) -> str:
    """The type of the file system that a path lies on ("tmpfs", "ext4")."""
    return _deepest_mount(path)[1]


def _mount_point_of(path: Path) -> Path:
    return _deepest_mount(path)[0]


def _deepest_mount(path: Path) -> tuple[Path, str]:
    path = path.resolve()
    over = [found for found in mounts() if path.is_relative_to(found[0])]
    # Where several are mounted at one place, the last hides the others.
    return max(reversed(over), key=lambda found: len(found[0].parts), default=(Path("/"), "unknown"))


async def _run(*argv: str) -> tuple[int, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        return 1, str(error)
    try:
        async with asyncio.timeout(SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        return 1, "it took too long"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace").strip()
