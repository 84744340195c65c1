"""All objects, their versions, and who watches them.

There is one writer of desired state for each *owner* (the spec folder, later the API and the controllers), and one of
status (the node).  Every change gets the next resourceVersion and goes to a bounded history; a watcher is only a place
in that history, so a slow one costs nothing and is told `Expired` when it has fallen behind.

A Pod that is deleted stays, with its deletionTimestamp, until the node has torn it down (`finalize`).  When its owner
wants it all the same, it is made anew then, with another UID.

UIDs, the last status of each object, and deletions that have begun are journalled: to a reader, a restart of the daemon
changes nothing.
"""

import asyncio
import logging
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any

import msgspec

from orchestrator import logs
from orchestrator.errors import NotFound, OrchestratorError
from orchestrator.objects.times import format_time
from orchestrator.planning.deletion import deletion
from orchestrator.planning.identity import Identity, is_over
from orchestrator.state.journal import Journal
from orchestrator.state.records import (
    IMPLIED,
    KEPT,
    SPECS,
    Admission,
    Change,
    Desired,
    Expired,
    Key,
    Object,
    Record,
    Refused,
    key_of,
    spec_digest,
    without_metadata,
)
from orchestrator.state.remembered import Remembered

__all__ = [
    "IMPLIED",
    "KEPT",
    "SPECS",
    "Admission",
    "Change",
    "Desired",
    "Expired",
    "Key",
    "Object",
    "Record",
    "Refused",
    "Store",
    "Watch",
    "key_of",
]

log = logging.getLogger(__name__)

HISTORY = 512
"""Changes kept for watchers; each holds an object as it was, so this bounds memory."""
_PLACE = attrgetter("namespace", "name")
_KEPT_KINDS = ("PersistentVolumeClaim",)
_ALIVE: dict[str, Any] = {"deletion_timestamp": "", "deletion_grace_period_seconds": None}


class Store:
    """The objects.  All calls are from the event loop's thread and never wait, but for `Watch.next`."""

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], float],
        admission: Sequence[Admission] = (),
        identity: Callable[[Object], Identity] = lambda _obj: Identity(),
    ) -> None:
        """`identity` gives what an object may not change and stay the same one: when it changes, so does the UID."""
        self._remembered = Remembered(journal)
        self._clock = clock
        self._admission = admission
        self._identity = identity
        self._records: dict[Key, Record] = {}
        self._keys: defaultdict[str, set[Key]] = defaultdict(set)
        """By kind: one kind is asked for more often than all."""
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._version = max(int(clock() * 1000), 1)  # so that no version of an earlier daemon comes again
        self._waiters: set[asyncio.Future[None]] = set()
        self._on_drop: list[Callable[[Object], None]] = []

    # --- reading ---

    @property
    def version(self) -> int:
        """The newest resourceVersion."""
        return self._version

    def get(self, key: Key) -> Object | None:
        """The object under a key."""
        record = self._records.get(key)
        return record.object if record else None

    def record(self, key: Key) -> Record | None:
        """The object with its raw document, owner and place."""
        return self._records.get(key)

    def list(self, kind: str, namespace: str | None = None) -> list[Object]:
        """All objects of a kind, in all namespaces or one, by namespace and name."""
        found = (key for key in self._keys[kind] if namespace in (None, key.namespace))
        keys = sorted(found, key=_PLACE)
        return [self._records[key].object for key in keys]

    def owned(self, *owners: str) -> dict[Key, Object]:
        """What these owners want, as they gave it; without what is being deleted for good."""
        found: dict[Key, Object] = {}
        for key, record in self._records.items():
            if record.owner in owners and (record.then or not record.object.metadata.deletion_timestamp):
                found[key] = record.then.object if record.then else record.desired
        return found

    async def durable(self) -> None:
        """Wait until all that was changed so far is in the journal's file, or the disk refused it."""
        await asyncio.to_thread(self._remembered.flush)

    def watch(self, version: int | None = None) -> "Watch":
        """A watch of everything after a version (default: from now)."""
        return Watch(self, self._version if version is None else version)

    # --- desired state ---

    def sync(self, owner: str, wanted: Iterable[Desired]) -> tuple[Refused, ...]:
        """Make the owner's objects exactly these.  Gives what could not be applied; the rest is.

        What was in the way of one object may itself change in the same load, so who is refused is asked again.
        """
        desired = {key_of(item.object): item for item in wanted}
        refused: list[Refused] = []
        turned_down: list[Refused] = []
        # What goes gives back what it held (the address of a Service that is renamed) before others ask for it.
        for key in [k for k, r in self._records.items() if r.owner == owner and k not in desired]:
            refused += _attempt(key, self._records[key].source, partial(self._withdraw, key))
        waiting, before = sorted(desired, key=_before_pods), -1
        while waiting and self._version != before:
            before, turned_down = self._version, []
            for key in waiting:
                turned_down += _attempt(key, desired[key].source, partial(self.apply, owner, desired[key]))
            waiting = [each.key for each in turned_down]
        return (*refused, *turned_down)

    def on_drop(self, *releases: Callable[[Object], None]) -> None:
        """Have these called with each object that goes, at once: what admission gave it is free for the next one."""
        self._on_drop += releases

    def apply(self, owner: str, item: Desired) -> Object:
        """Create or change one object; Invalid when admission refuses it.

        In the place of a Pod that is being deleted it comes when that one is gone; until then that one is given.
        """
        key = key_of(item.object)
        record = self._records.get(key)
        if record and record.object.metadata.deletion_timestamp:
            self._records[key] = replace(record, owner=owner, then=item)
            return record.object
        if record and record.desired == item.object:
            self._records[key] = replace(record, raw=item.raw, owner=owner, source=item.source)
            return record.object
        existing = record.object if record else None
        identity = self._identity(item.object)
        over = is_over(getattr(existing, "status", None))
        if record and not self._identity(record.desired).is_kept_by(identity, over=over):
            existing = None
        obj = self._with_server_fields(key, item.object, existing, identity)
        for admit in self._admission:
            obj = admit(obj, existing)
        self._remembered.keep(str(key), obj.metadata, identity, spec_digest(item.object))
        then = item if obj.metadata.deletion_timestamp else None
        return self._put(key, Record(obj, item.object, item.raw, owner, item.source, then))

    def delete(self, key: Key, grace: float | None = None) -> None:
        """Its owner wants this object no more; a Pod stays until `finalize`, with the shortest of its grace periods."""
        record = self._existing(key)
        if key.kind != "Pod":
            self._drop(key)
            return
        self._records[key] = replace(record, then=None)
        self._terminate(key, grace, asked=False)

    def end(self, key: Key, grace: float | None = None) -> Object:
        """Delete this very Pod, as a user asks: what its owner still wants is made anew when it is gone.

        `grace` (seconds) is the user's word, None for the spec's.  Gives the Pod with its deletionTimestamp.
        """
        record = self._existing(key)
        if not record.object.metadata.deletion_timestamp:
            self._records[key] = replace(record, then=Desired(record.desired, record.raw, record.source))
        return self._terminate(key, grace, asked=True)

    def begin_deletion(self, key: Key) -> Object:
        """Have an object say that it is being deleted: who holds what is behind it (a claim's data) finalizes it."""
        record = self._existing(key)
        meta = record.object.metadata
        if meta.deletion_timestamp:
            return record.object
        meta = msgspec.structs.replace(meta, deletion_timestamp=format_time(self._clock()))
        return self._put(key, replace(record, object=msgspec.structs.replace(record.object, metadata=meta)))

    def finalize(self, key: Key, uid: str) -> None:
        """Nothing is left behind this object: it goes, if it is still the one with this uid and being deleted."""
        record = self._records.get(key)
        if record is None or record.object.metadata.uid != uid or not record.object.metadata.deletion_timestamp:
            return
        self._drop(key)
        if record.then is not None:
            for refused in _attempt(key, record.then.source, partial(self.apply, record.owner, record.then)):
                log.warning("%s: %s is not made anew: %s", refused.source, key, refused.reason)

    # --- status ---

    def update_status(self, key: Key, uid: str, status: Any) -> None:
        """Set the status of the object that has this uid; another one under the name is left alone."""
        record = self._records.get(key)
        if record is None or record.object.metadata.uid != uid or record.object.status == status:
            return
        obj = msgspec.structs.replace(record.object, status=status)
        self._remembered.keep_status(str(key), uid, status)
        self._put(key, replace(record, object=obj))

    def put(self, owner: str, obj: Object, desired: Object | None = None) -> None:
        """Set an object as it is, with its own metadata (Events, Endpoints); nothing is admitted or journalled."""
        self._put(key_of(obj), Record(obj, desired or obj, {}, owner, ""))

    def fill_in(self, obj: Object) -> None:
        """Set what the daemon finds for an object (a claim's volume); one that has gone, or was made anew, is left."""
        record = self._records.get(key_of(obj))
        if record is not None and record.object.metadata.uid == obj.metadata.uid and record.object != obj:
            self._put(key_of(obj), replace(record, object=obj))

    def drop(self, key: Key) -> None:
        """Remove an object that was `put`; absent is fine."""
        if key in self._records:
            self._drop(key)

    # --- inner ---

    def _existing(self, key: Key) -> Record:
        record = self._records.get(key)
        if record is None:
            raise NotFound(f'{key.kind} "{key.name}" not found')
        return record

    def _terminate(self, key: Key, grace: float | None, *, asked: bool) -> Object:
        """Have the Pod's deletion say what it says after one more; gives the Pod."""
        record = self._records[key]
        said = deletion(record.object, grace, self._clock())
        if said is None:
            return record.object
        fields = {"deletion_timestamp": said.timestamp, "deletion_grace_period_seconds": said.grace}
        metadata = msgspec.structs.replace(record.object.metadata, **fields)
        self._remembered.keep_deletion(str(key), metadata, asked=asked)
        return self._put(key, replace(record, object=msgspec.structs.replace(record.object, metadata=metadata)))

    def _withdraw(self, key: Key) -> None:
        """Its owner wants it no more: it goes, unless it is of a kind that only a user's word removes."""
        if key.kind not in _KEPT_KINDS:
            self.delete(key)
            return
        self._records[key] = replace(self._records[key], owner=KEPT, source="", then=None)

    def _with_server_fields(self, key: Key, obj: Object, existing: Object | None, identity: Identity) -> Object:
        if existing is not None:
            old = existing.metadata
            fields: dict[str, Any] = {"uid": old.uid, "creation_timestamp": old.creation_timestamp}
            changed = without_metadata(existing) != without_metadata(obj)
            fields["generation"] = old.generation + (1 if changed else 0)
        else:
            spec = spec_digest(obj)
            known = self._remembered.fields(str(key), obj, identity, spec) if key not in self._records else None
            fresh = {"uid": str(uuid.uuid4()), "creation_timestamp": format_time(self._clock()), "generation": 1}
            fields = known or fresh
        metadata = msgspec.structs.replace(obj.metadata, **fields)
        obj = msgspec.structs.replace(obj, metadata=metadata)
        if not hasattr(obj, "status"):
            return obj
        status = existing.status if existing is not None else self._remembered.status(str(key), obj)
        return obj if status is None else msgspec.structs.replace(obj, status=status)

    def remember(self, key: Key, uid: str, created: str, identity: str) -> None:
        """At start, before the first sync: an object that the engine's labels tell of and the journal has lost."""
        self._remembered.keep_lost(str(key), uid, created, identity)

    def go_on_going(self, pods: Iterable[Object]) -> None:
        """After the first sync: of these Pods of an earlier daemon, have those that nobody wants any more.

        They are being deleted, as it was told then, and stay until the node has torn them down.
        """
        for pod in pods:
            key = key_of(pod)
            told = self._remembered.going(str(key), pod.metadata.uid)
            if key in self._records or told is None:
                continue
            metadata = msgspec.structs.replace(pod.metadata, **{**_ALIVE, **told})
            status = self._remembered.status(str(key), pod) or pod.status
            going = msgspec.structs.replace(pod, metadata=metadata, status=status)
            self._put(key, Record(going, pod, {}, SPECS, ""))
            self._terminate(key, None, asked=False)

    def forget_lost(self, kept: Iterable[Key]) -> None:
        """After the first sync: forget who was deleted while no daemon looked; `kept` were refused and are wanted."""
        self._remembered.forget_others(str(key) for key in (*self._records, *kept))

    def _put(self, key: Key, record: Record) -> Object:
        previous = self._records.get(key)
        self._version += 1
        metadata = msgspec.structs.replace(record.object.metadata, resource_version=str(self._version))
        obj = msgspec.structs.replace(record.object, metadata=metadata)
        self._records[key] = replace(record, object=obj)
        self._keys[key.kind].add(key)
        old = previous.object if previous else None
        self._publish(Change("MODIFIED" if old else "ADDED", key, obj, old, self._version))
        return obj

    def _drop(self, key: Key) -> None:
        record = self._records.pop(key)
        self._keys[key.kind].discard(key)
        self._remembered.forget(str(key))
        self._version += 1
        metadata = msgspec.structs.replace(record.object.metadata, resource_version=str(self._version))
        gone = msgspec.structs.replace(record.object, metadata=metadata)
        self._publish(Change("DELETED", key, gone, record.object, self._version))
        for release in self._on_drop:
            try:
                release(record.object)
            except Exception as error:
                logs.surprise(log, f"cannot give back what {key} held", error)

    def _publish(self, change: Change) -> None:
        self._history.append(change)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def _since(self, version: int) -> tuple[Change, ...]:
        if version >= self._version:
            return ()
        oldest = self._history[0].version if self._history else self._version + 1
        if version + 1 < oldest:
            raise Expired(f"too old resource version: {version} ({oldest - 1})")
        return tuple(change for change in self._history if change.version > version)


class Watch:
    """A place in the history."""

    def __init__(self, store: Store, version: int) -> None:
        self._store = store
        self.version = version

    async def next(self) -> tuple[Change, ...]:
        """The changes since the last call, at least one, oldest first; waits for them.  Expired: list again."""
        while not (changes := self._store._since(self.version)):
            waiter = asyncio.get_running_loop().create_future()
            self._store._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._store._waiters.discard(waiter)
        self.version = changes[-1].version
        return changes

    def restart(self) -> None:
        """After Expired: go on from now; the caller lists again."""
        self.version = self._store.version


def _attempt(key: Key, source: str, change: Callable[[], object]) -> tuple[Refused, ...]:
    """The root of each object's change: whatever is in its way, the rest of its load is not left half done."""
    try:
        change()
    except OrchestratorError as error:
        return (Refused(key, source, str(error)),)
    except Exception as error:
        logs.surprise(log, f"cannot apply {key}", error)
        return (Refused(key, source, f"this should not happen: {logs.described(error)}"),)
    return ()


def _before_pods(key: Key) -> tuple[bool, Key]:
    """Everything that a pod may need (addresses of Services above all) is there before the pod is."""
    return key.kind == "Pod", key
