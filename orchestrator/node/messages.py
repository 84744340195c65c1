"""Termination messages: a container's last words, from its file or from the end of its log (behaviour case L12)."""

import asyncio
import errno
import logging
import os
import re
from pathlib import Path

from orchestrator.engine.base import Engine
from orchestrator.errors import OrchestratorError, Unavailable
from orchestrator.objects.container import Container
from orchestrator.planning.observed import SeenContainer

log = logging.getLogger(__name__)

MAX_FILE = 4096
MAX_LOG = 2048
LOG_LINES = 80
_SECONDS = 10.0
_AT_ONCE = 5.0
"""Seconds within which a container ends whose program the kernel refuses; it takes milliseconds."""
_NOT_EXECUTED = (1, 126, 127, 255)
"""Exit codes that runtimes give then."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_EXEC_FORMAT = re.compile(r"\bexec (\S+|user process caused): exec format error\s*\Z")


async def prepare_message(path: Path) -> bool:
    """Have the empty file, writable by whatever user runs in the container; OrchestratorError when it cannot be.

    Gives False on a disk that takes nothing: a container is worth more than its last words.
    """
    try:
        await asyncio.to_thread(_prepare, path)
    except OSError as error:
        text = f"cannot write {error.filename or path}: {error.strerror}"
        if error.errno not in _NO_ROOM:
            raise OrchestratorError(text) from error
        log.warning("%s; the container starts, and its termination message is lost", text)
        return False
    return True


async def read_message(engine: Engine, path: Path, spec: Container, ended: SeenContainer) -> str:
    """What a container that ended has left: the last 4,096 bytes of its file, else (if asked) the end of its log."""
    text = await asyncio.to_thread(_read, path)
    failed = ended.exit_code != 0 and ended.phase == "exited"
    if text or not failed or spec.termination_message_policy != "FallbackToLogsOnError":
        return text
    read = b""
    try:
        async with asyncio.timeout(_SECONDS):
            async for _, chunk in engine.logs(ended.id, tail=LOG_LINES):
                read = (read + chunk)[-MAX_LOG:]
    except Unavailable:
        raise
    except (OrchestratorError, TimeoutError) as error:
        return f"the log cannot be read: {error}"
    return read.decode(errors="replace")


async def not_executable(engine: Engine, spec: Container, ended: SeenContainer, asked: str, platform: str) -> str:
    """Why a container that failed at once could not be executed on this host's `platform`; "" where that is not why.

    `asked` is the platform that its pod asks for, "" for none.  The runtime says so in the container's log, as if the
    program had; the kubelet leaves it there.
    """
    at_once = ended.finished_at - ended.started_at < _AT_ONCE
    if ended.exit_code not in _NOT_EXECUTED or ended.phase != "exited" or not at_once:
        return ""
    said = b""
    try:
        async with asyncio.timeout(_SECONDS):
            async for _, chunk in engine.logs(ended.id, tail=1):
                said = (said + chunk)[-MAX_LOG:]
        if not _EXEC_FORMAT.search(said.decode(errors="replace")):
            return ""
        image = await engine.image(ended.image_id, asked)
    except Unavailable:
        raise
    except (OrchestratorError, TimeoutError):
        return ""
    if image.platform.split("/")[:2] == platform.split("/")[:2]:
        return f'exec format error: the program that image "{spec.image}" starts is none for {platform}'
    return f'exec format error: image "{spec.image}" is for {image.platform}, and this host runs {platform}'


def _prepare(path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(0o666)
    _collect(path)


def _collect(newest: Path) -> None:
    """Remove the files of attempts whose containers are no longer kept: all but this one and the one before."""
    name, _, attempt = newest.name.rpartition("_")
    for other in newest.parent.glob(f"{name}_*"):
        if int(other.name.rpartition("_")[2]) < int(attempt) - 1:
            other.unlink(missing_ok=True)


def _read(path: Path) -> str:
    """The file's end, as the kubelet reads it: the last words are what counts."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - MAX_FILE, 0))
            return file.read(MAX_FILE).decode(errors="replace")
    except OSError:
        return ""
