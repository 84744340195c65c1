"""What an edit of the specs would do to what runs, and why; nothing is done.

It decides by the digests of `identity`, as the store and the pod's plan do, so what it says is what then happens:

    identity of a pod changed -> the pod is replaced       digest of a container changed -> that container alone, or
                                                           the pod where it is over
    config changed, and its pod's annotation says so -> the containers that read it
    anything else changed     -> an update, which ends nothing that runs
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as with_fields
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from orchestrator.objects import registry
from orchestrator.objects.annotations import restart_kinds
from orchestrator.objects.pod import Pod
from orchestrator.objects.service import Service
from orchestrator.planning.config_preview import Name, Objects, changed_keys, restart_causes
from orchestrator.planning.consumers import Use, uses
from orchestrator.planning.differences import Difference, differences
from orchestrator.planning.identity import container_digest, object_identity, pod_identity


class Action(StrEnum):
    """What becomes of an object, or of one container of a pod."""

    CREATE = "create"
    REPLACE_POD = "replace pod"
    REPLACE_CONTAINER = "replace container"
    ADD_CONTAINER = "add container"
    REMOVE_CONTAINER = "remove container"
    UPDATE = "update"
    REFUSED = "refused"
    DELETE = "delete"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that would be done: to which object, why (the fields), and who would notice."""

    kind: str
    namespace: str
    name: str
    action: Action
    container: str = ""
    causes: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()

    def __str__(self) -> str:
        whose = f"{self.namespace}/{self.name}" if self.namespace else self.name
        what = f"{self.action} {self.container}".strip()
        return ": ".join(filter(None, (f"{self.kind} {whose}", what, "; ".join((*self.causes, *self.effects)))))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the daemon says of objects that are wanted, in its own words.

    `refused` are not taken at all; `held` are pods that are taken and would not run.
    """

    refused: Mapping[Name, str] = field(default_factory=dict)
    held: Mapping[Name, str] = field(default_factory=dict)


_SUMMARY = (
    (Action.REFUSED, "refused"),
    (Action.CREATE, "to create"),
    (Action.REPLACE_POD, "to replace"),
    (Action.REPLACE_CONTAINER, "to replace"),
    (Action.ADD_CONTAINER, "to add"),
    (Action.REMOVE_CONTAINER, "to remove"),
    (Action.UPDATE, "to update"),
    (Action.DELETE, "to delete"),
    (Action.NOTHING, "unchanged"),
)


def preview(
    current: Objects, wanted: Objects, verdicts: Verdicts | None = None, over: Collection[Name] = ()
) -> tuple[Step, ...]:
    """What would become of every object: first those that pods need, then pods; deletions, and last what stays.

    Of what is refused the version before stays.  `over` are the pods that have ended.
    """
    verdicts = verdicts or Verdicts()
    refused = [_refused(name, current, verdicts) for name in sorted(wanted, key=_order) if name in verdicts.refused]
    wanted = {name: current.get(name, obj) if name in verdicts.refused else obj for name, obj in wanted.items()}
    staying = _Staying({name: obj for name, obj in current.items() if name not in over}, wanted)
    names = [name for name in sorted(wanted, key=_order) if name not in verdicts.refused]
    steps = list(refused)
    for name in names:
        steps += _steps(name, current.get(name), wanted[name], staying, over=name in over)
    steps = [_held(step, verdicts) for step in steps]
    gone = sorted((name for name in current if name not in wanted), key=lambda name: (-_order(name)[0], name))
    steps += [_deleted(name, current[name], staying) for name in gone]
    return tuple(sorted(steps, key=lambda step: step.action is Action.NOTHING))


def _order(name: Name) -> tuple[int, Name]:
    return {"Namespace": 0, "Pod": 2}.get(name[0], 1), name


def summary(steps: Iterable[Step]) -> str:
    """Give "2 to create, 1 container to replace, 5 unchanged"; "nothing" where there is not even an object."""
    counts = Counter(step.action for step in steps)
    return ", ".join(_counted(counts[action], action, words) for action, words in _SUMMARY if counts[action]) or (
        "nothing"
    )


def _counted(count: int, action: Action, words: str) -> str:
    _, _, noun = action.value.partition(" ")
    return f"{count} {noun}{'s' if count > 1 else ''} {words}" if noun else f"{count} {words}"


class _Staying:
    """The pods that run now and go on, and which of their containers do: they alone can notice an update."""

    def __init__(self, current: Objects, wanted: Objects) -> None:
        self._pods: dict[str, list[tuple[Pod, Collection[str]]]] = {}
        self._restarts: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
        for name, now in current.items():
            then = wanted.get(name)
            if isinstance(now, Pod) and isinstance(then, Pod) and pod_identity(now) == pod_identity(then):
                kept = _kept(now, then)
                self._pods.setdefault(now.metadata.namespace, []).append((then, kept))
                self._restarts[name[1:]] = _restarted(then, kept, current, wanted)

    def uses(self, kind: str, namespace: str, name: str) -> Iterator[tuple[Pod, Use]]:
        """Who of them reads a ConfigMap or Secret."""
        for pod, kept in self._pods.get(namespace, ()):
            for use in uses(pod, kind, name):
                if use.container in kept:
                    yield pod, use

    def restarts(self, namespace: str, pod: str) -> Mapping[str, tuple[str, ...]]:
        """Which containers of a pod its annotation would restart, and for which edits of config."""
        return self._restarts.get((namespace, pod), {})

    def with_service_variables(self, namespace: str) -> list[str]:
        """Those that were given the variables of the namespace's Services, by name."""
        return [pod.metadata.name for pod, _ in self._pods.get(namespace, ()) if pod.spec.enable_service_links]


def _kept(now: Pod, then: Pod) -> frozenset[str]:
    before = {c.name: container_digest(c) for c in now.spec.containers}
    kept = (c.name for c in then.spec.containers if before.get(c.name) == container_digest(c))
    return frozenset((*kept, *(c.name for c in then.spec.sidecars)))


def _restarted(pod: Pod, kept: Collection[str], current: Objects, wanted: Objects) -> dict[str, tuple[str, ...]]:
    every = (c for c in pod.spec.every_container if c.name in kept)
    found = ((c.name, restart_causes(pod, c, current, wanted)) for c in every)
    return {name: causes for name, causes in found if causes}


def _steps(name: Name, now: Any | None, then: Any, staying: _Staying, *, over: bool) -> Iterator[Step]:
    if now is None:
        yield Step(*name, Action.CREATE, causes=("it is not there yet",), effects=_effects(name, None, then, staying))
    elif isinstance(then, Pod):
        steps = [*_pod_steps(name, now, then, over=over), *_config_steps(name, staying)]
        yield from steps or (Step(*name, Action.NOTHING),)
    elif now == then:
        yield Step(*name, Action.NOTHING)
    else:
        told = differences(registry.encode(now), registry.encode(then))
        yield Step(*name, Action.UPDATE, causes=_texts(told), effects=_effects(name, now, then, staying))


def _refused(name: Name, current: Objects, verdicts: Verdicts) -> Step:
    stays = "the version before stays" if name in current else "it is not made"
    return Step(*name, Action.REFUSED, causes=(verdicts.refused[name],), effects=(stays,))


def _held(step: Step, verdicts: Verdicts) -> Step:
    """Say of a pod that is made that it would not run."""
    problem = verdicts.held.get((step.kind, step.namespace, step.name))
    if not problem or step.action not in (Action.CREATE, Action.REPLACE_POD):
        return step
    return with_fields(step, effects=(*step.effects, problem))


def _deleted(name: Name, now: Any, staying: _Staying) -> Step:
    if name[0] == "PersistentVolumeClaim":
        effects = (f"it is kept, with its data, until `orchestrator delete pvc {name[2]} -n {name[1]}`",)
        return Step(*name, Action.NOTHING, causes=("the specs do not have it",), effects=effects)
    return Step(*name, Action.DELETE, causes=("the specs do not have it",), effects=_effects(name, now, None, staying))


# --- pods ---


def _pod_steps(name: Name, now: Pod, then: Pod, *, over: bool) -> Iterator[Step]:
    if not object_identity(now).is_kept_by(object_identity(then), over=over):
        causes = _texts(_forcing(now, then) if pod_identity(now) != pod_identity(then) else _containers(now, then))
        effects = ("it is over, and runs anew",) if over else ()
        yield Step(*name, Action.REPLACE_POD, causes=causes or ("its definition changed",), effects=effects)
        return
    before = {container.name: container for container in now.spec.containers}
    encoded = {c["name"]: c for c in registry.encode(now)["spec"]["containers"]}
    for index, container in enumerate(then.spec.containers):
        old = before.pop(container.name, None)
        if old is None:
            causes = ("the pod does not have it yet",)
            yield Step(*name, Action.ADD_CONTAINER, container.name, causes)
        elif container_digest(old) != container_digest(container):
            new = registry.encode(then)["spec"]["containers"][index]
            told = differences(encoded[container.name], new, ("spec", "containers", index))
            yield Step(*name, Action.REPLACE_CONTAINER, container.name, _texts(told) or ("its definition changed",))
    for gone in before:
        yield Step(*name, Action.REMOVE_CONTAINER, gone, ("the spec has no such container",))
    if rest := _texts(_beside_containers(now, then)):
        yield Step(*name, Action.UPDATE, causes=rest, effects=(_touched(now, then),))


def _touched(now: Pod, then: Pod) -> str:
    """Of an update that replaces nothing.  What a container was made from is not known here."""
    if restart_kinds(then.metadata.annotations) <= restart_kinds(now.metadata.annotations):
        return "touches nothing that runs"
    return "restarts only what was made before its config was edited"


def _config_steps(name: Name, staying: _Staying) -> Iterator[Step]:
    for container, causes in staying.restarts(*name[1:]).items():
        yield Step(*name, Action.REPLACE_CONTAINER, container, causes)


def _forcing(now: Pod, then: Pod) -> Iterator[Difference]:
    """The fields for which alone the pod would be replaced; of containers these are their published ports."""
    old, new = registry.encode(now)["spec"], registry.encode(then)["spec"]
    for name in now.spec.__struct_fields__:
        changed = replace(now, spec=replace(now.spec, **{name: getattr(then.spec, name)}))
        if pod_identity(changed) == pod_identity(now):
            continue
        key = type(now.spec).__struct_encode_fields__[now.spec.__struct_fields__.index(name)]
        told = differences(old.get(key), new.get(key), ("spec", key))
        ports = [difference for difference in told if "ports" in difference.path]
        yield from (ports or told) if name == "containers" else told


def _containers(now: Pod, then: Pod) -> Iterable[Difference]:
    old, new = (registry.encode(pod)["spec"]["containers"] for pod in (now, then))
    return differences(old, new, ("spec", "containers"))


def _beside_containers(now: Pod, then: Pod) -> Iterator[Difference]:
    """What changed of a pod besides its containers: metadata, and fields that can change while it runs."""
    order = [c.name for c in then.spec.containers]
    if set(order) == {c.name for c in now.spec.containers} and order != [c.name for c in now.spec.containers]:
        yield Difference(("spec", "containers"), "another order")
    now = replace(now, spec=replace(now.spec, containers=then.spec.containers))
    yield from differences(registry.encode(now), registry.encode(then))


# --- who notices ---


def _effects(name: Name, now: Any | None, then: Any | None, staying: _Staying) -> tuple[str, ...]:
    kind, namespace, own_name = name
    if kind in ("ConfigMap", "Secret"):
        keys = changed_keys(now, then)
        found = staying.uses(kind, namespace, own_name)
        reached = [(pod, use) for pod, use in found if use.keys is None or use.keys & keys]
        return tuple(dict.fromkeys(_noticed(pod, use, staying, gone=then is None) for pod, use in reached if keys))
    if kind == "Service":
        return _service_effects(namespace, now, then, staying)
    return ()


def _noticed(pod: Pod, use: Use, staying: _Staying, *, gone: bool) -> str:
    whom = f"{pod.metadata.name}/{use.container}"
    restarted = use.container in staying.restarts(pod.metadata.namespace, pod.metadata.name)
    if restarted and use.kind in restart_kinds(pod.metadata.annotations):
        return f"restarts {whom} ({use.through})"
    if gone and not use.optional:
        return f"{whom} keeps what it has ({use.through})" if use.live else f"{whom} cannot start again ({use.through})"
    return f"live in {whom} ({use.through})" if use.live else f"at the next start of {whom} ({use.through})"


def _service_effects(namespace: str, now: Service | None, then: Service | None, staying: _Staying) -> tuple[str, ...]:
    found: tuple[str, ...] = ("traffic follows at once",) if now is not None else ()
    same = now is not None and then is not None and now.spec.ports == then.spec.ports
    if same and now is not None and then is not None and now.spec.cluster_ip == then.spec.cluster_ip:
        return found
    if pods := staying.with_service_variables(namespace):
        found += (f"its variables at the next start of {', '.join(pods)}",)
    return found


def _texts(told: Iterable[Difference]) -> tuple[str, ...]:
    return tuple(str(difference) for difference in told)
