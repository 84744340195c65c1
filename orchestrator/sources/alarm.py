"""Rings when something changes in watched folders.  A thin wrapper of watchfiles (inotify), in a thread of its own.

Its asynchronous form would import anyio, which is a megabyte for one thread.

Folders are watched one by one, not as trees: the set follows what the last scan found, and is armed anew whenever a
watched folder was replaced, as a watch on a folder that is gone is silent for ever.
"""

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath

from watchfiles import Change, watch

_STEP_MS = 40
"""How long watchfiles waits for one more event before it hands out a batch; it wakes up as often for ever."""
_BATCH_MS = 40
_ARMING = 0.01
"""Seconds in which a watch that cannot be made says so."""

Folders = Mapping[str, tuple[int, int]]
"""Absolute path -> (device, inode)."""


class Alarm:
    """One watch at a time.  `failure` says in words why there is none, "" while all is well."""

    def __init__(self) -> None:
        self.failure = ""
        self._rings = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._folders: Folders = {}
        self._extra: frozenset[str] = frozenset()
        self._stale = False
        # One watches; another may be about to notice that it is to stop.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="spec alarm")

    async def arm(self, folders: Folders, extra: frozenset[str]) -> bool:
        """Watch these folders; True if the watch was made anew, and so may have missed something.

        Every change in `folders` rings, except in those whose inode is unknown (0, 0): there only the paths in `extra`
        do.
        """
        self._extra = extra
        if self._task is not None and not self._stale and not self._task.done() and folders == self._folders:
            return False
        await self.disarm()
        self._folders, self._stale, self.failure = dict(folders), False, ""
        self._task = asyncio.create_task(self._watch(), name="spec alarm")
        await asyncio.wait({self._task}, timeout=_ARMING)
        return True

    async def disarm(self) -> None:
        """Stop watching."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def ring(self) -> None:
        """Ring without a change."""
        self._rings.set()

    async def wait(self) -> None:
        """Wait for the next ring."""
        await self._rings.wait()
        self._rings.clear()

    async def _watch(self) -> None:
        stop = threading.Event()
        changes = watch(
            *self._folders,
            watch_filter=None,
            step=_STEP_MS,
            debounce=_BATCH_MS,
            stop_event=stop,
            recursive=False,
            force_polling=False,
            ignore_permission_denied=False,  # True would hide every other failure too
        )
        loop = asyncio.get_running_loop()
        try:
            while batch := await loop.run_in_executor(self._threads, next, changes, None):
                self._stale |= any(path in self._folders and change is not Change.modified for change, path in batch)
                if any(self._concerns(path) for _, path in batch):
                    self._rings.set()
        except FileNotFoundError:
            self._stale = True
            self._rings.set()
        except (OSError, RuntimeError) as failure:
            self.failure = _words(failure)
            self._rings.set()
        finally:
            stop.set()

    def _concerns(self, path: str) -> bool:
        folder = str(PurePath(path).parent)
        return path in self._extra or path in self._folders or self._folders.get(folder, (0, 0)) != (0, 0)


def _words(failure: Exception) -> str:
    text = str(failure).splitlines()[0]
    if "watch limit" in text:
        return "the limit of inotify watches is reached, raise fs.inotify.max_user_watches"
    if "os error 24" in text:
        return "the limit of inotify instances or open files is reached, raise fs.inotify.max_user_instances"
    return text
