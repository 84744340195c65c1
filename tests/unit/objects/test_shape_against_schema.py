"""S08, kind by kind: every field of every kind of Kubernetes 1.34 takes and refuses what the official schema does.

Two walks side by side, ours and the schema's, from each kind down to every field of every type.  A field is asked with
values of every sort, one level deep; what it holds is asked in its turn.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from orchestrator.objects import foreign, registry
from orchestrator.objects.foreign import ForeignType
from orchestrator.objects.problem import Problem
from orchestrator.objects.shape import Shaper, struct_fields
from scripts import foreign_kinds
from tests import official

Ours = ForeignType | type[msgspec.Struct]

PROBES: tuple[Any, ...] = (
    None, "", "word", "1", "2026-01-31T12:00:00Z", True, 0, 3, 3.0, 3.5, [], {}, [None], ["word"], [3], [{}], [[]],
    {"a": None}, {"a": "word"}, {"a": 3}, {"a": {}}, {"a": []},
)  # fmt: skip
WANTED_MORE = {("Pod", "spec"), ("Event", "metadata")}
"""Fields that the schema lets be left out, and the API server does not."""
RIGHTLY_REFUSED = ("Invalid value", "Unsupported value", "Required value", "read nothing (null)")
"""What of ours is stricter: the grammar of a scalar, one word of several, what must be there, a null in a list."""


def fields_of(ours: Ours) -> dict[str, inspect.Field]:
    return ours.fields if isinstance(ours, ForeignType) else struct_fields(ours)


def bare(node: inspect.Type) -> Ours | None:
    """Our type that a field holds, inside of lists and maps; None where it holds none."""
    match node:
        case ForeignType():
            return node
        case inspect.StructType():
            return node.cls
        case inspect.VarTupleType():
            return bare(node.item_type)
        case inspect.DictType():
            return bare(node.value_type)
        case inspect.UnionType():
            return next((found for item in node.types if (found := bare(item)) is not None), None)
        case _:
            return None


def named(part: dict[str, Any]) -> str:
    """The schema's type that a field holds, inside of lists and maps; "" where it holds none."""
    while "$ref" not in part:
        inside = part.get("items") or part.get("additionalProperties")
        if not isinstance(inside, dict):
            return ""
        part = inside
    return str(part["$ref"].rpartition("/")[2])


@cache
def pairs() -> dict[str, tuple[str, Ours]]:
    """Every type of the schema that stands in some kind, with ours for it; some have two, ours and the table's."""
    waiting: list[tuple[str, Ours]] = []
    for name, item in official.definitions().items():
        for served in item.get("x-kubernetes-group-version-kind", ()):
            version = "/".join(filter(None, (served["group"], served["version"])))
            if version in foreign.versions(served["kind"]) and "ObjectMeta" in str(item["properties"].get("metadata")):
                waiting.append((name, our_kind(served["kind"], version)))
    found: dict[str, tuple[str, Ours]] = {}
    while waiting:
        name, ours = waiting.pop()
        title = f"{name} {'in the table' if isinstance(ours, ForeignType) else ours.__name__}"
        if title in found:
            continue
        found[title] = name, ours
        for field, part in official.definitions()[name]["properties"].items():
            inner = bare(fields_of(ours)[field].type) if field in fields_of(ours) else None
            if inner is not None:
                waiting.append((named(part), inner))
    return found


def our_kind(kind: str, version: str) -> Ours:
    own = [row.type for row in registry.TABLE if (row.kind, row.api_version) == (kind, version)]
    return own[0] if own else foreign.type_of(kind, version)


@cache
def accepts(part: str) -> tuple[bool, ...]:
    """What the schema says of each probe."""
    judge = official.validator(json.loads(part))
    return tuple(judge.is_valid(probe) for probe in PROBES)


def ours_of(ours: Ours, field: str, probe: Any) -> list[Problem]:
    """What our walk finds wrong with one field of a type."""
    shaper = Shaper(lambda path: None)
    shaper.shape({field: probe}, ours)
    return [problem for problem in shaper.problems if problem.path[0] == field and problem.severity == "error"]


def disagreements(name: str, ours: Ours) -> Iterator[str]:
    schema = official.definitions()[name]
    title = name.rpartition(".")[2]
    if set(fields_of(ours)) != set(schema["properties"]):
        yield f"{title}: {set(fields_of(ours)) ^ set(schema['properties'])}"
        return
    wanted = {field for field, row in fields_of(ours).items() if row.required}
    for field in wanted ^ set(schema.get("required", ())):
        if (title, field) not in WANTED_MORE:
            yield f"{title}.{field}: one of us requires it"
    for field, part in schema["properties"].items():
        for probe, accepted in zip(PROBES, accepts(json.dumps(part)), strict=True):
            problems = ours_of(ours, field, probe)
            if not accepted and not problems:
                yield f"{title}.{field}: {probe!r} is accepted, and the schema refuses it"
            for problem in problems if accepted else ():
                if not any(reason in problem.message for reason in RIGHTLY_REFUSED):
                    yield f"{title}.{field}: {probe!r} is refused ({problem}), and the schema accepts it"


@pytest.mark.parametrize("title", sorted(pairs()))
def test_S08_a_type_takes_what_the_schema_takes(title: str) -> None:
    assert list(disagreements(*pairs()[title])) == []


def test_the_table_of_kinds_is_what_its_script_writes() -> None:
    assert foreign_kinds.TARGET.read_text() == foreign_kinds.encode(foreign_kinds.table(foreign_kinds.definitions()))
