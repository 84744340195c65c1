"""What can be deleted by a request, one row a kind.

The spec folder is the source of truth, so a row is for what can be ended and comes back by itself, as a controller's
pod does, or for what outlives its document.  Of everything else the API says where the document stands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.state.store import Key, Object, Store


@dataclass(frozen=True, slots=True)
class Deleted:
    """The object as it is after the deletion, and what whoever asked should know of it ("" for nothing)."""

    object: Object
    note: str = ""


Deleter = Callable[[Store, Key, int | None], Deleted]
"""(store, key of an object that is there, grace in seconds or None for its own) -> what became of it."""


def delete_pod(store: Store, key: Key, grace: int | None) -> Deleted:
    """End a pod in order; one whose spec is still in the folder is made anew then."""
    pod = store.end(key, grace)
    record = store.record(key)
    if record is None or record.then is None:
        return Deleted(pod)
    return Deleted(pod, f"its spec is still in {file_of(record.then.source)}, so it is made anew")


def file_of(source: str) -> str:
    """The file of a place: "specs/web.yaml" of "specs/web.yaml:3"."""
    file, colon, line = source.rpartition(":")
    return file if colon and line.isdigit() else source


DELETERS: Mapping[str, Deleter] = {
    "Pod": delete_pod,
}
"""By kind.  A new row needs nothing else: discovery names the verbs, and the routes are there."""
