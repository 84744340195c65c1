"""Every kind that Kubernetes 1.34 knows, with its fields: for those that have no type of their own here.

Such a document has no effect, yet its typos are errors all the same, as they would be on a cluster.  The fields stand
in foreign_kinds.json (`python -m scripts.foreign_kinds` writes it from the official schema): kind -> apiVersion ->
type, and type -> field -> what may stand there.  `!` after a field's name: it is required.  What may stand there is a
word (`string`, `boolean`, `integer`, `number`, `quantity`, `port`, `time`, `base64`, `mapping`, `any`), `=Word` for
that word alone, `[...]` a list, `{...}` a map, `@type` a type of the table or one of `BY_HAND`.

Nothing of this is read before the first document that needs it.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from orchestrator.objects.meta import LabelSelector, LocalObjectReference, ObjectMeta, ObjectReference
from orchestrator.objects.pod import PodTemplateSpec
from orchestrator.objects.scalars import IntOrString, Quantity, Time

BY_HAND: dict[str, type[msgspec.Struct]] = {
    "core.v1.LocalObjectReference": LocalObjectReference,
    "core.v1.ObjectReference": ObjectReference,
    "core.v1.PodTemplateSpec": PodTemplateSpec,
    "meta.v1.LabelSelector": LabelSelector,
    "meta.v1.ObjectMeta": ObjectMeta,
}
"""Types of the official schema that the project has itself, with the same fields."""

REMOVED = {
    "ExternalAdmissionHookConfiguration": "1.9",
    "InitializerConfiguration": "1.14",
    "PodPreset": "1.20",
    "PodSecurityPolicy": "1.25",
    "ThirdPartyResource": "1.8",
}
"""Kinds that Kubernetes had once, and the version that has them no more."""

_WORDS: dict[str, inspect.Type] = {
    "any": inspect.AnyType(),
    "base64": inspect.Metadata(inspect.StrType(), extra={"scalar": "base64"}),
    "boolean": inspect.BoolType(),
    "integer": inspect.IntType(),
    "mapping": inspect.DictType(inspect.StrType(), inspect.AnyType()),
    "number": inspect.FloatType(),
    "port": inspect.type_info(IntOrString),
    "quantity": inspect.type_info(Quantity),
    "string": inspect.StrType(),
    "time": inspect.type_info(Time),
}


@dataclass(frozen=True, slots=True)
class _Table:
    kinds: dict[str, dict[str, str]]
    types: dict[str, dict[str, str]]


class ForeignType(inspect.Type):
    """A type of the table, beside msgspec's own descriptions of types; its fields are described when asked for."""

    name: str

    @property
    def fields(self) -> dict[str, inspect.Field]:
        """The fields by their outside names."""
        return _fields(self.name)


def kinds() -> list[str]:
    """Give every kind that Kubernetes knows."""
    return list(_table().kinds)


def versions(kind: str) -> tuple[str, ...]:
    """Give the apiVersions that have a kind, the best last; none for a kind that Kubernetes does not know."""
    return tuple(sorted(_table().kinds.get(kind, ()), key=_maturity))


def type_of(kind: str, api_version: str) -> ForeignType:
    """Give the type of a kind; KeyError for one that Kubernetes does not know."""
    return ForeignType(_table().kinds[kind][api_version])


@cache
def _table() -> _Table:
    return msgspec.json.decode(Path(__file__).with_name("foreign_kinds.json").read_bytes(), type=_Table)


@cache
def _fields(name: str) -> dict[str, inspect.Field]:
    fields = {}
    for written, expression in _table().types[name].items():
        field = written.removesuffix("!")
        fields[field] = inspect.Field(field, field, _parse(expression), required=written.endswith("!"))
    return fields


def _parse(expression: str) -> inspect.Type:
    inner = expression[1:-1]
    match expression[0]:
        case "[":
            return inspect.VarTupleType(_parse(inner))
        case "{":
            return inspect.DictType(inspect.StrType(), _parse(inner))
        case "=":
            return inspect.LiteralType((expression[1:],))
        case "@":
            own = BY_HAND.get(expression[1:])
            return ForeignType(expression[1:]) if own is None else inspect.type_info(own)
        case _:
            return _WORDS[expression]


def _maturity(api_version: str) -> tuple[Any, ...]:
    """v1alpha1 < v1beta1 < v1beta2 < v1 < v2, as kubectl prefers them."""
    version = api_version.rpartition("/")[2]
    stage = 0 if "alpha" in version else 1 if "beta" in version else 2
    return stage, version, api_version
