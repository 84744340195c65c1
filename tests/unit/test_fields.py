"""docs/fields.md is what the types say, and says something of every field of the official schema (R05)."""

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.objects import registry
from orchestrator.objects.support import REFUSED
from scripts import fields
from tests.official import definitions

ROOT = "io.k8s.api.core.v1.PodSpec"


def references(part: Any) -> Iterator[str]:
    """The definitions that a field of the schema leads to."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for item in part.values():
            yield from references(item)
    elif isinstance(part, list):
        for item in part:
            yield from references(item)


def official() -> dict[str, set[str]]:
    """The fields of every struct of a pod's spec, but for what is below a field that has no effect here."""
    stop = {(name, row.name) for name, rows in fields.sections().items() for row in rows if row.verdict != "works"}
    found: dict[str, set[str]] = {}
    waiting = [ROOT]
    while waiting:
        full = waiting.pop()
        name, properties = full.rpartition(".")[2], definitions()[full].get("properties", {})
        if name in found or not properties:
            continue
        found[name] = set(properties)
        for field, part in properties.items():
            if (name, field) not in stop:
                waiting += references(part)
    return found


def test_R05_the_page_is_what_the_types_say() -> None:
    assert fields.TARGET.read_text() == fields.page(), "run `make fields`"


def test_R05_every_field_of_the_official_schema_is_there_and_no_other() -> None:
    ours = {name: {row.name for row in rows} for name, rows in fields.sections().items()}
    assert ours == official()
    assert len(ours) > 40


def test_R05_every_warning_says_why() -> None:
    rows = [row for rows in fields.sections().values() for row in rows]
    assert all(row.note for row in rows if row.verdict != "works")
    assert {row.verdict for row in rows} == {"works", "warns", "refused"}


@pytest.mark.parametrize("key", REFUSED)
def test_R05_what_is_refused_is_an_error(key: str) -> None:
    struct, _, field = key.partition(".")
    assert struct == "PodSpec"
    spec = {"containers": [{"name": "a", "image": "i"}], field: [{"name": "b", "image": "i"}]}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    assert f"spec.{field}: Forbidden" in "\n".join(map(str, registry.decode(document)[1]))
