"""Events: what happened to whom and why, in Kubernetes' words, aggregated and bounded.

The same (object, reason, message) again raises the count and lastTimestamp of the Event that is there, as the kubelet's
recorder does; many that differ in their message only become one, with the newest message (`similar`).  The newest are
kept in the journal across restarts.  No secret and no value of an environment variable is ever part of a message.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from orchestrator.errors import Invalid
from orchestrator.objects import registry
from orchestrator.objects.events import Event, EventSource
from orchestrator.objects.meta import ObjectMeta, ObjectReference
from orchestrator.objects.times import format_time, parse_time
from orchestrator.state.journal import Journal, Value
from orchestrator.state.similar import PREFIX, Similar
from orchestrator.state.store import Key, Store

log = logging.getLogger(__name__)

MAX_EVENTS = 1000
"""Each costs 3 KB of memory."""
MAX_AGE = 3600.0
"""Seconds; an Event not seen for so long is dropped, as in Kubernetes."""
_CHECK = 60.0
"""Seconds between two looks at whether Events are old."""
_BUCKET = "events"

EventType = Literal["Normal", "Warning"]


class EventRecorder:
    """Writes Events to the store, the journal and the log."""

    def __init__(self, store: Store, journal: Journal, clock: Callable[[], float], node_name: str) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._source = EventSource(component="orchestrator", host=node_name)
        self._recent: OrderedDict[str, Event] = OrderedDict()
        """By namespace/name, the one that was seen longest ago first."""
        self._similar = Similar()
        self._restore()

    def record(self, about: Any, kind: EventType, reason: str, message: str, *, field_path: str = "") -> None:
        """Something happened to the object `about`; `field_path` is as kubectl shows it ("spec.containers{web}").

        What is no object of the store, as the node, is named by a reference.
        """
        now = self._clock()
        reference = _reference(about, field_path)
        told, combined = message, self._similar.is_too_many(_kind_of_event(reference, kind, reason), message, now)
        if combined:
            message, told = PREFIX + message, PREFIX
        digest = hashlib.sha256("\0".join((reference.kind, reference.uid, field_path, kind, reason, told)).encode())
        name = f"{reference.name}.{digest.hexdigest()[:16]}"
        key, stamp = f"{reference.namespace}/{name}", format_time(now)
        seen = self._recent.get(key)
        if seen is None:
            event = Event(
                metadata=ObjectMeta(
                    name=name, namespace=reference.namespace, uid=digest.hexdigest()[:32], creation_timestamp=stamp
                ),
                involved_object=reference,
                reason=reason,
                message=message,
                type=kind,
                source=self._source,
                first_timestamp=stamp,
                last_timestamp=stamp,
                count=1,
            )
        else:
            event = msgspec.structs.replace(seen, message=message, last_timestamp=stamp, count=seen.count + 1)
        self._keep(key, event)
        level = logging.DEBUG if kind == "Normal" else logging.WARNING
        place = f"{reference.namespace}/{reference.name} {field_path}".strip()
        log.log(level, "%s: %s: %s", place, reason, message)

    async def run(self) -> None:
        """Forget for ever: Events grow old also where nothing happens any more."""
        while True:
            await asyncio.sleep(_CHECK)
            self.forget_old()

    def forget_old(self) -> None:
        """Drop what is older than `MAX_AGE` or more than `MAX_EVENTS`; to be called now and then."""
        limit = self._clock() - MAX_AGE
        while self._recent:
            key, oldest = next(iter(self._recent.items()))
            if len(self._recent) <= MAX_EVENTS and parse_time(oldest.last_timestamp) >= limit:
                return
            del self._recent[key]
            self._store.drop(Key("Event", *key.split("/", 1)))
            self._journal.delete(_BUCKET, key)

    def _keep(self, key: str, event: Event) -> None:
        self._recent[key] = event
        self._recent.move_to_end(key)
        self._store.put("events", event)
        self._journal.put(_BUCKET, key, registry.encode(event))
        self.forget_old()

    def _restore(self) -> None:
        kept = []
        for key, document in self._journal.items(_BUCKET):
            try:
                kept.append((key, _event(key, document)))
            except (Invalid, ValueError) as error:
                self._journal.forget_misfit(_BUCKET, key, str(error))
        for key, event in sorted(kept, key=lambda pair: pair[1].last_timestamp):
            self._recent[key] = event
            self._store.put("events", event)
            if not event.message.startswith(PREFIX):
                kind = _kind_of_event(event.involved_object, event.type, event.reason)
                self._similar.is_too_many(kind, event.message, parse_time(event.last_timestamp))
        self.forget_old()


def _event(key: str, document: Value) -> Event:
    """Invalid or ValueError for what is no Event of this recorder."""
    event = registry.convert(document)
    if not isinstance(event, Event) or key != f"{event.metadata.namespace}/{event.metadata.name}":
        raise ValueError("it is another object")
    for moment in (event.first_timestamp, event.last_timestamp):
        parse_time(moment)
    return event


def _reference(about: Any, field_path: str) -> ObjectReference:
    if isinstance(about, ObjectReference):
        return about
    meta, kind = about.metadata, registry.kind_of(about)
    return ObjectReference(
        kind=kind,
        api_version=registry.api_version(kind),
        namespace=meta.namespace or "default",
        name=meta.name,
        uid=meta.uid,
        field_path=field_path,
    )


def _kind_of_event(about: ObjectReference, kind: str, reason: str) -> str:
    """What Events have in common that may be told as one."""
    return "\0".join((about.kind, about.uid, about.field_path, kind, reason))
