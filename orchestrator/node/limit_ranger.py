"""Applies a namespace's LimitRanges to pods as they are made, and remembers what each pod was given.

As in Kubernetes an edit of a LimitRange changes no pod that is there; so what was given is in the journal, and the next
daemon gives the same.  A container whose own resources are edited is judged anew.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator.errors import Invalid
from orchestrator.objects.container import Container, ResourceRequirements
from orchestrator.objects.limit_range import LimitRange
from orchestrator.objects.pod import Pod
from orchestrator.planning.limit_ranger import violations, with_defaults
from orchestrator.state.journal import Journal

_BUCKET = "limits"


class _Entry(msgspec.Struct, frozen=True):
    """What a container named, and what it was given."""

    own: Any
    given: ResourceRequirements


class LimitRanger:
    """Part of the store's admission."""

    def __init__(self, journal: Journal, ranges: Callable[[str], Iterable[LimitRange]]) -> None:
        """`ranges` gives those of a namespace."""
        self._journal = journal
        self._ranges = ranges

    def admit(self, obj: Any, _old: Any) -> Any:
        """A `store.Admission`: a pod with its defaults; Invalid for one that asks for too little or too much."""
        if not isinstance(obj, Pod):
            return obj
        ranges = tuple(self._ranges(obj.metadata.namespace))
        remembered = self._journal.read(_BUCKET, obj.metadata.uid, dict[str, _Entry]) or {}
        every = obj.spec.every_container
        told = {c.name: entry for c in every if (entry := remembered.get(c.name)) and _is_told(entry, c)}
        given = {
            c.name: _given(told[c.name], c) if c.name in told else with_defaults(c.resources, ranges) for c in every
        }
        pod = _with_resources(obj, given)
        fresh = given.keys() - told.keys()
        problems = violations(pod, fresh, ranges) if fresh else []
        if problems:
            text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise Invalid(f'pods "{pod.metadata.name}" is forbidden: {text}')
        entries = {c.name: {"own": _plain(c.resources), "given": _plain(given[c.name])} for c in every}
        self._journal.put(_BUCKET, pod.metadata.uid, entries)
        return pod

    def release(self, obj: Any) -> None:
        """For `store.on_drop`: the pod is gone."""
        if isinstance(obj, Pod):
            self._journal.delete(_BUCKET, obj.metadata.uid)


def _is_told(entry: _Entry, container: Container) -> bool:
    """Whether it is known what the container was given, for the very resources that it names now."""
    return bool(entry.own == _plain(container.resources))


def _given(entry: _Entry, container: Container) -> ResourceRequirements:
    # An equal struct is not encoded as the default is; the container's digest would change, and the container with it.
    return container.resources if entry.given == container.resources else entry.given


def _with_resources(pod: Pod, given: Mapping[str, ResourceRequirements]) -> Pod:
    def each(containers: tuple[Container, ...]) -> tuple[Container, ...]:
        return tuple(replace(container, resources=given[container.name]) for container in containers)

    spec = pod.spec
    spec = replace(spec, init_containers=each(spec.init_containers), containers=each(spec.containers))
    return replace(pod, spec=spec)


def _plain(resources: ResourceRequirements) -> Any:
    return msgspec.to_builtins(resources, str_keys=True)
