"""What this daemon would say of other specs: they are admitted once for show, on copies of all that admission writes.

So `plan` answers with the daemon's own settings, LimitRanges and books, by the very code that then decides.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from weakref import ref

from orchestrator.admission import admitted, store_admission, wanted_now
from orchestrator.node.limit_ranger import LimitRanger
from orchestrator.objects.limit_range import LimitRange
from orchestrator.objects.meta import Object
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_security import violations
from orchestrator.planning.config_preview import Name
from orchestrator.planning.identity import object_identity
from orchestrator.planning.namespaces import implied_namespaces
from orchestrator.planning.preview import Verdicts
from orchestrator.planning.rejection import rejection
from orchestrator.planning.runtime_class import missing_class
from orchestrator.planning.scheduling import never_fits
from orchestrator.planning.surroundings import Surroundings
from orchestrator.services.addresses import AddressBook
from orchestrator.services.node_ports import NodePortBook
from orchestrator.sources.located import Sourced
from orchestrator.sources.rules import Rules
from orchestrator.state.journal import Journal
from orchestrator.state.store import IMPLIED, KEPT, SPECS, Desired, Key, Store, key_of


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The rooms that admission writes in, and what it goes by."""

    store: Store
    journal: Journal
    addresses: AddressBook
    node_ports: NodePortBook
    node_name: str
    rules: Rules
    around: Callable[[str], Surroundings]

    def begin(self) -> Callable[[Sequence[Object]], Verdicts]:
        """Copy everything as of now; what is given may be called in another thread, once."""
        draft, before, around = self._draft(), wanted_now(self.store, ()), self.around("default")

        def judge(objects: Sequence[Object]) -> Verdicts:
            let_in = admitted(map(_without_place, objects), self.rules, before)
            draft.sync(IMPLIED, [Desired(obj, {}) for obj in implied_namespaces(objects)])
            refused = (*draft.sync(SPECS, let_in.wanted), *let_in.refused)
            reasons = {_name(item.key): item.reason for item in refused}
            return Verdicts(reasons, dict(_held(draft, around)))

        return judge

    def _draft(self) -> Store:
        """A store like the daemon's, of which nobody hears.  What is being deleted is in nobody's way."""
        journal = self.journal.draft()
        addresses = self.addresses.draft(journal)
        node_ports = self.node_ports.draft(journal, addresses.admit)
        limits = LimitRanger(journal, lambda namespace: _listed(known, namespace))
        admission = store_admission(node_ports, limits, self.node_name)
        draft = Store(journal, time.time, admission=admission, identity=object_identity)
        # No cycle: the collector looks at what is new only, and a large draft would stay for an hour.
        known = ref(draft)
        draft.on_drop(addresses.release, node_ports.release, limits.release)
        for key in self.store.owned(SPECS, IMPLIED, KEPT):
            record = self.store.record(key)
            if record is not None and not record.object.metadata.deletion_timestamp:
                draft.put(record.owner, record.object, record.desired)
        return draft


def _listed(known: ref[Store], namespace: str) -> list[LimitRange]:
    store = known()
    return store.list("LimitRange", namespace) if store is not None else []


def _held(draft: Store, around: Surroundings) -> Iterator[tuple[Name, str]]:
    around = replace(around, runtime_classes={obj.metadata.name: obj for obj in draft.list("RuntimeClass")})
    for pod in draft.list("Pod"):
        if problem := _would_not_run(pod, around):
            yield _name(key_of(pod)), problem


def _would_not_run(pod: Pod, around: Surroundings) -> str:
    """Why a pod that is taken would not run on this host; what others have of it may change, and does not count."""
    if problem := never_fits(pod, around):
        return f"it would stay Pending: {problem}"
    if refused := rejection(pod, around):
        return f"it would be Failed: {refused.reason}: {refused.message}"
    if problem := missing_class(pod, around.runtime_classes):
        return f"it would stay Pending: {problem}"
    return ""


def _without_place(obj: Object) -> Sourced:
    broken = tuple((each, 1, 1) for each in violations(obj)) if isinstance(obj, Pod) else ()
    return Sourced(obj, {}, "", 1, broken)


def _name(key: Key) -> Name:
    return key.kind, key.namespace, key.name
