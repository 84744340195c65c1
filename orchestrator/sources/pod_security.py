"""Which pods of a load a level of the Pod Security Standards forbids, and where in their files.

A namespace's label `pod-security.kubernetes.io/enforce` says a level, and the daemon's own setting another: the
stricter one holds, for whoever writes the specs writes the labels too.  The label `warn` only warns.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator.objects.config import Namespace
from orchestrator.objects.pod_security import Violation, at_level, sentence
from orchestrator.objects.problem import error, warning
from orchestrator.objects.security_levels import LEVELS, Level, stricter
from orchestrator.sources.located import Load, Located, Sourced, told_once

LABEL = "pod-security.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Levels:
    """What holds in one namespace."""

    enforce: Level
    warn: Level = "privileged"


class Standards:
    """The levels of all namespaces of a load; `floor` is the setting's, for every namespace."""

    def __init__(self, objects: Iterable[Sourced], floor: Level) -> None:
        self._floor = Levels(floor)
        self._by_namespace: Mapping[str, Levels] = {
            sourced.object.metadata.name: _levels(sourced.object, floor)
            for sourced in objects
            if isinstance(sourced.object, Namespace)
        }

    def denials(self, sourced: Sourced) -> tuple[Located, ...]:
        """The errors of an object that may not run, one a rule; none of one that may."""
        level = self._of(sourced).enforce
        return tuple(
            Located(error(violation.path, sentence((violation,), level)), sourced.file, line, column)
            for violation, line, column in _forbidden(sourced, level)
        )

    def reason(self, sourced: Sourced) -> str:
        """All of them in one sentence, as the API server refuses a pod."""
        level, name = self._of(sourced).enforce, sourced.object.metadata.name
        broken = (violation for violation, _, _ in _forbidden(sourced, level))
        return f'pods "{name}" is forbidden: {sentence(broken, level)}'

    def tolerated(self, sourced: Sourced) -> tuple[Located, ...]:
        """The warnings of a pod that runs already, and would not be let in any more."""
        return _warnings(sourced, self._of(sourced).enforce)

    def warnings(self, sourced: Sourced) -> tuple[Located, ...]:
        """What the namespace wants to be warned of, beyond what it refuses."""
        levels = self._of(sourced)
        return _warnings(sourced, levels.warn, but=levels.enforce)

    def _of(self, sourced: Sourced) -> Levels:
        return self._by_namespace.get(sourced.object.metadata.namespace, self._floor)


def with_standards(load: Load, floor: Level) -> Load:
    """A load without the pods that may not run; what is wrong with them is among its problems."""
    standards = Standards(load.objects, floor)
    problems = list(load.problems)
    kept = []
    for sourced in load.objects:
        denied = standards.denials(sourced)
        problems += (*denied, *standards.warnings(sourced))
        if not denied:
            kept.append(sourced)
    return replace(load, objects=tuple(kept), problems=told_once(problems))


def _levels(namespace: Namespace, floor: Level) -> Levels:
    labels = namespace.metadata.labels
    return Levels(stricter(floor, _named(labels, "enforce")), _named(labels, "warn"))


def _named(labels: Mapping[str, str], mode: str) -> Level:
    return next((level for level in LEVELS if labels.get(LABEL + mode) == level), "privileged")


def _forbidden(sourced: Sourced, level: Level) -> Iterable[tuple[Violation, int, int]]:
    chosen = at_level((violation for violation, _, _ in sourced.violations), level)
    return (found for found in sourced.violations if found[0] in chosen)


def _warnings(sourced: Sourced, level: Level, but: Level = "privileged") -> tuple[Located, ...]:
    said = {violation.rule for violation, _, _ in _forbidden(sourced, but)}
    return tuple(
        Located(warning(violation.path, sentence((violation,), level, enforced=False)), sourced.file, line, column)
        for violation, line, column in _forbidden(sourced, level)
        if violation.rule not in said
    )
