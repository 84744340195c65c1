"""The host's clock may be set while pods run: by a day, where a board without a battery has found the time.

Times are the host's everywhere, as the engine's are.  What a daemon noted and waits for keeps its distance to now.
"""

import asyncio
from collections.abc import Callable

_LEAST = 1.0
"""Seconds; less is a clock that is being trimmed, and harms nothing."""


class ClockSteps:
    """Compares the host's clock with the event loop's, which never jumps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead = self._difference()

    def since_last(self) -> float:
        """By how many seconds the clock was set since this was asked last; 0.0 where it was not."""
        before, self._ahead = self._ahead, self._difference()
        step = self._ahead - before
        return step if abs(step) > _LEAST else 0.0

    def _difference(self) -> float:
        return self._clock() - asyncio.get_running_loop().time()
