"""From bytes to documents: a strict YAML reader that remembers where everything stood and cannot be made to explode.

It builds values from libyaml's events, in one pass, with bounds on size, depth and what aliases expand to.  It refuses
duplicate keys, tags of other languages, and keys that YAML does not read as text.  Problems are collected; only broken
syntax ends the reading of a file.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from orchestrator.objects.problem import FieldPath
from orchestrator.sources.scalars import resolve
from orchestrator.sources.yaml_apostrophes import without_escaped

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 100
MAX_WEIGHT = 200_000
"""Nodes of a file, each alias counted as all that it stands for, and long text as many nodes."""
MAX_KEY = 1024
MAX_FAULTS = 1000
MAX_REREAD = 2 * 1024 * 1024
"""Characters that are read again, for each scalar whose apostrophes are escaped, before that is a fault."""
MAX_DIRECTIVES = 100
"""libyaml compares each with all before it, and nobody can interrupt it."""

_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_JSON_ONLY = {ord("\t"): " ", 0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_JSON = re.compile(r"(?:---)?\s*[{\[]")
_NEXT_DOCUMENT = re.compile(r"^(?=---)", re.MULTILINE)
_DIRECTIVE = re.compile("(?:^|[\\n\\r\\x85\\u2028\\u2029])%")
_RENDER = "a template must be rendered first, or its braces put in quotes"
_NO_TABS = "indent with spaces, YAML allows no tabs there"
_TEXT_TAG = "tag:yaml.org,2002:str"
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null")}
_SHOWN_TAG = re.compile(r"tag:yaml\.org,2002:(python/[a-z/]+|binary|timestamp|set|omap|pairs|map|seq|str)")
"""Others are not quoted: a password may begin with an exclamation mark."""
_NODE_TAGS = {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


@dataclass(slots=True)
class Spot:
    """Where a value stands (lines and columns from 1), how a plain scalar was written, and the spots inside it."""

    line: int
    column: int
    written: str | None = None
    items: "list[Spot] | None" = None
    fields: "dict[str, tuple[int, int, Spot]] | None" = None
    weight: int = 1

    def find(self, path: FieldPath, *, key: bool = False) -> tuple[int, int]:
        """Give line and column of a field's value (or of its key), or of the nearest thing around it."""
        spot, place = self, (self.line, self.column)
        for index, step in enumerate(path):
            if spot.fields is not None and step in spot.fields:
                line, column, spot = spot.fields[str(step)]
                at_key = key and index == len(path) - 1
                place = (line, column) if at_key else (spot.line, spot.column)
            elif spot.items is not None and isinstance(step, int) and step < len(spot.items):
                spot = spot.items[step]
                place = (spot.line, spot.column)
            else:
                break
        return place

    def text(self, path: FieldPath) -> str | None:
        """Give how a plain scalar was written ("no" where the value is False); None for anything else."""
        spot: Spot = self
        for step in path:
            if spot.fields is not None and step in spot.fields:
                spot = spot.fields[str(step)][2]
            elif spot.items is not None and isinstance(step, int) and step < len(spot.items):
                spot = spot.items[step]
            else:
                return None
        return spot.written


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that YAML itself, or our bounds on it, do not allow."""

    line: int
    column: int
    message: str
    proposal: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value in JSON's types, and where its parts stood."""

    value: Any
    spot: Spot


@dataclass(slots=True)
class Parsed:
    """All documents of a file that could be read, and what was wrong."""

    documents: list[Document] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class _Refused(Exception):
    """Reading of the file cannot go on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def parse(data: bytes) -> Parsed:
    """Read all documents of a file.  Never raises for what is in it."""
    if len(data) > MAX_BYTES:
        return Parsed(faults=[Fault(1, 1, f"the file is larger than {MAX_BYTES // 2**20} MiB")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        return Parsed(faults=[_bad_utf8(data, failure)])
    if "%" in text and len(_DIRECTIVE.findall(text)) > MAX_DIRECTIVES:
        return Parsed(faults=[Fault(1, 1, f"more than {MAX_DIRECTIVES} lines begin with %")])
    text = "".join(_as_yaml(part) if _JSON.match(part) else part for part in _NEXT_DOCUMENT.split(text))
    reread = 0
    while True:
        parsed, stopped_by = _read(text)
        if stopped_by is None:
            return parsed
        mended = without_escaped(text, stopped_by) if reread <= MAX_REREAD else None
        if mended is None:
            parsed.faults.append(_syntax_fault(stopped_by, data))
            return parsed
        text = mended
        reread += len(text)


def _read(text: str) -> tuple[Parsed, yaml.YAMLError | None]:
    """Read documents up to what is no YAML, if there is such a place."""
    parsed = Parsed()
    builder = _Builder(text, parsed.faults)
    try:
        for document in builder.documents():
            parsed.documents.append(document)
    except _Refused as refused:
        parsed.faults.append(refused.fault)
    except yaml.YAMLError as failure:
        return parsed, failure
    finally:
        builder.close()
    return parsed, None


class _Builder:
    """Builds values and spots from the events of one file."""

    def __init__(self, text: str, faults: list[Fault]) -> None:
        self._text = text
        self._faults = faults
        self._loader: Any = None
        self._anchors: dict[str, tuple[Any, Spot] | None] = {}
        self._weight = 0

    def close(self) -> None:
        if self._loader is not None:
            self._loader.dispose()

    def documents(self) -> Iterator[Document]:
        self._loader = yaml.CSafeLoader(self._text)
        while True:
            event = self._loader.get_event()
            if type(event) is yaml.StreamEndEvent:
                return
            if type(event) is not yaml.DocumentStartEvent:
                continue
            self._anchors = {}
            value, spot = self._node(self._loader.get_event(), 1)
            if value is not None:
                yield Document(value, spot)

    def _node(self, event: Any, depth: int) -> tuple[Any, Spot]:
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self._alias(event)
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        node = self._scalar(event) if kind is yaml.ScalarEvent else self._collection(event, depth)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: Any) -> tuple[Any, Spot]:
        line, column = _place(event)
        node = self._anchors.get(event.anchor)
        if node is None:
            what = "an alias that contains itself" if event.anchor in self._anchors else "an alias of nothing"
            raise _Refused(Fault(line, column, what, "put text that begins with * in quotes"))
        self._add_weight(node[1].weight, line, column)
        return node

    def _scalar(self, event: Any) -> tuple[Any, Spot]:
        text: str = event.value
        line, column = _place(event)
        weight = 1 + len(text) // 32
        self._add_weight(weight, line, column)
        tag = event.tag
        if tag is None:
            if not event.implicit[0]:
                return text, Spot(line, column, weight=weight)
        elif tag not in _PLAIN_TAGS:
            if tag not in ("!", _TEXT_TAG):
                raise _Refused(_bad_tag(tag, line, column))
            return text, Spot(line, column, weight=weight)
        value = resolve(text)
        return value, Spot(line, column, None if isinstance(value, str) else text, weight=weight)

    def _collection(self, event: Any, depth: int) -> tuple[Any, Spot]:
        line, column = _place(event)
        if depth > MAX_DEPTH:
            raise _Refused(Fault(line, column, f"nested more than {MAX_DEPTH} levels deep"))
        if event.tag not in _NODE_TAGS:
            raise _Refused(_bad_tag(event.tag, line, column))
        self._add_weight(1, line, column)
        spot = Spot(line, column)
        build = self._mapping if type(event) is yaml.MappingStartEvent else self._sequence
        return build(spot, depth + 1), spot

    def _sequence(self, spot: Spot, depth: int) -> list[Any]:
        values: list[Any] = []
        spots: list[Spot] = []
        next_event = self._loader.get_event
        while type(event := next_event()) is not yaml.SequenceEndEvent:
            value, item = self._node(event, depth)
            values.append(value)
            spots.append(item)
            spot.weight += item.weight
        spot.items = spots
        return values

    def _mapping(self, spot: Spot, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        fields: dict[str, tuple[int, int, Spot]] = {}
        merged: list[tuple[Any, Spot]] = []
        next_event = self._loader.get_event
        while type(event := next_event()) is not yaml.MappingEndEvent:
            raw, place = self._node(event, depth)
            value, item = self._node(next_event(), depth)
            spot.weight += place.weight + item.weight
            if raw == "<<" and type(event) is yaml.ScalarEvent and event.implicit[0]:
                merged.append((value, item))
                continue
            key = self._key(raw, place)
            if key is None:
                continue
            if key in fields:
                message = f'duplicate key "{key[:80]}" on lines {fields[key][0]} and {place.line}'
                self._fault(Fault(place.line, place.column, message))
                continue
            values[key] = value
            fields[key] = (place.line, place.column, item)
        for value, item in merged:
            self._merge(value, item, values, fields)
        spot.fields = fields
        return values

    def _fault(self, fault: Fault) -> None:
        self._faults.append(fault)
        if len(self._faults) >= MAX_FAULTS:
            raise _Refused(Fault(fault.line, fault.column, f"more than {MAX_FAULTS} faults: not read any further"))

    def _key(self, raw: Any, place: Spot) -> str | None:
        if isinstance(raw, str) and len(raw) <= MAX_KEY:
            return raw
        if isinstance(raw, int) and not isinstance(raw, bool):
            return str(raw)
        if isinstance(raw, str):
            fault = Fault(place.line, place.column, f"a key is longer than {MAX_KEY} characters")
        elif isinstance(raw, dict | list):
            fix = _RENDER if isinstance(raw, dict) else ""
            fault = Fault(place.line, place.column, "a key must be text, not a mapping or a list", fix)
        else:
            written = place.written or "null"
            message = f"YAML reads the key {written} as {json.dumps(raw)}, and a key must be text"
            fault = Fault(place.line, place.column, message, f"write {json.dumps(written)}: ...")
        self._fault(fault)
        return None

    def _merge(self, value: Any, spot: Spot, values: dict[str, Any], fields: dict[str, tuple[int, int, Spot]]) -> None:
        sources = list(zip(value, spot.items or (), strict=True)) if isinstance(value, list) else [(value, spot)]
        for source, place in sources:
            if not isinstance(source, dict) or place.fields is None:
                self._fault(Fault(spot.line, spot.column, "<< wants a mapping, or a list of mappings"))
                continue
            for key in source:
                if key not in values:
                    values[key] = source[key]
                    fields[key] = place.fields[key]

    def _add_weight(self, weight: int, line: int, column: int) -> None:
        self._weight += weight
        if self._weight > MAX_WEIGHT:
            raise _Refused(Fault(line, column, f"too much in one file: more than {MAX_WEIGHT} nodes (aliases count)"))


def _as_yaml(text: str) -> str:
    """JSON is YAML but for tabs between its tokens, YAML's other line ends, and characters written as two escapes."""
    return _SURROGATES.sub(_join_surrogates, text.translate(_JSON_ONLY))


def _join_surrogates(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _bad_utf8(data: bytes, failure: UnicodeDecodeError) -> Fault:
    line, column = _line_column(data, failure.start)
    return Fault(line, column, f"not UTF-8: byte 0x{data[failure.start]:02x} at offset {failure.start}")


def _bad_tag(tag: str, line: int, column: int) -> Fault:
    known = _SHOWN_TAG.match(tag)
    name = f"the tag !!{known[1]}" if known else "a tag"
    return Fault(line, column, f"{name} is not allowed", "put text that begins with ! in quotes")


def _place(event: Any) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _syntax_fault(failure: yaml.YAMLError, data: bytes) -> Fault:
    if isinstance(failure, yaml.MarkedYAMLError) and failure.problem_mark is not None:
        mark = failure.problem_mark
        message = f"cannot read the YAML: {failure.problem}"
        if failure.context and failure.context_mark is not None:
            message += f" ({failure.context}, from line {failure.context_mark.line + 1})"
        return Fault(mark.line + 1, mark.column + 1, message, _syntax_proposal(failure, data))
    reason = getattr(failure, "reason", None) or str(failure).splitlines()[0]
    return Fault(*_line_column(data, getattr(failure, "position", 0)), f"cannot read the YAML: {reason}")


def _syntax_proposal(failure: yaml.MarkedYAMLError, data: bytes) -> str:
    if b"{{" in data or b"{%" in data:
        return _RENDER
    lines = data.splitlines()
    number = failure.problem_mark.line if failure.problem_mark is not None else len(lines)
    line = lines[number] if number < len(lines) else b""
    return _NO_TABS if b"\t" in line[: len(line) - len(line.lstrip())] else ""


def _line_column(data: bytes, offset: int) -> tuple[int, int]:
    before = data[:offset]
    return before.count(b"\n") + 1, offset - before.rfind(b"\n")
