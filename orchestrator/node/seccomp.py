"""The host's own seccomp profiles: files of JSON that the engine is given as they are when a container is made."""

import asyncio
from pathlib import Path

from orchestrator.errors import OrchestratorError

_MOST = 2**20
"""Bytes; Docker's own profile has twelve thousand."""


async def with_profile(options: tuple[str, ...], file: str) -> tuple[str, ...]:
    """Add a profile to the engine's security options; OrchestratorError when it cannot be read."""
    try:
        text = await asyncio.to_thread(_read, Path(file))
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is not text"
        raise OrchestratorError(f'cannot load seccomp profile "{file}": {why}') from error
    return (*options, f"seccomp={text}")


def _read(file: Path) -> str:
    if not file.is_file() and file.exists():
        raise OSError(0, "it is not a file")
    with file.open("rb") as profile:
        data = profile.read(_MOST + 1)
    if len(data) > _MOST:
        raise OSError(0, "it is larger than 1 MiB")
    return data.decode()
