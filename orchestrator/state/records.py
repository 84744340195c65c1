"""What the store holds and tells: keys, objects with their owners, changes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from orchestrator.errors import OrchestratorError
from orchestrator.objects import registry

SPECS, IMPLIED = "specs", "implied"
"""Owners: what the spec folder holds, and namespaces that it uses without a document of their own."""
KEPT = "kept"
"""The owner of what nobody wants any more and that is kept all the same: claims, for their data."""

Object = Any
"""Any struct of `objects.registry`: it has `.metadata`, most have `.spec` and `.status`."""
Admission = Callable[[Object, Object | None], Object]
"""(new, old or None) -> the object with what the server fills in; raises Invalid to refuse it."""


class Expired(OrchestratorError):
    """The asked resourceVersion is no longer in the history: list again."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What names an object; `namespace` is "" for kinds without one."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of history; `previous` is None for ADDED."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    key: Key
    object: Object
    previous: Object | None
    version: int


@dataclass(frozen=True, slots=True)
class Desired:
    """What an owner wants: the decoded object with defaults, its raw document, and its place."""

    object: Object
    raw: dict[str, Any]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """An object as it is now, as its owner gave it, who that is, and where it stands ("specs/web.yaml:3")."""

    object: Object
    desired: Object
    raw: dict[str, Any]
    owner: str
    source: str
    then: Desired | None = None
    """Of a Pod that is being deleted: what its owner wants all the same, and gets when this one is gone."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An object that could not be applied, mostly because admission refused it; the version before it stays."""

    key: Key
    source: str
    reason: str


def key_of(obj: Object) -> Key:
    """The key of an object."""
    kind = registry.kind_of(obj)
    return Key(kind, obj.metadata.namespace or "" if registry.is_namespaced(kind) else "", obj.metadata.name)


def spec_digest(obj: Object) -> str:
    """What tells that a spec was edited while there was no daemon; "" for what has no status (never of a Secret)."""
    if not hasattr(obj, "status"):
        return ""
    return hashlib.sha256(msgspec.json.encode(obj.spec, order="deterministic")).hexdigest()[:16]


def without_metadata(obj: Object) -> Object:
    """What an owner wrote of it."""
    empty = type(obj.metadata)(name=obj.metadata.name)
    bare = msgspec.structs.replace(obj, metadata=empty)
    return msgspec.structs.replace(bare, status=None) if hasattr(obj, "status") else bare
