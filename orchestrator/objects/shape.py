"""From a parsed document to the exact shape of a type: finds every wrong type and unknown field in one walk.

msgspec itself stops at the first error, so this walk goes first and msgspec only builds what is known to fit.  Like the
API server, the walk drops nulls (in a map of strings a null is "") and "" where a word with a default belongs, turns a
bare number that stands for a quantity into text, and reads 3.0 as the integer 3.  Everything else must have its type
exactly.  What is wrong or missing where something must be has a stand-in in the result, so that rules can be asked
about the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import inspect

from orchestrator.objects.foreign import ForeignType
from orchestrator.objects.misfit import SourceText, did_you_mean, misfit, nearest, null_misfit, shortened, unknown_field
from orchestrator.objects.problem import FieldPath, Problem, error, invalid, no_effect, required, unsupported
from orchestrator.objects.scalars import (
    QUANTITY_RULE,
    check_base64,
    check_time,
    parse_quantity,
    quantity_meant,
    quantity_text,
)
from orchestrator.objects.structs import stand_in, struct_fields, struct_info, unless_none
from orchestrator.objects.support import why_no_effect

_INT64 = 2**63
_EXACT = 2**53
"""Up to here a float holds every integer."""

ENOUGH = 1000
"""Problems after which the rest of a document, or of a file, is not looked at."""
_TEXT_RULES = {"base64": check_base64, "time": check_time}


class _Enough(Exception):
    """So much is wrong that nobody wants to know the rest."""


class Shaper:
    """One walk over one document.  `problems` has what was found; `shape` gives the document that fits the type.

    `source_text` tells how a scalar stands in the file, for better proposals; `secret` keeps values out of messages.
    """

    def __init__(self, source_text: SourceText, *, secret: bool = False) -> None:
        self.problems: list[Problem] = []
        self._source_text = source_text
        self._secret = secret

    def shape(self, value: Any, type_: type[msgspec.Struct] | ForeignType) -> Any:
        """Check a document against a type of ours, or of a kind that we do not run; None when too much is wrong."""
        expected = type_ if isinstance(type_, ForeignType) else struct_info(type_)
        try:
            return self._value(value, expected, ())
        except _Enough:
            return None

    def _add(self, *problems: Problem) -> None:
        self.problems += problems
        if len(self.problems) >= ENOUGH:
            raise _Enough

    def _value(self, value: Any, expected: inspect.Type, path: FieldPath) -> Any:
        walk = _WALKS.get(type(expected))
        return value if walk is None else walk(self, value, expected, path)

    def _struct(self, value: Any, expected: inspect.StructType, path: FieldPath) -> Any:
        cls = expected.cls
        return self._fields(value, struct_fields(cls), _struct_name(cls), path)

    def _foreign(self, value: Any, expected: ForeignType, path: FieldPath) -> Any:
        return self._fields(value, expected.fields, "", path)

    def _fields(self, value: Any, fields: Mapping[str, inspect.Field], struct: str, path: FieldPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, "a mapping", path)
        shaped: dict[str, Any] = {}
        for key, item in value.items():
            field = fields.get(key)
            here = (*path, key)
            if field is None:
                self._add(unknown_field(key, fields, here))
            elif item is not None and not (item == "" and _defaults_when_empty(field)):
                fitting = self._value(item, field.type, here)
                if fitting is not None:
                    shaped[key] = fitting
                reason = why_no_effect(struct, key, item)
                if reason is not None:
                    self.problems.append(no_effect(here, reason))
            elif item is None and not field.required and _refuses_null(field.type):
                self._add(null_misfit(here))
        for name, field in fields.items():
            if field.required and name not in shaped:
                shaped[name] = stand_in(field.type)
                if value.get(name) is None:
                    self._add(required((*path, name)))
        return shaped

    def _list(self, value: Any, expected: inspect.VarTupleType, path: FieldPath) -> Any:
        if not isinstance(value, list):
            return self._wrong(value, "a list", path)
        shaped = [self._value(item, expected.item_type, (*path, index)) for index, item in enumerate(value)]
        return [stand_in(expected.item_type) if item is None else item for item in shaped]

    def _map(self, value: Any, expected: inspect.DictType, path: FieldPath) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, "a mapping", path)
        inner = expected.value_type
        if isinstance(inner, inspect.AnyType):
            return value
        if isinstance(inner, inspect.StrType):
            value = {key: "" if item is None else item for key, item in value.items()}
        elif _refuses_null(inner):
            self._add(*(null_misfit((*path, key)) for key, item in value.items() if item is None))
        shaped = {key: self._value(item, inner, (*path, key)) for key, item in value.items() if item is not None}
        return {key: item for key, item in shaped.items() if item is not None}

    def _union(self, value: Any, expected: inspect.UnionType, path: FieldPath) -> Any:
        only = unless_none(expected)
        if only is not None:
            return self._value(value, only, path)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return self._wrong(value, "an integer or a string", path)
        return value if isinstance(value, str) else self._integer(value, inspect.IntType(), path)

    def _annotated(self, value: Any, expected: inspect.Metadata, path: FieldPath) -> Any:
        scalar = (expected.extra or {}).get("scalar", "")
        if scalar == "quantity":
            return self._quantity(value, path)
        rule = _TEXT_RULES.get(scalar)
        if rule is None or not isinstance(value, str):
            return self._value(value, expected.type, path)
        self._add(*(invalid(path, shortened(value), wrong) for wrong in rule(value)))
        return value

    def _quantity(self, value: Any, path: FieldPath) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return self._wrong(value, "a quantity", path)
        try:
            text = value if isinstance(value, str) else quantity_text(value)
            parse_quantity(text)
        except ValueError:
            text = shortened(str(value))
            self._add(invalid(path, text, QUANTITY_RULE, did_you_mean(quantity_meant(text))))
            return None
        return text

    def _literal(self, value: Any, expected: inspect.LiteralType, path: FieldPath) -> Any:
        if not isinstance(value, str):
            return self._wrong(value, "a string", path)
        if value not in expected.values:
            meant = [each for each in expected.values if str(each).lower() == value.lower()]
            guess = did_you_mean(nearest(value, [str(each) for each in expected.values if each]))
            wrong = unsupported(path, shortened(value), expected.values, guess)
            self._add(replace(wrong, runs_here=bool(meant)))
            return meant[0] if meant else None
        return value

    def _text(self, value: Any, _: inspect.StrType, path: FieldPath) -> Any:
        return value if isinstance(value, str) else self._wrong(value, "a string", path)

    def _boolean(self, value: Any, _: inspect.BoolType, path: FieldPath) -> Any:
        return value if isinstance(value, bool) else self._wrong(value, "a boolean", path)

    def _integer(self, value: Any, _: inspect.IntType, path: FieldPath) -> Any:
        if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return self._wrong(value, "an integer", path)
        if not -_INT64 <= value < _INT64:
            self._add(error(path, f"Invalid value: {shortened(str(value))}: must fit in 64 bits"))
            return None
        return value

    def _number(self, value: Any, _: inspect.FloatType, path: FieldPath) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if number else self._wrong(value, "a number", path)

    def _wrong(self, value: Any, expected: str, path: FieldPath) -> None:
        self._add(misfit(value, expected, path, self._source_text(path), secret=self._secret))


_WALKS: dict[type[inspect.Type], Callable[[Shaper, Any, Any, FieldPath], Any]] = {
    ForeignType: Shaper._foreign,
    inspect.BoolType: Shaper._boolean,
    inspect.DictType: Shaper._map,
    inspect.FloatType: Shaper._number,
    inspect.IntType: Shaper._integer,
    inspect.LiteralType: Shaper._literal,
    inspect.Metadata: Shaper._annotated,
    inspect.StrType: Shaper._text,
    inspect.StructType: Shaper._struct,
    inspect.UnionType: Shaper._union,
    inspect.VarTupleType: Shaper._list,
}
"""What else there is takes anything."""


def _refuses_null(expected: inspect.Type) -> bool:
    """Say what may be left out and may not be null, as the official schema has it.

    That is a quantity, a port that may be a name, and a word that can be no other (`kind`).
    """
    if isinstance(expected, inspect.UnionType):
        only = unless_none(expected)
        return only is None or _refuses_null(only)
    if isinstance(expected, inspect.LiteralType):
        return len(expected.values) == 1
    return isinstance(expected, inspect.Metadata) and (expected.extra or {}).get("scalar") == "quantity"


def _defaults_when_empty(field: inspect.Field) -> bool:
    """Say whether "" is as if the field was not written: so it is for a word that has a default."""
    only = unless_none(field.type) if isinstance(field.type, inspect.UnionType) else field.type
    return not field.required and isinstance(only, inspect.LiteralType) and len(only.values) > 1


def _struct_name(cls: type) -> str:
    return "Container" if cls.__name__ == "EphemeralContainer" else cls.__name__
