"""How kubectl's describe lays text out: keys in one column, values in another.  Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from orchestrator.cli.documents import Document
from orchestrator.cli.event_text import since_text, sort_events
from orchestrator.cli.table_text import Columns
from orchestrator.objects.annotations import LAST_APPLIED

NONE = "<none>"

Field = tuple[str, str | Sequence[str] | None]
"""A key and its value; of several values each has its own line.  With None the key is a whole line."""


def fields(pairs: Iterable[Field], indent: int = 0) -> list[str]:
    """Lay out keys and values in two columns; keys may be indented further by leading spaces."""
    rows = list(pairs)
    width = max((len(key) for key, value in rows if value is not None), default=0) + 3
    lines = []
    for key, value in rows:
        if value is None:
            lines.append(" " * indent + key)
            continue
        first, *rest = [value] if isinstance(value, str) else list(value) or [NONE]
        lines.append((" " * indent + f"{key}:".ljust(width) + first).rstrip())
        lines += [" " * (indent + width) + each for each in rest]
    return lines


def pairs(mapping: dict[str, str] | None, separator: str = "=") -> list[str]:
    """Give labels ("a=b") or annotations ("a: b"), one each, sorted."""
    return [f"{key}{separator}{value}" for key, value in sorted((mapping or {}).items())]


def annotations(meta: dict[str, Any]) -> list[str]:
    """Give an object's annotations, one each; never kubectl's copy of the whole document, as kubectl itself does."""
    return pairs({key: value for key, value in (meta.get("annotations") or {}).items() if key != LAST_APPLIED}, ": ")


def local_time(timestamp: str | None) -> str:
    """Give an RFC 3339 time as kubectl does: "Fri, 02 Jan 2026 15:04:05 +0100"."""
    if not timestamp:
        return ""
    moment = datetime.fromisoformat(timestamp.replace("Z", "+00:00")).astimezone()
    return moment.strftime("%a, %d %b %Y %H:%M:%S %z")


def boolean(value: object) -> str:
    """Give True or False, as Kubernetes' tools write it."""
    return "True" if value else "False"


def events_table(events: Iterable[Document], now: float) -> list[str]:
    """Give the Events at the end of a description, the oldest first."""
    rows = [
        [
            "  " + event.get("type", ""),
            event.get("reason", ""),
            since_text(event, now),
            event.get("source", {}).get("component", ""),
            " ".join(event.get("message", "").split("\n")),
        ]
        for event in sort_events(events)
    ]
    if not rows:
        return [f"Events:  {NONE}"]
    head = [["  Type", "Reason", "Age", "From", "Message"], ["  ----", "------", "----", "----", "-------"]]
    return ["Events:", *Columns().lines([*head, *rows])]
