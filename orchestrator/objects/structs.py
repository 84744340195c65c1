"""What msgspec says of our types, and a value of each type that stands in for one which is wrong or missing."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from orchestrator.objects.foreign import ForeignType


@cache
def struct_info(cls: type[msgspec.Struct]) -> inspect.Type:
    """Give msgspec's description of a struct type; made once, as it is slow to make."""
    return inspect.type_info(cls)


@cache
def struct_fields(cls: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    """Give the fields of a struct by their outside names."""
    info = struct_info(cls)
    return {field.encode_name: field for field in info.fields} if isinstance(info, inspect.StructType) else {}


def unless_none(expected: inspect.UnionType) -> inspect.Type | None:
    """Give the type of which a union is the optional form; None for a union of several."""
    types = [each for each in expected.types if not isinstance(each, inspect.NoneType)]
    return types[0] if len(types) == 1 else None


def stand_in(expected: inspect.Type) -> Any:
    """Give a value of a type, as little of it as there can be."""
    match expected:
        case inspect.StructType():
            return _required(struct_fields(expected.cls))
        case ForeignType():
            return _required(expected.fields)
        case inspect.UnionType():
            return stand_in(expected.types[0])
        case inspect.LiteralType():
            return expected.values[0]
        case inspect.VarTupleType():
            return []
        case inspect.DictType() | inspect.AnyType():
            return {}
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.BoolType():
            return False
        case _:
            return "1"


def _required(fields: Mapping[str, inspect.Field]) -> dict[str, Any]:
    return {name: stand_in(field.type) for name, field in fields.items() if field.required}
