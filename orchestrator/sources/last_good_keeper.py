"""Keeps what the specs say, beside the loop, each time that the daemon has applied them."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from orchestrator.sources.last_good_files import LastGoodFiles
from orchestrator.sources.located import Sourced

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0
"""Until what could not be written is tried again, when no edit comes first."""


class LastGoodKeeper:
    """The newest objects wait to be written; older ones that were not written in time are passed over."""

    def __init__(self, files: LastGoodFiles) -> None:
        self.files = files
        self._newest: tuple[tuple[Sourced, ...], frozenset[str]] = ((), frozenset())
        self._news = asyncio.Event()

    def keep(self, objects: Iterable[Sourced], partly: Iterable[str] = ()) -> None:
        """Have these written soon, as `LastGoodFiles.keep` does; from now on nothing is recalled."""
        self.files.begun = True
        self._newest = tuple(objects), frozenset(partly)
        self._news.set()

    async def run(self) -> None:
        """Write for ever.  A disk that refuses is told of once, and tried again."""
        failing = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS if failing else None):
                    await self._news.wait()
            self._news.clear()
            try:
                await asyncio.to_thread(self.files.keep, *self._newest)
            except OSError as error:
                if not failing:
                    log.warning("cannot keep what the specs say now for the next start: %s", error)
                failing = True
            else:
                failing = False
