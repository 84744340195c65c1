"""A JSON Schema (draft 7, which editors know best) of everything that `validate` accepts, made from the types.

A document's kind chooses its part of the schema, so that an editor completes its fields alone and names the one that is
wrong.  Kinds that do not run here are described too, and say so.  The schema knows types and words; rules across fields
(names that must agree, references, ranges) are `validate`'s.
"""

import inspect as python
from typing import Any

import msgspec
from msgspec import inspect

from orchestrator.objects import foreign, registry
from orchestrator.objects.foreign import ForeignType
from orchestrator.objects.lists import List
from orchestrator.objects.scalars import QUANTITY_PATTERN
from orchestrator.objects.structs import struct_fields
from orchestrator.objects.support import why_no_effect

Schema = dict[str, Any]

_SCALARS: dict[str, Schema] = {
    "base64": {"type": ["string", "null"], "contentEncoding": "base64"},
    "quantity": {
        "description": 'An amount of something: "100m", "1.5Gi", 2.',
        "type": ["string", "number"],
        "pattern": QUANTITY_PATTERN,
    },
    "time": {"description": "A moment as of RFC 3339.", "type": ["string", "null"], "format": "date-time"},
}
_PORT: Schema = {"description": "A number or a name.", "type": ["integer", "string"]}
_IDLE = "This kind is known and does not run here yet: the document has no effect."
_ANYTHING = object()
"""A value with which a field asks for something, whatever it is."""


def json_schema() -> Schema:
    """Give the whole schema."""
    kinds = foreign.kinds()
    writer = _Writer()
    choices = [_when({"kind": {"const": kind}}, _kind(kind, writer)) for kind in kinds]
    any_list = writer.struct(List, "List", items={"type": "array", "items": {"type": "object"}})
    mixed_list = {"properties": {"items": {"items": {"$ref": "#"}}}}
    choices += [
        _when({"kind": {"type": "string", "pattern": "List$"}}, any_list),
        _when({"kind": {"const": "List"}}, mixed_list),
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Orchestrator specs",
        "description": "A document of a spec folder: a Kubernetes object, or a List of them.",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"enum": sorted({version for kind in kinds for version in foreign.versions(kind)})},
            "kind": {"enum": [*kinds, "List", *(f"{kind}List" for kind in kinds)]},
        },
        "allOf": choices,
        "definitions": dict(sorted(writer.definitions.items())),
    }


def _kind(kind: str, writer: "_Writer") -> Schema:
    parts = {version: writer.reference(_type_of(kind, version)) for version in foreign.versions(kind)}
    if len(parts) == 1:
        (only,) = parts.values()
        return only
    each = [_when({"apiVersion": {"const": version}}, part) for version, part in parts.items()]
    return {"properties": {"apiVersion": {"enum": list(parts)}}, "allOf": each}


def _type_of(kind: str, version: str) -> type[msgspec.Struct] | ForeignType:
    own = registry.find(kind, version)
    return foreign.type_of(kind, version) if own is None else own.type


def _when(properties: Schema, then: Schema) -> Schema:
    return {"if": {"properties": properties, "required": list(properties)}, "then": then}


class _Writer:
    """Writes the types that are asked for, and all that stand in them, as definitions."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def reference(self, type_: type[msgspec.Struct] | ForeignType) -> Schema:
        """Give a reference to a type's definition; writes it if nobody has."""
        name = type_.name if isinstance(type_, ForeignType) else type_.__name__
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.struct(type_, name)
        return {"$ref": f"#/definitions/{name}"}

    def struct(self, type_: type[msgspec.Struct] | ForeignType, name: str, **given: Schema) -> Schema:
        """Give the schema of a struct; `given` fields are taken as they are."""
        if isinstance(type_, ForeignType):
            fields, about = type_.fields, _IDLE if "metadata" in type_.fields else ""
        else:
            fields, about = struct_fields(type_), python.cleandoc(type_.__doc__ or "")
        properties = {field: given.get(field) or self._field(name, row) for field, row in fields.items()}
        required = [field for field, row in fields.items() if row.required]
        return {
            **({"description": about} if about else {}),
            "type": ["object", "null"],
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def _field(self, struct: str, field: inspect.Field) -> Schema:
        schema = self._type(field.type)
        notes: Schema = {}
        reason = why_no_effect("Container" if struct == "EphemeralContainer" else struct, field.encode_name, _ANYTHING)
        if reason:
            notes["description"] = reason
        default = _default(field)
        if default is not None:
            notes["default"] = default
        if notes and "$ref" in schema:
            # Beside a reference, draft 7 hears nothing else.
            return {"allOf": [schema], **notes}
        return {**schema, **notes}

    def _type(self, node: inspect.Type) -> Schema:
        match node:
            case inspect.StructType():
                return self.reference(node.cls)
            case ForeignType():
                return self.reference(node)
            case inspect.VarTupleType():
                return {"type": ["array", "null"], "items": self._item(node.item_type)}
            case inspect.DictType():
                return {"type": ["object", "null"], "additionalProperties": self._type(node.value_type)}
            case inspect.UnionType():
                return self._union(node)
            case inspect.LiteralType():
                words = list(node.values)
                return {"enum": words if len(words) == 1 else [*dict.fromkeys((*words, "")), None]}
            case inspect.Metadata():
                return _SCALARS.get((node.extra or {}).get("scalar", "")) or self._type(node.type)
            case inspect.StrType():
                return {"type": ["string", "null"]}
            case inspect.BoolType():
                return {"type": ["boolean", "null"]}
            case inspect.IntType():
                return {"type": ["integer", "null"]}
            case inspect.FloatType():
                return {"type": ["number", "null"]}
            case _:
                return {}

    def _item(self, node: inspect.Type) -> Schema:
        schema = self._type(node)
        kinds = schema.get("type")
        return {**schema, "type": kinds[0]} if isinstance(kinds, list) and "null" in kinds else schema

    def _union(self, node: inspect.UnionType) -> Schema:
        types = [each for each in node.types if not isinstance(each, inspect.NoneType)]
        return self._type(types[0]) if len(types) == 1 else _PORT


def _default(field: inspect.Field) -> Any:
    value = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    return value if isinstance(value, str | int) and value != "" and value is not False else None
