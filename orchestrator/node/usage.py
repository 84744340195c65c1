"""How much is in a folder: du(1) counts, outside of the process, so that a million files hold up no probe."""

import asyncio
import logging
from collections.abc import Iterable

from orchestrator.planning.usage import Limit

log = logging.getLogger(__name__)

_SECONDS = 60.0


async def first_exceeded(limits: Iterable[Limit]) -> str:
    """What is told of the first limit that is exceeded, "" when none is."""
    for limit in limits:
        if await _used(limit.directory) > limit.size:
            return limit.exceeded()
    return ""


async def _used(directory: str) -> int:
    """Bytes on disk below a folder; 0 where they cannot be counted."""
    quiet = asyncio.subprocess.DEVNULL
    try:
        counting = await asyncio.create_subprocess_exec(
            "du", "-sxB1", "--", directory, stdin=quiet, stdout=asyncio.subprocess.PIPE, stderr=quiet
        )
    except OSError as error:
        log.debug("cannot count what is in %s: %s", directory, error)
        return 0
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await counting.communicate()
    except TimeoutError:
        counting.kill()
        await counting.wait()
        return 0
    # Files that go while they are counted make its exit code 1; the sum is there all the same.
    first, _, _ = output.partition(b"\t")
    return int(first) if first.isdigit() else 0
