"""What is wrong with a document: one frozen value for each finding, placed by its field path."""

import re
from dataclasses import dataclass
from typing import Literal

FieldPath = tuple[str | int, ...]
"""The way to a field: names and list indexes from the document's top."""

Severity = Literal["error", "warning"]

_PLAIN = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.  `proposal` says what to write instead, "" where nothing can be proposed.

    An error refuses the document; a warning tells of something that has no effect.  `about_key` says that the field's
    name is wrong and not its value.
    """

    severity: Severity
    path: FieldPath
    message: str
    proposal: str = ""
    about_key: bool = False

    @property
    def field(self) -> str:
        """The path as Kubernetes writes it: "spec.containers[0].image"."""
        return path_text(self.path)

    @property
    def sentence(self) -> str:
        """Message and proposal."""
        return f"{self.message}: {self.proposal}" if self.proposal else self.message

    def __str__(self) -> str:
        return f"{self.field}: {self.sentence}" if self.path else self.sentence


def path_text(path: FieldPath) -> str:
    """Give a path as Kubernetes writes it: "spec.containers[0].image", "metadata.labels[example.com/a]"."""
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN.match(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step}]"
    return text


def error(path: FieldPath, message: str, proposal: str = "") -> Problem:
    """Give an error."""
    return Problem("error", path, message, proposal)


def warning(path: FieldPath, message: str, proposal: str = "") -> Problem:
    """Give a warning."""
    return Problem("warning", path, message, proposal)


def invalid(path: FieldPath, value: object, rule: str) -> Problem:
    """Give an error in the words of Kubernetes' API server: Invalid value."""
    shown = f'"{value}"' if isinstance(value, str) else value
    return error(path, f"Invalid value: {shown}: {rule}")


def required(path: FieldPath, rule: str = "") -> Problem:
    """Give an error in the words of Kubernetes' API server: Required value."""
    return error(path, f"Required value: {rule}" if rule else "Required value")


def duplicate(path: FieldPath, value: object) -> Problem:
    """Give an error in the words of Kubernetes' API server: Duplicate value."""
    return error(path, f'Duplicate value: "{value}"')


def forbidden(path: FieldPath, rule: str) -> Problem:
    """Give an error in the words of Kubernetes' API server: Forbidden."""
    return error(path, f"Forbidden: {rule}")


def unsupported(path: FieldPath, value: object, allowed: tuple[object, ...]) -> Problem:
    """Give an error in the words of Kubernetes' API server: Unsupported value."""
    supported = ", ".join(f'"{item}"' for item in sorted(map(str, allowed)) if item)
    return error(path, f'Unsupported value: "{value}": supported values: {supported}')
