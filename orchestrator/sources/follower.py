"""Reads the watcher in a task of its own, so that whoever waits for the next snapshot may give up waiting."""

import asyncio
import logging
from collections.abc import Callable

from orchestrator import logs
from orchestrator.sources.settle import RETURNING
from orchestrator.sources.watcher import Snapshot, SpecWatcher

log = logging.getLogger(__name__)

_RETRY = 2.0
"""Seconds until the folder is watched anew after something that should not happen."""


class Follower:
    """The newest snapshot of one watcher; older ones that nobody asked for in time are passed over."""

    def __init__(self, watcher: SpecWatcher) -> None:
        self._watcher = watcher
        self._snapshots = watcher.snapshots()
        self._newest: Snapshot | None = None
        self._news = asyncio.Event()
        self._at_rest = asyncio.Event()
        """Set while whoever asks for snapshots has had the newest, and waits for another."""

    async def first(self) -> Snapshot:
        """Give what the folder says at start; to be called once, before `run`."""
        return await anext(self._snapshots)

    async def run(self) -> None:
        """Read for ever."""
        while True:
            try:
                async for snapshot in self._snapshots:
                    self._newest = snapshot
                    self._at_rest.clear()
                    self._news.set()
            except Exception as error:
                logs.surprise(log, "cannot follow the specs, trying again", error)
            await asyncio.sleep(_RETRY)
            self._snapshots = self._watcher.snapshots()

    @property
    def has_news(self) -> bool:
        """Whether there is a snapshot that was not given yet: `next` gives it at once."""
        return self._news.is_set()

    async def wait(self) -> None:
        """Wait for a snapshot that was not given yet, while `run` runs; it is not given thereby."""
        if not self._news.is_set():
            self._at_rest.set()
        await self._news.wait()

    async def next(self) -> Snapshot:
        """Wait for a snapshot that was not given yet, while `run` runs, and give it."""
        await self.wait()
        self._news.clear()
        assert self._newest is not None
        return self._newest

    async def look_again(self) -> None:
        """Let the folder be read at once; returns when whoever asks for snapshots has done with what it says."""
        await self._watcher.look_again()
        await self._at_rest.wait()

    async def after_empty_start(
        self,
        first: Snapshot,
        delay: float,
        tell: Callable[[Snapshot], None],
        remembers: Callable[[], bool] = lambda: False,
    ) -> Snapshot:
        """Give what to begin with where the specs are empty and pods run: most likely a disk that is not mounted yet.

        That is what the folder says after `delay` seconds, or as soon as files are there and have come to rest; what
        has errors only where an earlier daemon's word stands in for it (`remembers`).  Each snapshot that is not
        believed yet is handed to `tell`.
        """
        clock = asyncio.get_running_loop().time
        newest, until = first, clock() + delay
        while True:
            tell(newest)
            try:
                async with asyncio.timeout_at(until if not newest.errors or remembers() else None):
                    newest = await self.next()
            except TimeoutError:
                return newest
            until = clock() + (delay if newest.bare else RETURNING)
