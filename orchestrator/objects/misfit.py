"""The words for what does not fit its type: what was expected, what was read, how it was written, what to write."""

import difflib
import json
from collections.abc import Callable, Iterable
from typing import Any

from orchestrator.objects.problem import FieldPath, Problem, error

SourceText = Callable[[FieldPath], str | None]
"""Gives the text of a scalar as it stands in the file ("no" where the value is False), None where it is not known."""


def misfit(value: Any, expected: str, path: FieldPath, written: str | None, *, secret: bool) -> Problem:
    """Give the error for a value of a wrong type: "expected a string, but read the integer 8080: write ..."."""
    read = f"the {_kind(value)}" if not isinstance(value, list | dict) and value is not None else _kind(value)
    if secret:
        quote = expected == "a string" and isinstance(value, bool | int | float)
        return error(path, f"expected {expected}, but read {read}", "put it in quotes" if quote else "")
    if written is None:
        written = json.dumps(value, default=str)
    if isinstance(value, bool | int | float):
        plain = json.dumps(value)
        found = shortened(f"read {read} {plain}" if written == plain else f"YAML reads {written} as {read} {plain}")
    elif isinstance(value, str):
        found = f'read {read} "{shortened(value)}"'
    else:
        found = f"read {read}"
    return error(path, f"expected {expected}, but {found}", _proposal(value, written, expected, path))


def null_misfit(path: FieldPath) -> Problem:
    """Give the error for a null where a value must stand, or nothing at all."""
    return error(path, "must not be null", "give it a value, or leave it out")


def unknown_field(key: str, known: Iterable[str], path: FieldPath) -> Problem:
    """Give the error for a field that its type does not have, with the name that was most likely meant."""
    message = f'unknown field "{shortened(key)}"'
    return Problem("error", path, message, did_you_mean(nearest(key, list(known))), about_key=True)


def did_you_mean(guess: str | None) -> str:
    """Give a proposal: the name that was most likely meant, or nothing."""
    return f'did you mean "{guess}"?' if guess else ""


def nearest(word: str, known: list[str], likeness: float = 0.6) -> str | None:
    """Give the known word that someone most likely meant."""
    lowered = {candidate.lower(): candidate for candidate in known}
    if word.lower() in lowered:
        return lowered[word.lower()]
    # "Pdo": in short words the usual slip of the fingers leaves too little alike.
    swapped = [low for low in lowered if len(low) == len(word) and sorted(low) == sorted(word.lower())]
    close = swapped or difflib.get_close_matches(word.lower()[:100], list(lowered), n=1, cutoff=likeness)
    return lowered[close[0]] if close else None


def shortened(text: str) -> str:
    """Give a text of at most 80 characters."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return "nothing (null)"


def _proposal(value: Any, written: str, expected: str, path: FieldPath) -> str:
    prefix = "- " if not path or isinstance(path[-1], int) else f"{path[-1]}: "
    if expected == "a string" and isinstance(value, bool | int | float):
        return f"write {prefix}{shortened(json.dumps(written))}"
    if expected == "an integer" and isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return f"write {prefix}{shortened(value.strip())}"
    if expected == "a boolean" and isinstance(value, str) and value.lower() in ("true", "false", "yes", "no"):
        return f"write {prefix}{'true' if value.lower() in ('true', 'yes') else 'false'}"
    if expected == "a list" and isinstance(value, str | int):
        return f"write {prefix}[{shortened(json.dumps(str(value)))}]"
    return ""
