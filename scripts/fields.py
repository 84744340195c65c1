"""Writes docs/fields.md: what becomes of every field of a pod's spec, and of all that it is made of.

    python -m scripts.fields

The source are the types of `orchestrator.objects` and its tables of support.  A test holds the result beside the
official schema of Kubernetes 1.34, field by field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import inspect

from orchestrator.objects.pod import PodSpec
from orchestrator.objects.structs import struct_fields
from orchestrator.objects.support import HARMLESS, IGNORED, NOT_ENFORCED, REFUSED

TARGET = Path(__file__).parents[1] / "docs" / "fields.md"
Struct = type[msgspec.Struct]
Verdict = Literal["works", "warns", "refused"]

HEAD = """\
# Fields

Every field of a pod's spec in Kubernetes 1.34, and what becomes of it here: it **works**, it **warns** (`validate`
and the daemon say that it has no effect, and why), or it is **refused**. What is below a field without effect is
checked all the same, and has none either. `make fields` writes this page from the types and from
`objects/support.py`; a test compares it with the official schema.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One field; `note` says why it has no effect.  `inner` is the struct that it holds, where it has one."""

    name: str
    verdict: Verdict
    note: str
    inner: Struct | None


def sections() -> dict[str, list[Row]]:
    """The rows of each struct by its name: PodSpec first, then what its fields hold, as they come."""
    found: dict[str, list[Row]] = {}
    waiting: list[Struct] = [PodSpec]
    while waiting:
        struct = waiting.pop(0)
        if struct.__name__ in found:
            continue
        found[struct.__name__] = [_row(struct.__name__, name, field) for name, field in struct_fields(struct).items()]
        waiting += [row.inner for row in found[struct.__name__] if row.inner is not None]
    return found


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, rows in sections().items():
        lines = [f"## {name}", "", "| field | here | why |", "|---|---|---|"]
        lines += [f"| {row.name} | {row.verdict} | {row.note} |" for row in sorted(rows, key=lambda row: row.name)]
        parts.append("\n".join((*lines, "")))
    return "\n".join(parts)


def _row(struct: str, name: str, field: inspect.Field) -> Row:
    key = f"{struct}.{name}"
    if key in REFUSED:
        return Row(name, "refused", REFUSED[key], None)
    if key in IGNORED or key in NOT_ENFORCED:
        return Row(name, "warns", IGNORED.get(key, "not enforced yet") + _unless(key), None)
    return Row(name, "works", "", next(_structs(field.type), None))


def _unless(key: str) -> str:
    values = ", ".join(f"`{_shown(value)}`" for value in HARMLESS.get(key, ()))
    return f" (no warning: {values})" if values else ""


def _shown(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _structs(expected: inspect.Type) -> Iterator[Struct]:
    match expected:
        case inspect.StructType():
            yield expected.cls
        case inspect.UnionType():
            for each in expected.types:
                yield from _structs(each)
        case inspect.VarTupleType():
            yield from _structs(expected.item_type)
        case inspect.DictType():
            yield from _structs(expected.value_type)
        case inspect.Metadata():
            yield from _structs(expected.type)


if __name__ == "__main__":
    TARGET.write_text(page())
