"""Which pods of the spec folder may run, by the Pod Security Standards: asked before the store is told what is wanted.

A pod whose sysctls this host refuses is let in, and is Failed with the kubelet's words; where they stand is told here.

What runs already is never harmed by a level that came later: as it is, it stays, with a warning; of an edit that is
refused, the version before stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from msgspec import structs

from orchestrator.node.limit_ranger import LimitRanger
from orchestrator.objects import registry
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import PodStatus
from orchestrator.objects.validation.update import keep_binding, refuse_immutable
from orchestrator.planning.admission import on_node
from orchestrator.services.node_ports import NodePortBook
from orchestrator.sources.located import Located, Sourced, told_once
from orchestrator.sources.node_ports import node_port_problems
from orchestrator.sources.pod_security import Standards
from orchestrator.sources.rules import Rules
from orchestrator.sources.sysctls import sysctl_problems
from orchestrator.state.store import SPECS, Admission, Desired, Key, Refused, Store, key_of

_SERVERS = {
    "uid": "",
    "resource_version": "",
    "generation": 0,
    "creation_timestamp": "",
    "deletion_timestamp": "",
    "deletion_grace_period_seconds": None,
}
"""Fields of metadata that only the daemon writes."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What of a load may run; for each pod that may not, why; and what is to be told, each at its place."""

    wanted: tuple[Desired, ...]
    refused: tuple[Refused, ...]
    problems: tuple[Located, ...]


def admitted(objects: Iterable[Sourced], rules: Rules, before: Mapping[Key, Desired]) -> Admitted:
    """Let through what may run; `before` is what was wanted until now."""
    objects = tuple(objects)
    standards = Standards(objects, rules.policy)
    wanted: list[Desired] = []
    refused: list[Refused] = []
    problems: list[Located] = []
    for sourced in objects:
        problems += standards.warnings(sourced)
        item = Desired(sourced.object, sourced.raw, sourced.place)
        denied = standards.denials(sourced)
        old = before.get(key_of(sourced.object)) if denied else None
        if denied and (old is None or not _same(sourced.object, old.object)):
            problems += denied
            refused.append(Refused(key_of(sourced.object), sourced.place, standards.reason(sourced)))
            if old is None:
                continue
            item = old
        elif denied:
            problems += standards.tolerated(sourced)
        if item.object is sourced.object:
            problems += map(_as_warning, sysctl_problems(sourced, rules.unsafe_sysctls))
            # Its book of node ports refuses what is none of this daemon's, and says so.
            problems += (told for told in node_port_problems(sourced, rules.node_ports) if told.severity == "warning")
        wanted.append(item)
    return Admitted(tuple(wanted), tuple(refused), told_once(problems))


def store_admission(node_ports: NodePortBook, limits: LimitRanger, node_name: str) -> tuple[Admission, ...]:
    """What each object passes on its way into the store, in this order."""
    return refuse_immutable, keep_binding, node_ports.admit, limits.admit, on_node(node_name)


def wanted_now(store: Store, known: Iterable[Pod]) -> dict[Key, Desired]:
    """The pods that are wanted until now; at a start, those that an earlier daemon looked after."""
    found = {key_of(pod): _as_desired(pod) for pod in known if not pod.metadata.deletion_timestamp}
    for key, obj in store.owned(SPECS).items():
        record = store.record(key)
        if isinstance(obj, Pod) and record is not None:
            found[key] = record.then or Desired(record.desired, record.raw, record.source)
    return found


def _as_warning(located: Located) -> Located:
    return replace(located, problem=replace(located.problem, severity="warning"))


def _as_desired(pod: Pod) -> Desired:
    spec = structs.replace(pod.spec, node_name="")
    metadata = structs.replace(pod.metadata, **_SERVERS)
    bare = structs.replace(pod, metadata=metadata, spec=spec, status=PodStatus())
    return Desired(bare, registry.encode(bare))


def _same(new: object, old: object) -> bool:
    """Whether a pod's spec is what it was; on which node it is, the daemon says."""
    if not isinstance(new, Pod) or not isinstance(old, Pod):
        return False
    return structs.replace(new.spec, node_name="") == structs.replace(old.spec, node_name="")
