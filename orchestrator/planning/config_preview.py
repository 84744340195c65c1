"""What an edit of a ConfigMap or Secret would do, from its two versions alone: which keys, who would be restarted."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.objects.annotations import restart_kinds
from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.consumers import uses_of
from orchestrator.planning.made_from import ConfigKey, became

Name = tuple[str, str, str]
"""Kind, namespace ("" for kinds without one) and name."""
Objects = Mapping[Name, Any]


def changed_keys(now: Any | None, then: Any | None) -> frozenset[str]:
    """The keys that the two versions do not have in common; None stands for an object that is not there."""
    old, new = _content(now), _content(then)
    return frozenset(key for key in {*old, *new} if old.get(key) != new.get(key))


def restart_causes(pod: Pod, container: Container, current: Objects, wanted: Objects) -> tuple[str, ...]:
    """The keys for which the pod's annotation would restart the container, each in words; none if it could not start.

    As `config_restart` decides it.
    """
    kinds = restart_kinds(pod.metadata.annotations)
    found = list(_changes(pod, container, current, wanted)) if kinds else []
    if any(missed for _, _, missed in found):
        return ()
    return tuple(dict.fromkeys(f"{of} {word}" for of, word, _ in sorted(found) if of.kind in kinds))


def _changes(
    pod: Pod, container: Container, current: Objects, wanted: Objects
) -> Iterator[tuple[ConfigKey, str, bool]]:
    for use in uses_of(pod, container):
        name = (use.kind, pod.metadata.namespace, use.name)
        now, then = current.get(name), wanted.get(name)
        for key in changed_keys(now, then):
            if use.keys is None or key in use.keys:
                before, after = key in _content(now), key in _content(then)
                missed = not after and use.misses(gone=then is None)
                yield ConfigKey(use.kind, use.name, key), became(before=before, after=after), missed


def _content(obj: Any | None) -> dict[str, str]:
    if obj is None:
        return {}
    second = obj.binary_data if hasattr(obj, "binary_data") else obj.string_data
    return {**obj.data, **second}
