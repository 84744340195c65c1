"""Tables as kubectl prints them: capital headers, columns three spaces apart; no cell steers the terminal.  Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.printable import unsteered

GAP = 3
_LINE_END = re.compile(r"[\f\n\r]")


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Which columns are shown; `prefix` is put before every name ("pod/")."""

    wide: bool = False
    namespaces: bool = False
    labels: bool = False
    headers: bool = True
    prefix: str = ""


def table_rows(document: dict[str, Any], options: TableOptions) -> tuple[list[str], list[list[str]]]:
    """Give the header and the cells of a `meta.k8s.io/v1` Table."""
    columns = document["columnDefinitions"]
    chosen = [i for i, column in enumerate(columns) if options.wide or column.get("priority", 0) == 0]
    header = [str(columns[i]["name"]).upper() for i in chosen]
    rows = [[_cell(row["cells"][i]) for i in chosen] for row in document["rows"]]
    if options.prefix:
        name = header.index("NAME") if "NAME" in header else None
        for cells in rows if name is not None else []:
            cells[name or 0] = options.prefix + cells[name or 0]
    metadata = [row.get("object", {}).get("metadata", {}) for row in document["rows"]]
    if options.namespaces:
        header = ["NAMESPACE", *header]
        rows = [[meta.get("namespace", ""), *cells] for meta, cells in zip(metadata, rows, strict=True)]
    if options.labels:
        header = [*header, "LABELS"]
        rows = [[*cells, labels_text(meta.get("labels"))] for meta, cells in zip(metadata, rows, strict=True)]
    return header, rows


def labels_text(labels: dict[str, str] | None) -> str:
    """Give labels as "a=b,c=d", "<none>" where there are none."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


class Columns:
    """Lays rows out, and remembers the widths for rows that come later (`-w`)."""

    def __init__(self) -> None:
        self._widths: list[int] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Give one line a row; columns are at least as wide as before."""
        rows = [[unsteered(cell) for cell in row] for row in rows]
        for row in rows:
            self._widths += [0] * (len(row) - len(self._widths))
            self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row, strict=False)] + (
                self._widths[len(row) :]
            )
        return [self._line(row) for row in rows]

    def _line(self, row: Sequence[str]) -> str:
        padded = [cell.ljust(width + GAP) for cell, width in zip(row[:-1], self._widths, strict=False)]
        return "".join((*padded, row[-1]))


def _cell(value: Any) -> str:
    """Give a cell's text; of several lines the first, as kubectl does."""
    first, *rest = _LINE_END.split(str(value), maxsplit=1)
    return first + "..." if rest else first
