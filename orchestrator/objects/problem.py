"""What is wrong with a document: one frozen value for each finding, placed by its field path."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.printable import printable

FieldPath = tuple[str | int, ...]
"""The way to a field: names and list indexes from the document's top."""

Severity = Literal["error", "warning"]

_LONGEST = 256
"""Characters that are shown of what a user wrote: the longest name that Kubernetes allows, and some."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.  `proposal` says what to write instead, "" where nothing can be proposed.

    An error refuses the document; a warning tells of something that has no effect.  `about_key` says that the field's
    name is wrong and not its value; `once`, that the same message at another place would tell nothing new; `runs_here`,
    that only a cluster would refuse it; `instead`, what then holds here, where it is not what is meant.  `unknown_kind`
    is the kind that nobody knows ("x.io/v1 Gizmo"): a CustomResourceDefinition elsewhere may define it.
    """

    severity: Severity
    path: FieldPath
    message: str
    proposal: str = ""
    about_key: bool = False
    once: bool = False
    runs_here: bool = False
    instead: str = ""
    unknown_kind: str = ""

    @property
    def field(self) -> str:
        """The path as Kubernetes writes it: "spec.containers[0].image"."""
        return path_text(self.path)

    @property
    def sentence(self) -> str:
        """Message and proposal; a question is put in brackets."""
        if self.proposal.endswith("?"):
            return f"{self.message} ({self.proposal})"
        return f"{self.message}: {self.proposal}" if self.proposal else self.message

    def __str__(self) -> str:
        return printable(f"{self.field}: {self.sentence}" if self.path else self.sentence)


def tolerated(problem: Problem) -> Problem:
    """Give the warning that a daemon makes of an error which only a cluster would have."""
    if problem.severity != "error":
        return problem
    return replace(
        problem, severity="warning", proposal=f"{problem.instead or 'it runs here'}, but a cluster refuses it"
    )


def path_text(path: FieldPath) -> str:
    """Give a path as Kubernetes writes it: "spec.containers[0].image", "metadata.labels[example.com/a]"."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.match(step):
            text += f".{_cut(step)}" if text else _cut(step)
        else:
            text += f"[{_cut(step)}]"
    return text


def quoted(value: object) -> str:
    """Give a value as a message shows it: a string in quotes, and not all of a long one."""
    return f'"{_cut(value)}"' if isinstance(value, str) else _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def error(path: FieldPath, message: str, proposal: str = "") -> Problem:
    """Give an error."""
    return Problem("error", path, message, proposal)


def warning(path: FieldPath, message: str, proposal: str = "") -> Problem:
    """Give a warning."""
    return Problem("warning", path, message, proposal)


def no_effect(path: FieldPath, message: str) -> Problem:
    """Give a warning of something that has no effect here, wherever it stands: it is told once."""
    return Problem("warning", path, message, once=True)


def invalid(path: FieldPath, value: object, rule: str, proposal: str = "") -> Problem:
    """Give an error in the words of Kubernetes' API server: Invalid value."""
    return error(path, f"Invalid value: {quoted(value)}: {rule}", proposal)


def required(path: FieldPath, rule: str = "") -> Problem:
    """Give an error in the words of Kubernetes' API server: Required value."""
    return error(path, f"Required value: {rule}" if rule else "Required value")


def duplicate(path: FieldPath, value: object) -> Problem:
    """Give an error in the words of Kubernetes' API server: Duplicate value."""
    return error(path, f'Duplicate value: "{_cut(str(value))}"')


def forbidden(path: FieldPath, rule: str) -> Problem:
    """Give an error in the words of Kubernetes' API server: Forbidden."""
    return error(path, f"Forbidden: {rule}")


def unsupported(path: FieldPath, value: object, allowed: tuple[object, ...], proposal: str = "") -> Problem:
    """Give an error in the words of Kubernetes' API server: Unsupported value."""
    supported = ", ".join(f'"{item}"' for item in sorted(map(str, allowed)) if item)
    return error(path, f'Unsupported value: "{_cut(str(value))}": supported values: {supported}', proposal)
