"""How much is in folders: du(1) counts, outside of the process, so that a million files hold up no probe."""

import asyncio
import glob
import logging
from collections.abc import Iterable
from pathlib import Path

from orchestrator.planning.usage import Limit

log = logging.getLogger(__name__)

_SECONDS = 60.0


async def first_exceeded(limits: Iterable[Limit]) -> str:
    """What is told of the first limit that is exceeded, "" when none is."""
    for limit in limits:
        if await used(limit.places) > limit.size:
            return limit.words
    return ""


async def used(places: Iterable[str]) -> int:
    """Bytes on disk in all these places; what cannot be counted is 0."""
    found = [path for place in places for path in _paths(place)]
    if not found:
        return 0
    quiet = asyncio.subprocess.DEVNULL
    try:
        counting = await asyncio.create_subprocess_exec(
            "du", "-scxB1", "--", *found, stdin=quiet, stdout=asyncio.subprocess.PIPE, stderr=quiet
        )
    except OSError as error:
        log.debug("cannot count what is in %s: %s", found, error)
        return 0
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await counting.communicate()
    except TimeoutError:
        counting.kill()
        await counting.wait()
        return 0
    # Files that go while they are counted make its exit code 1; the sum is there all the same.
    total = output.rstrip().rpartition(b"\n")[2].partition(b"\t")[0]
    return int(total) if total.isdigit() else 0


def _paths(place: str) -> list[str]:
    if not place.endswith("*"):
        return [place]
    file = Path(place[:-1])
    return [str(found) for found in file.parent.glob(f"{glob.escape(file.name)}*")]
