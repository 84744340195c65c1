"""Follows spec files for ever, and says what is wanted after every edit.

The way of an edit: the alarm rings, `Quiet` waits until the writer has stopped, a scan by stat finds what changed, the
loader reads just that, and `Settler` decides what it means.  A slow look every `poll_interval` catches whatever no
alarm tells of (a network file system, a link far away).
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.sources import files
from orchestrator.sources.alarm import Alarm
from orchestrator.sources.files import Scan
from orchestrator.sources.last_good import LastGood
from orchestrator.sources.located import FileLoad, Located, Sourced
from orchestrator.sources.quiet import Quiet
from orchestrator.sources.settle import Settled, Settler
from orchestrator.sources.yaml_loader import Loader

BLIND_INTERVAL = 0.5
"""Seconds between looks while nothing can ring."""
REARM_INTERVAL = 30.0
"""Seconds until the alarm is tried again after it failed."""
CANNOT_WATCH = "cannot watch the spec folders"
"""What the notice of a blind watcher begins with."""


Recall = Callable[[Iterable[str], Mapping[str, str]], Mapping[str, LastGood] | None]
"""What an earlier daemon remembers of the files below these paths; None once its word counts no more.

The second argument are the files that are there, each with its root."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is wanted now, and what is to be told.

    A broken file's last good objects are among `objects`, and its errors among `problems`.  `changed` are the files
    whose objects differ from the snapshot before.  `notices` are sentences about the folders themselves.  `empty` are
    the paths, of those that were asked for, under which there is no spec file.  `unknown` are those that were wrong at
    the start, and are, and of which not all is known that they said before; `partly` are files of whose last good
    version only a part can be had.
    """

    objects: tuple[Sourced, ...]
    problems: tuple[Located, ...]
    changed: frozenset[str]
    notices: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()

    @property
    def bare(self) -> bool:
        """Whether it looks like an accident: a path without any file, or no object at all."""
        return bool(self.empty) or not self.objects

    @property
    def errors(self) -> tuple[Located, ...]:
        """The problems that are errors."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the disk found, and where to watch from now on (see `Alarm.arm`).

    `last_good` is what an earlier daemon remembers, asked for where something is wrong.
    """

    scan: Scan
    loads: dict[str, FileLoad]
    last_good: Mapping[str, LastGood] | None
    folders: dict[str, tuple[int, int]]
    extra: frozenset[str]


class SpecWatcher:
    """Watches files and folders.  `empty_folder_delay` and `poll_interval` are seconds."""

    def __init__(
        self,
        paths: Iterable[str | Path],
        *,
        empty_folder_delay: float = 10.0,
        poll_interval: float = 2.0,
        recall: Recall = lambda _paths, _there: None,
    ) -> None:
        """`recall` blocks, and is asked in a thread."""
        self._recall = recall
        self._paths = [str(path) for path in paths]
        self._poll_interval = poll_interval
        self._loader = Loader(lenient=True)
        self._settler = Settler(empty_folder_delay)
        self._quiet = Quiet()
        self._asked = asyncio.Event()
        self._looked = asyncio.Event()
        self._alarm = Alarm()
        self._alarm_failed_at: float | None = None

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        """Give what is wanted now, at once, and again after every change of it.

        Close the iterator (`contextlib.aclosing`) to stop watching.
        """
        clock = asyncio.get_running_loop().time
        alarm = self._alarm = Alarm()
        last: Snapshot | None = None
        try:
            while True:
                self._quiet.clear()
                asked = self._asked.is_set()
                self._asked.clear()
                if asked:
                    self._loader.forget()
                look = await asyncio.to_thread(self._look)
                settled = self._settler.settle(look.scan, look.loads, clock(), look.last_good)
                await self._arm(alarm, look, clock())
                empty = tuple(path for path in self._paths if path not in look.scan.roots.values())
                snapshot = _snapshot(settled, (*settled.notices, *self._alarm_notices(alarm)), empty, last)
                if last is None or _differs(snapshot, last):
                    yield snapshot
                    last = snapshot
                if asked:
                    self._looked.set()
                await self._sleep(alarm, look.scan, settled.check_at)
        finally:
            await alarm.disarm()

    async def look_again(self) -> None:
        """Read all files at once, whatever was heard or not; returns when what was found has been given."""
        self._looked.clear()
        self._asked.set()
        self._alarm.ring()
        await self._looked.wait()

    async def _sleep(self, alarm: Alarm, scan: Scan, check_at: float | None) -> None:
        """Wait until there is a reason to look: a burst that is over, a decision or a broken alarm that is due."""
        clock = asyncio.get_running_loop().time
        poll_at = clock() + self._interval(alarm)
        rearm_at = None if self._alarm_failed_at is None else self._alarm_failed_at + REARM_INTERVAL
        while True:
            due = self._quiet.due
            reasons = [moment for moment in (due, check_at, rearm_at) if moment is not None]
            if reasons and clock() >= min(reasons):
                return
            if clock() >= poll_at:
                if due is None and await asyncio.to_thread(files.scan, self._paths) != scan:
                    self._quiet.touched(clock())
                poll_at = clock() + self._interval(alarm)
                continue
            try:
                async with asyncio.timeout_at(min(poll_at, *reasons) if reasons else poll_at):
                    await alarm.wait()
                self._quiet.touched(clock())
            except TimeoutError:
                continue

    async def _arm(self, alarm: Alarm, look: _Look, now: float) -> None:
        """Let the alarm watch what the look found; after a new watch, look once more for what it may have missed."""
        if self._alarm_failed_at is not None and now - self._alarm_failed_at < REARM_INTERVAL:
            return
        if await alarm.arm(look.folders, look.extra):
            self._quiet.touched(now)
        self._alarm_failed_at = None

    def _alarm_notices(self, alarm: Alarm) -> tuple[str, ...]:
        if not alarm.failure:
            return ()
        if self._alarm_failed_at is None:
            self._alarm_failed_at = asyncio.get_running_loop().time()
        return (f"{CANNOT_WATCH} ({alarm.failure}): looking every {BLIND_INTERVAL:g} s instead",)

    def _interval(self, alarm: Alarm) -> float:
        return min(BLIND_INTERVAL, self._poll_interval) if alarm.failure else self._poll_interval

    def _look(self) -> _Look:
        """Scan and read; blocks, so it runs in a thread."""
        scan = files.scan(self._paths)
        loads = self._loader.refresh(scan)
        last_good = self._recall(self._paths, scan.roots) if _is_wrong(scan, loads) else None
        return _Look(scan, loads, last_good, *_watched(self._paths, scan))


def _is_wrong(scan: Scan, loads: Mapping[str, FileLoad]) -> bool:
    """Whether somebody may have to know what the files said before."""
    keys = [sourced.key for loaded in loads.values() for sourced in loaded.objects]
    empty = any(not stamp.size for stamp in scan.files.values())
    broken = any(loaded.broken for loaded in loads.values())
    return bool(scan.troubles) or empty or broken or len(set(keys)) < len(keys)


def _watched(roots: list[str], scan: Scan) -> tuple[dict[str, tuple[int, int]], frozenset[str]]:
    """Give the folders to watch, and the paths that matter in those that are not spec folders themselves.

    A root's parent is watched too, to see it replaced or come back, and so are the folders that links lead to.
    """
    real = {os.path.realpath(path) for path in itertools.chain(scan.files, scan.folders)}
    folders = {str(Path(path).parent): (0, 0) for path in real}
    extra = set(real)
    for root in roots:
        place = Path(root).absolute()
        ancestors = list(place.parents)
        nearest = next((index for index, folder in enumerate(ancestors) if _is_folder(folder)), 0)
        folders.setdefault(str(ancestors[nearest]), (0, 0))
        extra |= {str(place), *map(str, ancestors[:nearest])}
    folders.update({str(Path(path).absolute()): identity for path, identity in scan.folders.items()})
    readable = {path: identity for path, identity in folders.items() if os.access(path, os.R_OK)}
    return readable, frozenset(extra)


def _is_folder(path: Path) -> bool:
    """Whether it is one that we may look into; a disk that is in trouble is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _snapshot(settled: Settled, notices: tuple[str, ...], empty: tuple[str, ...], last: Snapshot | None) -> Snapshot:
    before = _by_file(last.objects if last else ())
    after = _by_file(settled.objects)
    changed = frozenset(file for file in {*before, *after} if before.get(file) != after.get(file))
    return Snapshot(settled.objects, settled.problems, changed, notices, empty, settled.unknown, settled.partly)


def _by_file(objects: Iterable[Sourced]) -> dict[str, list[Sourced]]:
    found: dict[str, list[Sourced]] = {}
    for sourced in objects:
        found.setdefault(sourced.file, []).append(sourced)
    return found


def _differs(new: Snapshot, old: Snapshot) -> bool:
    told = (new.problems, new.notices, new.empty, new.unknown) != (old.problems, old.notices, old.empty, old.unknown)
    return bool(new.changed) or told
