"""What can be deleted by a request, one row a kind.

The spec folder is the source of truth, so a row is for what can be ended and comes back by itself, as a controller's
pod does, or for what outlives its document.  Of everything else the API says where the document stands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.errors import Conflict
from orchestrator.planning.claims import claims_of, fate_of_data
from orchestrator.state.store import SPECS, Key, Object, Store


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


def delete_claim(store: Store, key: Key, _grace: int | None) -> Deleted:
    """Delete a claim and its data, for good.  Conflict while its document is in the folder, or a pod mounts it."""
    record = store.record(key)
    if record is not None and record.owner == SPECS:
        where = f"in {file_of(record.source)}" if record.source else "there"
        raise Conflict(f'cannot delete persistentvolumeclaims "{key.name}": its spec is still {where}: remove it first')
    users = sorted(pod.metadata.name for pod in store.list("Pod", key.namespace) if key.name in claims_of(pod))
    if users:
        pods = f"pod{'s' if len(users) > 1 else ''} {', '.join(users)}"
        raise Conflict(f'cannot delete persistentvolumeclaims "{key.name}": it is used by {pods}')
    claim = store.begin_deletion(key)
    return Deleted(claim, fate_of_data(claim, store.get(Key("PersistentVolume", "", claim.spec.volume_name))))


def file_of(source: str) -> str:
    """The file of a place: "specs/web.yaml" of "specs/web.yaml:3"."""
    file, colon, line = source.rpartition(":")
    return file if colon and line.isdigit() else source


DELETERS: Mapping[str, Deleter] = {
    "Pod": delete_pod,
    "PersistentVolumeClaim": delete_claim,
}
"""By kind.  A new row needs nothing else: discovery names the verbs, and the routes are there."""
