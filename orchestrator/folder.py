"""What the spec folder says becomes what is wanted: the first time, after every edit, and when somebody asks for it.

Where the specs are empty at start and pods of an earlier daemon run, nothing is applied until that was told for a
while.  What is wrong stays as it was, and is told.  While it is not known what a file said that was wrong at the start,
pods of an earlier daemon that no file has are not deleted: they may be that file's.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator import logs
from orchestrator.admission import admitted, wanted_now
from orchestrator.api.status import Problem
from orchestrator.metrics import Counter
from orchestrator.node.claims import ClaimKeeper
from orchestrator.node.inventory import known_pods
from orchestrator.planning.namespaces import implied_namespaces
from orchestrator.roots import either
from orchestrator.sources.follower import Follower
from orchestrator.sources.last_good_keeper import LastGoodKeeper
from orchestrator.sources.located import Located
from orchestrator.sources.rules import Rules
from orchestrator.sources.watcher import Snapshot
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import IMPLIED, SPECS, Desired, Key, Object, Refused, Store, key_of

log = logging.getLogger(__name__)

RELOAD_SECONDS = 60.0
"""How long a reload waits for a folder that does not come to rest."""
RETRY_SECONDS = 5.0
"""How long until what was refused is asked for again where nobody tells that its holder went (a route of the host)."""


class SpecFolder:
    """The way from snapshots of the folder to the store."""

    def __init__(
        self,
        specs: tuple[Path, ...],
        rules: Rules,
        empty_delay: float,
        store: Store,
        claims: ClaimKeeper,
        journal: Journal,
        recorder: EventRecorder,
        reloads: Counter,
    ) -> None:
        """`rules`: what every namespace asks of pods; `empty_delay`: seconds in which no empty folder is believed."""
        self.problems: tuple[Problem, ...] = ()
        self.left_behind: frozenset[Key] = frozenset()
        """Pods of an earlier daemon."""
        self.applied = asyncio.Event()
        """Set once the folder was applied for the first time."""
        self._specs = specs
        self._empty_delay = empty_delay
        self._store = store
        self._claims = claims
        self._journal = journal
        self._recorder = recorder
        self._rules = rules
        self._refused: frozenset[Refused] = frozenset()
        self._held: dict[Key, Desired] = {}
        """Pods that no file has, and that go on as the journal has them."""
        self.incomplete = False
        """Whether more than the files say may be wanted: what an earlier daemon left behind is not ours to end."""
        self.completed: Callable[[], None] = lambda: None
        """Called when that is over."""
        self._waiting = False
        """Something of the last load may be taken later, when another gives back what it asks for."""
        self._room = asyncio.Event()
        self._reloads = reloads
        self._counted: Snapshot | None = None

    def would_orphan(self, first: Snapshot) -> bool:
        """Whether specs that look empty by accident would end pods of an earlier daemon."""
        return first.bare and bool(self.left_behind - {key_of(item.object) for item in first.objects})

    def apply(self, snapshot: Snapshot) -> None:
        """Make the store what the folder says; what is wrong stays as it was, and is told."""
        known = () if self.applied.is_set() else known_pods(self._journal)
        before = wanted_now(self._store, known)
        let_in = admitted(snapshot.objects, self._rules, before)
        wanted = (*let_in.wanted, *self._hold(snapshot, before))
        objects = (*(item.object for item in snapshot.objects), *(item.object for item in self._held.values()))
        implied = implied_namespaces(objects)
        self._store.sync(IMPLIED, [Desired(obj, {}) for obj in implied])
        refused = self._store.sync(SPECS, wanted)
        self._claims.reconcile()
        self._waiting = bool(refused)
        told = (Problem(item.source, f"{item.key}: {item.reason}") for item in refused)
        self._tell(snapshot, *map(_problem, let_in.problems), *told)
        refused = (*refused, *let_in.refused)
        self._tell_refused(refused, (item.object for item in snapshot.objects))
        if snapshot is not self._counted:
            self._reloads.inc("error" if snapshot.errors or refused else "success")
            self._counted = snapshot
        if not self.applied.is_set():
            self._store.go_on_going(known_pods(self._journal))
            self._store.forget_lost(item.key for item in refused)
            self.applied.set()
        was_incomplete, self.incomplete = self.incomplete, bool(snapshot.unknown)
        if was_incomplete and not self.incomplete:
            self.completed()

    def _hold(self, snapshot: Snapshot, before: Mapping[Key, Desired]) -> Iterable[Desired]:
        said = {key_of(item.object) for item in snapshot.objects}
        pods = self._held if self.applied.is_set() else before
        self._held = {key: item for key, item in pods.items() if key not in said} if snapshot.unknown else {}
        return self._held.values()

    async def follow(self, specs: Follower, first: Snapshot, last_good: LastGoodKeeper) -> None:
        """Apply what the folder says for ever.  What should not happen leaves the last good version in force."""
        snapshot = first
        if not self.applied.is_set():
            delay, tell, files = self._empty_delay, self._tell_waiting, last_good.files
            snapshot = await specs.after_empty_start(first, delay, tell, lambda: files.remembers)
            self.apply(snapshot)
        last_good.keep(snapshot.objects, snapshot.partly)
        while True:
            snapshot = await self._news(specs) or snapshot
            try:
                self.apply(snapshot)
                last_good.keep(snapshot.objects, snapshot.partly)
            except Exception as error:
                logs.surprise(log, "cannot apply the specs, the last good version stays", error)
                self._reloads.inc("error")
                self._tell(snapshot, Problem("", f"cannot apply the specs: {logs.described(error)}"))

    def room(self) -> None:
        """Something was given back that an object may have been refused for want of."""
        self._room.set()

    async def _news(self, specs: Follower) -> Snapshot | None:
        """The next snapshot; None to apply the last one again, as something of it was refused."""
        self._room.clear()
        if not self._waiting:
            return await specs.next()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS):
                await either(specs.wait(), self._room.wait())
        return await specs.next() if specs.has_news else None

    async def reload(self, specs: Follower) -> None:
        """Read and apply the folder now, whatever was heard of it; beside `follow`."""
        log.info("reading the specs again: SIGHUP")
        try:
            async with asyncio.timeout(RELOAD_SECONDS):
                await specs.look_again()
        except TimeoutError:
            log.warning("the specs do not come to rest: what they say is applied later")

    def _tell_waiting(self, snapshot: Snapshot) -> None:
        count, delay = len(self.left_behind), self._empty_delay
        where = ", ".join(snapshot.empty or map(str, self._specs))
        pods = f"{count} pod{'s' if count != 1 else ''} of an earlier run"
        text = f"no spec is there: {pods} will be deleted after {delay:g} s unless the files come back"
        self._tell(snapshot, *(() if snapshot.errors else (Problem(where, text),)))

    def _tell_refused(self, refused: Iterable[Refused], wanted: Iterable[Object]) -> None:
        """Tell it of the objects themselves too, where `describe` and `events` show it."""
        now = frozenset(replace(item, source="") for item in refused)
        by_key = {key_of(obj): obj for obj in wanted}
        for item in now - self._refused:
            about = self._store.get(item.key) or by_key.get(item.key)
            if about is not None:
                self._recorder.record(about, "Warning", "NotApplied", item.reason)
        self._refused = now

    def _tell(self, snapshot: Snapshot, *more: Problem) -> None:
        problems = tuple(map(_problem, snapshot.problems))
        problems += (*more, *(Problem("", notice) for notice in snapshot.notices))
        for problem in problems:
            if problem not in self.problems:
                log.warning("%s", problem)
        self.problems = problems


def _problem(located: Located) -> Problem:
    return Problem(f"{located.file}:{located.line}:{located.column}", str(located.problem), located.severity)
