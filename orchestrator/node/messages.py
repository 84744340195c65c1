"""Termination messages: a container's last words, from its file or from the end of its log (behaviour case L12)."""

import asyncio
from pathlib import Path

from orchestrator.engine.base import Engine
from orchestrator.errors import OrchestratorError, Unavailable
from orchestrator.objects.container import Container
from orchestrator.planning.observed import SeenContainer

MAX_FILE = 4096
MAX_LOG = 2048
LOG_LINES = 80
_SECONDS = 10.0


async def prepare_message(path: Path) -> None:
    """Have the empty file, writable by whatever user runs in the container; OrchestratorError when it cannot be."""
    try:
        await asyncio.to_thread(_prepare, path)
    except OSError as error:
        raise OrchestratorError(f"cannot write {error.filename or path}: {error.strerror}") from error


async def read_message(engine: Engine, path: Path, spec: Container, ended: SeenContainer) -> str:
    """What a container that ended has left: at most 4,096 bytes of its file, else (if asked) the end of its log."""
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


def _prepare(path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(0o666)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE).decode(errors="replace")
    except OSError:
        return ""
