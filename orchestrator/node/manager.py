"""Gives every pod its worker, wakes workers when the engine or the store says so, and takes over what already runs.

At start it reads the engine's labels and the journal: containers of pods that are wanted are adopted by their workers,
those of pods that are not are torn down by workers of their own.  Everything is listed once, after the engine's events
are heard; what a worker finds there is its first look, unless there was news of its pod since.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from orchestrator import logs
from orchestrator.engine.base import Container, Engine
from orchestrator.errors import OrchestratorError
from orchestrator.node.evictions import check_limits
from orchestrator.node.gc import Housekeeper
from orchestrator.node.inventory import pod_of
from orchestrator.node.worker import NodeRooms, PodWorker
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import FINAL_PHASES
from orchestrator.planning import labels
from orchestrator.state.store import Change, Expired, Key, Watch, key_of

log = logging.getLogger(__name__)

_CONFIG_KINDS = ("ConfigMap", "Secret", "Service", "PersistentVolumeClaim")
_EVERYONES_KINDS = ("RuntimeClass",)
_ADOPTION_SECONDS, _HUNG_SECONDS = 30.0, 3.0
_BROKEN_SECONDS = 5.0
_EVENTS_RETRY = 1.0
_HEARING_SECONDS = 5.0
"""How long a start waits for the engine's events; later ones wake everybody anyway."""
HOUR = 3600.0
"""Seconds between two rounds of housekeeping; the first is at the start."""
_USAGE_CHECK = 10.0
"""Seconds between two looks at what volumes hold, as the kubelet's eviction manager has it."""


class NodeManager:
    """All workers of one instance."""

    def __init__(self, engine: Engine, rooms: NodeRooms, incomplete: Callable[[], bool] = lambda: False) -> None:
        """`incomplete` says whether pods may be wanted that nobody has said yet: what they have is left alone."""
        self._engine = engine
        self._incomplete = incomplete
        self._clear_up_now = asyncio.Event()
        self._rooms = rooms
        self._keeper = Housekeeper(engine, rooms)
        self._workers: dict[Key, PodWorker] = {}
        self.adopted = asyncio.Event()
        """Set once every pod was looked at after a start."""
        self._idle = asyncio.Event()
        self._watch: Watch | None = None
        self._was_behind: int | None = None
        self._hears = asyncio.Event()
        self._news: set[Key] | None = None
        """While everything is listed: the pods that something happens to."""
        self._breaks = 0
        """How often events may have been missed."""

    async def run(self) -> None:
        """For ever; workers, pulls and the engine's events live in here.  Run again, it begins as at a start."""
        self._workers.clear()
        self._hears.clear()
        async with asyncio.TaskGroup() as tasks:
            watch = self._rooms.store.watch()
            tasks.create_task(self._engine_events(), name="engine events")
            hung = await self._adopt(tasks)
            tasks.create_task(self._announce_adoption(hung), name="adoption")
            tasks.create_task(self._check_usage(), name="usage")
            tasks.create_task(self._keep_house(tasks), name="housekeeping")
            self._watch = watch
            try:
                await self._react_for_ever(watch, tasks)
            finally:
                self._watch = None

    async def _adopt(self, tasks: asyncio.TaskGroup) -> frozenset[Key]:
        """Look at everything once; each pod gets a worker that begins from there.

        Gives those with a container that the engine is silent about; their workers look themselves.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARING_SECONDS):
                await self._hears.wait()
        breaks, news = self._breaks, set[Key]()
        self._news = news
        left, containers = await self._keeper.round(self._known)
        self._news = None
        listed: dict[Key, list[Container]] = {}
        for container in containers:
            listed.setdefault(pod_of(container), []).append(container)
        hung = frozenset(pod_of(container) for container in containers if container.hung)

        def first_look(key: Key) -> Sequence[Container] | None:
            return None if key in hung or key in news or breaks != self._breaks else listed.get(key, ())

        for key, former in left.items():
            if self._may_end(key):
                self._hand_over(key, former, tasks, first_look(key))
        for key in map(key_of, self._rooms.store.list("Pod")):
            self._ensure(key, tasks, first_look(key))
        return hung

    async def _react_for_ever(self, watch: Watch, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                changes = await watch.next()
            except Expired:
                watch.restart()
                self._wake_all(tasks)
                continue
            for change in changes:
                self._react(change, tasks)

    def workers(self) -> tuple[PodWorker, ...]:
        """Those of all pods, as of now."""
        return tuple(self._workers.values())

    def engine_is_back(self) -> None:
        """What failed while the engine was in trouble may work now: nobody waits for his time."""
        for worker in self._workers.values():
            worker.memory.forgive()
            worker.wake()

    def stuck(self) -> str:
        """Name what makes no progress, "" when all does; to be asked again and again, seconds apart."""
        before, self._was_behind = self._was_behind, None
        if self._watch is not None and self._watch.version < self._rooms.store.version:
            self._was_behind = self._watch.version
            if before == self._was_behind:
                return "the node does not see what the specs say"
        return self._rooms.tools.progress.overdue()

    async def _keep_house(self, tasks: asyncio.TaskGroup) -> None:
        """Every hour, and when it is known what is wanted, what is left over of pods that are gone goes; see `gc`."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HOUR):
                    await self._clear_up_now.wait()
            self._clear_up_now.clear()
            try:
                await self._clear_up(tasks)
            except OrchestratorError as error:
                log.warning("cannot clear up, trying again in an hour: %s", error)
            except Exception as error:
                logs.surprise(log, "cannot clear up, trying again in an hour", error)

    async def _clear_up(self, tasks: asyncio.TaskGroup) -> None:
        """One round; containers that nobody looks after get a worker that ends them."""
        left, _ = await self._keeper.round(self._known)
        for key, former in left.items():
            if self._may_end(key):
                self._hand_over(key, former, tasks)

    def _may_end(self, key: Key) -> bool:
        """Whether what is left of a pod may go: the file that wants it may be among those that were not read."""
        return self._rooms.store.get(key) is not None or not self._incomplete()

    def _hand_over(
        self,
        key: Key,
        former: dict[str, Pod | None],
        tasks: asyncio.TaskGroup,
        listed: Sequence[Container] | None = None,
    ) -> None:
        worker = self._ensure(key, tasks, listed)
        for uid, pod in former.items():
            # One that it knows already is ending in its own time.
            if worker.memory.former.get(uid) is None:
                worker.memory.former[uid] = pod
        worker.wake()

    def clear_up_soon(self) -> None:
        """It is known now what is wanted: what was left alone is looked at again."""
        self._clear_up_now.set()

    def _known(self) -> set[str]:
        """The pods that are wanted or looked after, by uid."""
        memories = [worker.memory for worker in self._workers.values()]
        known = {uid for memory in memories for uid in (memory.uid, *memory.former)}
        return known | {pod.metadata.uid for pod in self._rooms.store.list("Pod")}

    async def idle(self) -> None:
        """Wait until no worker is left: every pod is gone."""
        while self._workers:
            self._idle.clear()
            await self._idle.wait()

    # --- workers ---

    def _ensure(self, key: Key, tasks: asyncio.TaskGroup, listed: Sequence[Container] | None = None) -> PodWorker:
        if key not in self._workers:
            self._workers[key] = PodWorker(key, self._rooms, tasks)
            self._workers[key].listed = listed
            tasks.create_task(self._look_after(self._workers[key], tasks), name=str(key))
        return self._workers[key]

    async def _look_after(self, worker: PodWorker, tasks: asyncio.TaskGroup) -> None:
        """Run a worker to its end.  Whatever breaks it ends here: it is made anew, and no other pod notices."""
        former: dict[str, Pod | None] = {}
        try:
            await worker.run()
        except Exception as error:
            logs.surprise(log, f"{worker.key}: its worker broke, starting another in {_BROKEN_SECONDS:g} s", error)
            # Nobody but its worker knows of a pod that is wanted no more.
            former = worker.memory.former
            await asyncio.sleep(_BROKEN_SECONDS)
        del self._workers[worker.key]
        if former or self._rooms.store.get(worker.key) is not None:
            self._hand_over(worker.key, former, tasks)
        self._idle.set()

    def _react(self, change: Change, tasks: asyncio.TaskGroup) -> None:
        key = change.key
        if key.kind == "Pod":
            if _gives_way(change):
                self._wake_unplaced()
            if change.type != "DELETED" and _only_status(change):
                return
            if change.type != "DELETED" or key in self._workers:
                self._ensure(key, tasks).wake()
        elif key.kind in _CONFIG_KINDS:
            for worker in self._workers.values():
                if worker.key.namespace == key.namespace:
                    worker.wake()
        elif key.kind in _EVERYONES_KINDS:
            for worker in self._workers.values():
                worker.wake()

    def _wake_unplaced(self) -> None:
        """What a pod had of the host is free now: those that wait for it look again."""
        for pod in self._rooms.store.list("Pod"):
            unplaced = any(c.type == "PodScheduled" and c.status == "False" for c in pod.status.conditions)
            worker = self._workers.get(key_of(pod))
            if unplaced and worker is not None:
                worker.wake()

    def _wake_all(self, tasks: asyncio.TaskGroup) -> None:
        for pod in self._rooms.store.list("Pod"):
            self._ensure(key_of(pod), tasks)
        for worker in self._workers.values():
            worker.wake()

    async def _announce_adoption(self, hung: Collection[Key]) -> None:
        """Tell when all have been looked at; where the engine was silent about a container, nobody waits for long."""
        well = [worker for key, worker in self._workers.items() if key not in hung]
        others = [worker for key, worker in self._workers.items() if key in hung]
        for workers, seconds in ((well, _ADOPTION_SECONDS), (others, _HUNG_SECONDS if well else _ADOPTION_SECONDS)):
            try:
                async with asyncio.timeout(seconds):
                    for worker in workers:
                        await worker.synced.wait()
            except TimeoutError:
                log.warning("some pods could not be looked at within %.0f s of the start", seconds)
        self.adopted.set()

    async def _check_usage(self) -> None:
        """Look after volumes on disk that have a limit, one pod after another."""
        while True:
            await asyncio.sleep(_USAGE_CHECK)
            for worker in list(self._workers.values()):
                await check_limits(worker, self._rooms.surroundings)

    # --- the engine ---

    async def _engine_events(self) -> None:
        """Wake whom an event concerns, for ever."""
        while True:
            try:
                await self._follow_events()
            except Exception as error:
                logs.surprise(log, "cannot follow the engine's events, trying again", error)
            await asyncio.sleep(_EVENTS_RETRY)

    async def _follow_events(self) -> None:
        """Wake whom an event concerns; after a break of the stream, everyone."""
        async for event in self._engine.events():
            if event.action == "reconnected":
                self._breaks += 1
                self._hears.set()
                for worker in self._workers.values():
                    worker.wake()
                continue
            if event.action == "disconnect":
                self._wake_owner(event.container_id)
                continue
            own = event.attributes
            if own.get(labels.INSTANCE) != self._rooms.instance:
                continue
            key = Key("Pod", own.get(labels.NAMESPACE, ""), own.get(labels.POD, ""))
            if key in self._workers:
                self._workers[key].wake()
            elif self._news is not None:
                self._news.add(key)

    def _wake_owner(self, container: str) -> None:
        """Wake whose container it is, where the event has no labels that say so."""
        for worker in self._workers.values():
            if any(seen.id == container for seen in worker.containers()):
                worker.wake()


def _gives_way(change: Change) -> bool:
    """Whether a pod is gone, or over: it holds nothing of the host any more."""
    before = change.previous
    return change.type == "DELETED" or (
        before is not None and before.status.phase not in FINAL_PHASES and change.object.status.phase in FINAL_PHASES
    )


def _only_status(change: Change) -> bool:
    """Whether it is what a worker wrote itself."""
    before, after = change.previous, change.object
    if before is None:
        return False
    meta, old = after.metadata, before.metadata
    fields = ("uid", "generation", "deletion_timestamp", "deletion_grace_period_seconds", "labels", "annotations")
    return all(getattr(meta, field) == getattr(old, field) for field in fields)
