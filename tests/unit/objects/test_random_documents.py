"""S08 by chance: of random documents of every kind, what we accept the official schema accepts."""

import random
from typing import Any

import pytest
from msgspec import inspect

from orchestrator.objects import foreign, registry
from orchestrator.objects.foreign import ForeignType
from orchestrator.objects.structs import struct_fields
from tests import official

ODD: tuple[Any, ...] = (
    None, "", "word", "{{name}}", 0, -1, 3, 3.0, 3.5, True, [], {}, [None], ["a"], [3], [{}], [[]], {"a": None},
    {"a": 3}, {"a": "b"}, {"": ""}, {"name": 3}, {"metadata": {"name": None}}, "9" * 20, 2**70,
    "a" * 300, "1Gi", "Always",
)  # fmt: skip
SCALARS = {"quantity": ("1", 2, "1Gi", 0.5), "time": ("2026-01-31T12:00:00Z",), "base64": ("aGk=",)}
DEPTH = 9
DOCUMENTS = 1500


class Chance:
    """Values of types, with a few in them that do not fit."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def document(self) -> dict[str, Any]:
        kind = self._random.choice(foreign.kinds())
        version = self._random.choice(foreign.versions(kind))
        own = registry.find(kind, version)
        node = foreign.type_of(kind, version) if own is None else inspect.type_info(own.type)
        value = self.value(node, 0)
        return {**(value if isinstance(value, dict) else {}), "apiVersion": version, "kind": kind}

    def value(self, node: inspect.Type, depth: int) -> Any:
        choice = self._random.choice
        if self._random.random() < 0.03:
            return choice(ODD)
        match node:
            case inspect.StructType():
                return self._fields(struct_fields(node.cls), depth)
            case ForeignType():
                return self._fields(node.fields, depth)
            case inspect.VarTupleType():
                return (
                    [self.value(node.item_type, depth + 1) for _ in range(choice((0, 1, 2)))] if depth < DEPTH else []
                )
            case inspect.DictType():
                keys = self._random.sample(("a", "app", "x.io/y", "data"), choice((0, 1, 2)))
                return {key: self.value(node.value_type, depth + 1) for key in keys}
            case inspect.UnionType():
                return self.value(
                    choice([each for each in node.types if not isinstance(each, inspect.NoneType)]), depth
                )
            case inspect.LiteralType():
                return choice(node.values)
            case inspect.Metadata():
                return choice(SCALARS[(node.extra or {})["scalar"]])
            case inspect.StrType():
                return choice(("a", "web", "10.0.0.1", "/data"))
            case inspect.IntType() | inspect.FloatType():
                return choice((0, 1, 80, 70_000))
            case inspect.BoolType():
                return choice((True, False))
            case _:
                return choice(ODD)

    def _fields(self, fields: dict[str, inspect.Field], depth: int) -> dict[str, Any]:
        return {
            name: self.value(field.type, depth + 1)
            for name, field in fields.items()
            if field.required or (depth < DEPTH and self._random.random() < 0.35)
        }


@pytest.mark.parametrize("seed", range(4))
def test_S08_what_we_accept_the_schema_accepts(seed: int) -> None:
    chance, accepted = Chance(seed), 0
    for _ in range(DOCUMENTS):
        document = chance.document()
        problems = registry.decode(document)[1]
        assert all(str(problem).isprintable() for problem in problems)
        if not any(problem.severity == "error" for problem in problems):
            accepted += 1
            assert not official.faults(document), document
    assert accepted > DOCUMENTS / 20
