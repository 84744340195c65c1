"""Events: what happened to whom and why, in Kubernetes' words, aggregated and bounded.

The same (object, reason, message) again raises the count and lastTimestamp of the Event that is there, as the kubelet's
recorder does.  The newest are kept in the journal across restarts.  No secret and no value of an environment variable
is ever part of a message.
"""

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
from orchestrator.state.journal import Journal
from orchestrator.state.store import Key, Store

log = logging.getLogger(__name__)

MAX_EVENTS = 2000
MAX_AGE = 3600.0
"""Seconds; an Event not seen for so long is dropped, as in Kubernetes."""
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
        self._restore()

    def record(self, about: Any, kind: EventType, reason: str, message: str, *, field_path: str = "") -> None:
        """Something happened to the object `about`; `field_path` is as kubectl shows it ("spec.containers{web}")."""
        meta = about.metadata
        about_kind = registry.kind_of(about)
        digest = hashlib.sha256("\0".join((about_kind, meta.uid, field_path, kind, reason, message)).encode())
        name = f"{meta.name}.{digest.hexdigest()[:16]}"
        now = format_time(self._clock())
        namespace = meta.namespace or "default"
        seen = self._recent.get(f"{namespace}/{name}")
        if seen is None:
            reference = ObjectReference(
                kind=about_kind,
                api_version=registry.api_version(about_kind),
                namespace=namespace,
                name=meta.name,
                uid=meta.uid,
                field_path=field_path,
            )
            event = Event(
                metadata=ObjectMeta(
                    name=name, namespace=namespace, uid=digest.hexdigest()[:32], creation_timestamp=now
                ),
                involved_object=reference,
                reason=reason,
                message=message,
                type=kind,
                source=self._source,
                first_timestamp=now,
                last_timestamp=now,
                count=1,
            )
        else:
            event = msgspec.structs.replace(seen, last_timestamp=now, count=seen.count + 1)
        self._keep(f"{namespace}/{name}", event)
        level = logging.DEBUG if kind == "Normal" else logging.WARNING
        log.log(level, "%s/%s%s: %s: %s", namespace, meta.name, field_path and f" {field_path}", reason, message)

    def _keep(self, key: str, event: Event) -> None:
        self._recent[key] = event
        self._recent.move_to_end(key)
        self._store.put("events", event)
        self._journal.put(_BUCKET, key, registry.encode(event))
        self._forget_old()

    def _forget_old(self) -> None:
        limit = self._clock() - MAX_AGE
        while self._recent:
            key, oldest = next(iter(self._recent.items()))
            if len(self._recent) <= MAX_EVENTS and parse_time(oldest.last_timestamp) >= limit:
                return
            del self._recent[key]
            self._store.drop(Key("Event", *key.split("/", 1)))
            self._journal.delete(_BUCKET, key)

    def _restore(self) -> None:
        kept = []
        for key, document in self._journal.items(_BUCKET):
            try:
                event = registry.convert(document)
            except Invalid:
                self._journal.delete(_BUCKET, key)
                continue
            if isinstance(event, Event):
                kept.append((key, event))
        for key, event in sorted(kept, key=lambda pair: pair[1].last_timestamp):
            self._recent[key] = event
            self._store.put("events", event)
        self._forget_old()
