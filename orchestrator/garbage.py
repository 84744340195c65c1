"""Keeps the pauses of Python's cycle collector short: the loop stands still while it looks at every object.

With 500 pods a full collection takes 150 ms, and finds next to nothing: what a daemon keeps, it keeps long.  So what
has survived one full collection is set aside (`gc.freeze`) and not looked at again, but for one thorough collection an
hour.  Reference counting frees nearly all of it all the same; only cycles that die later wait for that hour.
"""

import asyncio
import gc
import time
from collections.abc import Mapping

THOROUGH = 3600.0
"""Seconds between two collections that look at everything."""
_OLDEST = 2


async def keep_pauses_short(*built: asyncio.Event) -> None:
    """Begin when all of this has happened: what the daemon keeps is there then."""
    for each in built:
        await each.wait()
    ShortPauses().begin()


class ShortPauses:
    """From `begin` to `end` full collections look only at what came since the last one.  A process needs one."""

    def __init__(self) -> None:
        self._thorough_at = 0.0

    def begin(self) -> None:
        """Set aside what is there now; call it when what the daemon keeps has been built."""
        self._thorough_at = time.monotonic() + THOROUGH
        gc.collect()
        gc.freeze()
        if self._collected not in gc.callbacks:
            gc.callbacks.append(self._collected)
        # The interpreter waits with the next full collection until a quarter of what the last one kept is new.
        gc.collect()

    def end(self) -> None:
        """Be as every Python process is."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)
        gc.unfreeze()

    def _collected(self, phase: str, info: Mapping[str, int]) -> None:
        if info["generation"] != _OLDEST:
            return
        if phase == "stop":
            gc.freeze()
        elif time.monotonic() >= self._thorough_at:
            self._thorough_at = time.monotonic() + THOROUGH
            gc.unfreeze()
