"""Objects and problems with their places: file, line, column."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.objects.meta import Object
from orchestrator.objects.pod_security import Violation
from orchestrator.objects.problem import Problem, Severity


@dataclass(frozen=True, slots=True)
class Located:
    """A problem and where it is; lines and columns count from 1.

    `more` counts the further places that would say the same, of what is told once.
    """

    problem: Problem
    file: str
    line: int = 1
    column: int = 1
    more: int = 0

    @property
    def severity(self) -> Severity:
        """The problem's severity: "error" or "warning"."""
        return self.problem.severity

    @property
    def text(self) -> str:
        """One line as compilers write it: "file:line:col: path: message", with "warning: " before a warning's path."""
        mark = "" if self.problem.severity == "error" else "warning: "
        places = f" (and {self.more} more place{'' if self.more == 1 else 's'})" if self.more else ""
        return f"{self.file}:{self.line}:{self.column}: {mark}{self.problem}{places}"

    def as_json(self) -> dict[str, Any]:
        """Give the same as a mapping for `-o json`."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": self.problem.severity,
            "path": self.problem.field,
            "message": self.problem.message,
            "proposal": self.problem.proposal,
            "more": self.more,
        }


def told_once(problems: Iterable[Located]) -> tuple[Located, ...]:
    """Give the problems, those that are told once at their first place alone, with the count of all others."""
    told: list[Located] = []
    places: dict[str, int] = {}
    for located in problems:
        message = located.problem.message
        if not located.problem.once:
            told.append(located)
        elif message not in places:
            places[message] = len(told)
            told.append(located)
        else:
            first = told[places[message]]
            told[places[message]] = replace(first, more=first.more + 1 + located.more)
    return tuple(told)


@dataclass(frozen=True, slots=True)
class Sourced:
    """An object with the document that it was made from, and where that document begins.

    `violations` are the Pod Security Standards that a pod breaks, of whatever level, each with its line and column;
    `sysctls` are the places of the names of its kernel settings, `node_ports` those of a Service's node ports, one for
    each of its ports.
    """

    object: Object
    raw: dict[str, Any]
    file: str
    line: int
    violations: tuple[tuple[Violation, int, int], ...] = ()
    sysctls: tuple[tuple[int, int], ...] = ()
    node_ports: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace and name: no two objects of a load share them."""
        return self.object.kind, self.object.metadata.namespace, self.object.metadata.name

    @property
    def title(self) -> str:
        """The object in words: "Pod default/web"."""
        kind, namespace, name = self.key
        return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"

    @property
    def place(self) -> str:
        """Where it stands: "specs/web.yaml:3"."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class FileLoad:
    """What one file says.  `broken` files have an error somewhere, and then none of their objects counts.

    `defines` are the custom kinds that it makes known ("x.io/v1 Gizmo").
    """

    objects: tuple[Sourced, ...] = ()
    problems: tuple[Located, ...] = ()
    defines: frozenset[str] = frozenset()

    @property
    def broken(self) -> bool:
        """Whether there is an error."""
        return any(problem.severity == "error" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Load:
    """What several files say together."""

    objects: tuple[Sourced, ...] = ()
    problems: tuple[Located, ...] = ()

    @property
    def errors(self) -> tuple[Located, ...]:
        """The problems that are errors."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Located, ...]:
        """The problems that are warnings."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")
