"""What outlives a daemon of its objects: UIDs, deletions that have begun, and the last status of each.

In a cluster it is the API server that remembers; here it is the journal, and to a reader a restart changes nothing.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from orchestrator.objects.times import parse_time
from orchestrator.planning.identity import Identity, is_over
from orchestrator.state.journal import Journal

_IDENTITIES, _STATUSES = "objects", "statuses"

Fields = dict[str, Any]
"""Fields of ObjectMeta by their Python names."""


class _Known(msgspec.Struct, frozen=True):
    """What the journal has of an object; `deleted`, `grace` and `asked` of one that is being deleted."""

    uid: str
    created: str
    identity: str
    run: str | None = None
    generation: int = 1
    spec: str = ""
    deleted: str | None = None
    grace: int | None = None
    asked: bool = False

    def __post_init__(self) -> None:
        for moment in filter(None, (self.created, self.deleted)):
            parse_time(moment)


class _Status(msgspec.Struct, frozen=True):
    uid: str
    status: dict[str, Any]


class Remembered:
    """By the text of an object's key."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def fields(self, key: str, obj: Any, identity: Identity, spec: str) -> Fields | None:
        """The metadata of the object that an earlier daemon knew under this key; None when that was another one.

        It is wanted again: only a deletion that a user asked for holds on.  `spec` is the digest of its spec now; with
        another one than it was begins the next generation.
        """
        known = self._known(key)
        if known is None:
            return None
        over = is_over(self._status(key, known.uid, getattr(obj, "status", None)))
        if over and known.deleted and not known.asked:
            # It was deleted and has ended; what is wanted now is another one.
            return None
        run = identity.run if known.run is None else known.run
        if not Identity(known.identity, run).is_kept_by(identity, over=over):
            return None
        generation = known.generation + (known.spec not in ("", spec))
        fields: Fields = {"uid": known.uid, "creation_timestamp": known.created, "generation": generation}
        return fields | _deletion(known) if known.asked else fields

    def going(self, key: str, uid: str) -> Fields | None:
        """What was told of the deletion of the object with this UID; {} for nothing, None when another was the last."""
        known = self._known(key)
        return _deletion(known) if known is not None and known.uid == uid else None

    def keep(self, key: str, meta: Any, identity: Identity, spec: str) -> None:
        """Remember an object by its ObjectMeta, and the digest of its spec."""
        document = {"uid": meta.uid, "created": meta.creation_timestamp, "identity": identity.fixed}
        if identity.run:
            document["run"] = identity.run
        if spec:
            document |= {"generation": meta.generation, "spec": spec}
        if meta.deletion_timestamp:
            document |= _told(meta, asked=True)
        self._journal.put(_IDENTITIES, key, document)

    def keep_deletion(self, key: str, meta: Any, *, asked: bool) -> None:
        """Remember that an object is being deleted, and whether a user asked for it."""
        known = self._journal.get(_IDENTITIES, key) or {}
        self._journal.put(_IDENTITIES, key, known | _told(meta, asked=asked))

    def keep_lost(self, key: str, uid: str, created: str, identity: str) -> None:
        """Remember what the engine's labels tell of and the journal has lost."""
        if self._known(key) is None:
            self._journal.put(_IDENTITIES, key, {"uid": uid, "created": created, "identity": identity})

    def status(self, key: str, obj: Any) -> Any:
        """What an earlier daemon has last told of this very object, for a reader who comes before the next look."""
        return self._status(key, obj.metadata.uid, obj.status)

    def _status(self, key: str, uid: str, like: Any) -> Any:
        kept = self._journal.read(_STATUSES, key, _Status)
        if kept is None or kept.uid != uid:
            return None
        try:
            return msgspec.convert(kept.status, type(like))
        except msgspec.ValidationError:
            return None

    def keep_status(self, key: str, uid: str, status: Any) -> None:
        """Remember what is told of an object."""
        self._journal.put(_STATUSES, key, {"uid": uid, "status": msgspec.to_builtins(status)})

    def _known(self, key: str) -> "_Known | None":
        return self._journal.read(_IDENTITIES, key, _Known)

    def flush(self) -> None:
        """Wait until the disk has it, or refused it (blocks)."""
        self._journal.flush()

    def forget(self, key: str) -> None:
        """The object is gone."""
        for bucket in (_IDENTITIES, _STATUSES):
            self._journal.delete(bucket, key)

    def forget_others(self, kept: Iterable[str]) -> None:
        """Forget all but these."""
        known = set(kept)
        for bucket in (_IDENTITIES, _STATUSES):
            for key, _ in self._journal.items(bucket):
                if key not in known:
                    self._journal.delete(bucket, key)


def _told(meta: Any, *, asked: bool) -> dict[str, Any]:
    return {"deleted": meta.deletion_timestamp, "grace": meta.deletion_grace_period_seconds, "asked": asked}


def _deletion(known: "_Known") -> Fields:
    if not known.deleted:
        return {}
    return {"deletion_timestamp": known.deleted, "deletion_grace_period_seconds": known.grace}
