"""From a parsed document to the exact shape of a type: finds every wrong type and unknown field in one walk.

msgspec itself stops at the first error, so this walk goes first and msgspec only builds what is known to fit.  Like the
API server, the walk drops nulls (in a map of strings a null is ""), and turns a bare number that stands for a quantity
into text.  Everything else must have its type exactly.
"""

import difflib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from orchestrator.objects.problem import FieldPath, Problem, error, required, unsupported, warning
from orchestrator.objects.scalars import QUANTITY_RULE, parse_quantity, quantity_text
from orchestrator.objects.support import no_effect

SourceText = Callable[[FieldPath], str | None]
"""Gives the text of a scalar as it stands in the file ("no" where the value is False), None where it is not known."""

_INT64 = 2**63


class Shaper:
    """One walk over one document.  `problems` has what was found; `shape` gives the document that fits the type.

    `secret` keeps values out of all messages.
    """

    def __init__(self, source_text: SourceText, *, secret: bool = False) -> None:
        self.problems: list[Problem] = []
        self._source_text = source_text
        self._secret = secret

    def shape(self, value: Any, type_: type[msgspec.Struct]) -> Any:
        """Check a document against a struct type."""
        return self._value(value, struct_info(type_), ())

    def _value(self, value: Any, expected: inspect.Type, path: FieldPath) -> Any:
        match expected:
            case inspect.StructType():
                return self._struct(value, expected.cls, path)
            case inspect.VarTupleType():
                return self._list(value, expected.item_type, path)
            case inspect.DictType():
                return self._map(value, expected.value_type, path)
            case inspect.UnionType():
                return self._union(value, expected, path)
            case inspect.Metadata():
                return self._scalar_text(value, expected, path)
            case inspect.LiteralType():
                return self._literal(value, expected.values, path)
            case inspect.StrType():
                return value if isinstance(value, str) else self._wrong(value, "a string", path)
            case inspect.BoolType():
                return value if isinstance(value, bool) else self._wrong(value, "a boolean", path)
            case inspect.IntType():
                return self._integer(value, path)
            case _:
                return value

    def _struct(self, value: Any, cls: type, path: FieldPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, "a mapping", path)
        fields = struct_fields(cls)
        shaped: dict[str, Any] = {}
        for key, item in value.items():
            field = fields.get(key)
            if field is None:
                self.problems.append(_unknown_field(key, fields, (*path, key)))
            elif item is not None:
                fitting = self._value(item, field.type, (*path, key))
                if fitting is not None:
                    shaped[key] = fitting
                reason = no_effect(_struct_name(cls), key, item)
                if reason is not None:
                    self.problems.append(warning((*path, key), reason))
        missing = (name for name, field in fields.items() if field.required and value.get(name) is None)
        self.problems += [required((*path, name)) for name in missing]
        return shaped

    def _list(self, value: Any, item_type: inspect.Type, path: FieldPath) -> Any:
        if not isinstance(value, list):
            return self._wrong(value, "a list", path)
        return [self._value(item, item_type, (*path, index)) for index, item in enumerate(value)]

    def _map(self, value: Any, value_type: inspect.Type, path: FieldPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, "a mapping", path)
        if isinstance(value_type, inspect.StrType):
            value = {key: "" if item is None else item for key, item in value.items()}
        if isinstance(value_type, inspect.AnyType):
            return value
        shaped = {key: self._value(item, value_type, (*path, key)) for key, item in value.items() if item is not None}
        return {key: item for key, item in shaped.items() if item is not None}

    def _union(self, value: Any, expected: inspect.UnionType, path: FieldPath) -> Any:
        kinds = [kind for kind in expected.types if not isinstance(kind, inspect.NoneType)]
        if len(kinds) == 1:
            return self._value(value, kinds[0], path)
        if isinstance(value, bool) or not isinstance(value, int | str):
            return self._wrong(value, "an integer or a string", path)
        return self._integer(value, path) if isinstance(value, int) else value

    def _scalar_text(self, value: Any, expected: inspect.Metadata, path: FieldPath) -> Any:
        if (expected.extra or {}).get("scalar") == "quantity":
            return self._quantity(value, path)
        return self._value(value, expected.type, path)

    def _quantity(self, value: Any, path: FieldPath) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return self._wrong(value, "a quantity", path)
        try:
            text = value if isinstance(value, str) else quantity_text(value)
            parse_quantity(text)
        except ValueError:
            self.problems.append(error(path, f'Invalid value: "{value}": {QUANTITY_RULE}'))
            return None
        return text

    def _literal(self, value: Any, allowed: tuple[Any, ...], path: FieldPath) -> Any:
        if not isinstance(value, str):
            return self._wrong(value, "a string", path)
        if value not in allowed:
            self.problems.append(unsupported(path, value, allowed))
            return None
        return value

    def _integer(self, value: Any, path: FieldPath) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            return self._wrong(value, "an integer", path)
        if not -_INT64 <= value < _INT64:
            self.problems.append(error(path, f"Invalid value: {_short(str(value))}: must fit in 64 bits"))
            return None
        return value

    def _wrong(self, value: Any, expected: str, path: FieldPath) -> None:
        read = f"the {_kind(value)}" if not isinstance(value, list | dict) and value is not None else _kind(value)
        written = self._source_text(path)
        if written is None:
            written = json.dumps(value, default=str)
        if self._secret:
            found = f"read {read}"
        elif isinstance(value, bool | int | float):
            plain = json.dumps(value)
            found = f"read {read} {plain}" if written == plain else f"YAML reads {written} as {read} {plain}"
            found = _short(found)
        elif isinstance(value, str):
            found = f'read {read} "{_short(value)}"'
        else:
            found = f"read {read}"
        proposal = "" if self._secret else _proposal(value, written, expected, path)
        if self._secret and expected == "a string" and isinstance(value, bool | int | float):
            proposal = "put it in quotes"
        self.problems.append(error(path, f"expected {expected}, but {found}", proposal))


@cache
def struct_info(cls: type[msgspec.Struct]) -> inspect.Type:
    """Give msgspec's description of a struct type; made once, as it is slow to make."""
    return inspect.type_info(cls)


@cache
def struct_fields(cls: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    """Give the fields of a struct by their outside names."""
    info = struct_info(cls)
    return {field.encode_name: field for field in info.fields} if isinstance(info, inspect.StructType) else {}


def nearest(word: str, known: list[str], likeness: float = 0.6) -> str | None:
    """Give the known word that someone most likely meant."""
    for candidate in known:
        if candidate.lower() == word.lower():
            return candidate
    lowered = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(word.lower()[:100], list(lowered), n=1, cutoff=likeness)
    return lowered[close[0]] if close else None


def _unknown_field(key: str, fields: dict[str, inspect.Field], path: FieldPath) -> Problem:
    guess = nearest(key, list(fields))
    hint = f' (did you mean "{guess}"?)' if guess else ""
    return Problem("error", path, f'unknown field "{_short(key)}"{hint}', about_key=True)


def _struct_name(cls: type) -> str:
    return "Container" if cls.__name__ == "EphemeralContainer" else cls.__name__


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
        return f"write {prefix}{_short(json.dumps(written))}"
    if expected == "an integer" and isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return f"write {prefix}{_short(value.strip())}"
    if expected == "a boolean" and isinstance(value, str) and value.lower() in ("true", "false", "yes", "no"):
        return f"write {prefix}{'true' if value.lower() in ('true', 'yes') else 'false'}"
    if expected == "a list" and isinstance(value, str | int):
        return f"write {prefix}[{_short(json.dumps(str(value)))}]"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
