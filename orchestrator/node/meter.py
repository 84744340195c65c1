"""What containers use now, for whoever asks.

CPU takes two looks.  The second one of a question serves as the first of the next, if that comes soon; a question that
comes out of the blue waits for a second between two looks.  While nobody asks, nothing is read.
"""

import asyncio
from collections.abc import Callable, Iterable

from orchestrator.node.cgroups import read_all
from orchestrator.planning.consumption import Consumption, Process, Readings, consumption

_SHORTEST, _LONGEST = 1.0, 60.0
"""Seconds between two looks that are compared."""


class Meter:
    """One for all who ask."""

    def __init__(self, processes: Callable[[], Iterable[Process]], clock: Callable[[], float]) -> None:
        """`processes` are those to look at; `clock` gives Unix seconds."""
        self._processes = processes
        self._clock = clock
        self._last: Readings | None = None
        self._told: Consumption | None = None
        self._looking = asyncio.Lock()

    async def now(self) -> Consumption:
        """Give what is used now."""
        async with self._looking:
            if self._told is not None and 0 <= self._clock() - self._told.at < _SHORTEST:
                return self._told
            before = self._last
            if before is None or not _SHORTEST <= self._clock() - before.at <= _LONGEST:
                before = await self.look()
                await asyncio.sleep(_SHORTEST)
            after = self._last = await self.look()
            self._told = consumption(before, after)
            return self._told

    async def look(self) -> Readings:
        """Read the counters, beside the loop: hundreds of small files take tens of milliseconds."""
        return await asyncio.to_thread(read_all, tuple(self._processes()), self._clock())
