import json

import pytest
import yaml

from orchestrator.cli.documents import as_list, to_json, to_yaml
from orchestrator.cli.table_text import Columns, TableOptions, table_rows

TABLE = {
    "columnDefinitions": [
        {"name": "Name", "priority": 0},
        {"name": "Message", "priority": 0},
        {"name": "IP", "priority": 1},
    ],
    "rows": [
        {"cells": ["a", "one\ntwo", "1"], "object": {"metadata": {"namespace": "n", "labels": {"y": "2", "x": "1"}}}},
        {"cells": ["bb", "three", "2"], "object": {"metadata": {"namespace": "n"}}},
    ],
}


@pytest.mark.parametrize(
    ("options", "header", "first"),
    [
        (TableOptions(), ["NAME", "MESSAGE"], ["a", "one..."]),
        (TableOptions(wide=True), ["NAME", "MESSAGE", "IP"], ["a", "one...", "1"]),
        (TableOptions(namespaces=True, prefix="pod/"), ["NAMESPACE", "NAME", "MESSAGE"], ["n", "pod/a", "one..."]),
        (TableOptions(labels=True), ["NAME", "MESSAGE", "LABELS"], ["a", "one...", "x=1,y=2"]),
    ],
)
def test_the_columns_of_a_table(options: TableOptions, header: list[str], first: list[str]) -> None:
    got_header, rows = table_rows(TABLE, options)
    assert got_header == header
    assert rows[0] == first
    assert len(rows) == 2


def test_columns_stand_three_apart_and_keep_their_widths() -> None:
    columns = Columns()
    assert columns.lines([["NAME", "X"], ["longer", "y"]]) == ["NAME     X", "longer   y"]
    assert columns.lines([["a", "z"]]) == ["a        z"]
    assert columns.lines([["much longer", "z"]]) == ["much longer   z"]


def test_documents_come_back_the_same() -> None:
    document = {"b": "one\ntwo\n", "a": ["yes", "1", 1, None, True], "n": {"é": ""}}
    assert yaml.safe_load(to_yaml(document)) == document
    assert json.loads(to_json(document)) == document
    assert "b: |\n  one\n  two\n" in to_yaml(document)
    shared = {"x": 1}
    assert "&" not in to_yaml(as_list([shared, shared]))
