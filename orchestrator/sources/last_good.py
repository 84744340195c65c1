"""What a spec file said when it was last good, as bytes and back: for a daemon that starts while the file is wrong.

Documents are kept as they were read, each with its line; comments, and what has no effect, are not.  Secrets are
written apart, for a place in memory: the other part, for a disk, has only their names.  Pure.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrator.objects import registry
from orchestrator.sources.located import Sourced
from orchestrator.sources.yaml_loader import as_desired, with_places

_FORMAT = 1


class Unreadable(ValueError):
    """These bytes are not what `write` gave."""


@dataclass(frozen=True, slots=True)
class LastGood:
    """A file's last good objects.  `root` is the path, of those that were asked for, through which it was found.

    `forgotten` are Secrets that are known by name only ("default/db").  `refused` says, for each document that this
    version of the program does not take, which one and why.
    """

    root: str
    objects: tuple[Sourced, ...]
    forgotten: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A file's memory: what may lie on a disk, and its Secrets (b"" where it has none)."""

    plain: bytes
    secret: bytes


class _Entry(msgspec.Struct, frozen=True):
    line: int
    document: dict[str, Any]


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    file: str
    documents: list[_Entry]
    secrets: list[str] = []


def write(path: str, objects: Iterable[Sourced]) -> Written:
    """Give the bytes that `read` understands; `path` is the file's absolute path."""
    plain: list[_Entry] = []
    secret: list[_Entry] = []
    names: list[str] = []
    for sourced in objects:
        entry = _Entry(sourced.line, sourced.raw)
        if sourced.object.kind == "Secret":
            names.append(_name(sourced))
            secret.append(entry)
        else:
            plain.append(entry)
    part = _Part(format=_FORMAT, file=path, documents=plain, secrets=names)
    kept = _encode(_Part(format=_FORMAT, file=path, documents=secret)) if secret else b""
    return Written(_encode(part), kept)


def path_in(plain: bytes) -> str:
    """Give the absolute path of the file whose memory this is.  Unreadable when it is none."""
    return _decode(plain).file


def read(memory: Written, file: str, root: str) -> LastGood:
    """Give what the file said; `file` and `root` are as they are called now.  Unreadable when nothing can be told."""
    plain = _decode(memory.plain)
    objects: list[Sourced] = []
    refused: list[str] = []
    for entry in (*plain.documents, *_secrets(memory.secret)):
        found = _restored(entry, file)
        if not isinstance(found, Sourced):
            refused.append(found)
        elif found.object.kind != "Secret" or _name(found) in plain.secrets:
            # Of Secrets the disk says which there are: between two writes the part in memory may be another.
            objects.append(found)
    known = {_name(sourced) for sourced in objects if sourced.object.kind == "Secret"}
    forgotten = tuple(name for name in plain.secrets if name not in known)
    return LastGood(root, tuple(sorted(objects, key=lambda sourced: sourced.line)), forgotten, tuple(refused))


def _secrets(part: bytes) -> list[_Entry]:
    try:
        return _decode(part).documents if part else []
    except Unreadable:
        return []


def _restored(entry: _Entry, file: str) -> Sourced | str:
    """Build the object again; what is wrong with it for a program that asks for more than the one that kept it."""
    obj, problems = registry.decode(entry.document, lenient=True)
    if obj is None:
        metadata = entry.document.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        why = next((problem for problem in problems if problem.severity == "error"), problems[0])
        return f"{entry.document.get('kind')} {name}: {why}"
    sourced = Sourced(as_desired(obj), entry.document, file, entry.line)
    return with_places(sourced, lambda _path: (entry.line, 1))


def _name(sourced: Sourced) -> str:
    return f"{sourced.object.metadata.namespace}/{sourced.object.metadata.name}"


def _encode(part: _Part) -> bytes:
    # Not msgspec's: what YAML reads may have numbers that its JSON does not.
    return json.dumps(msgspec.to_builtins(part), separators=(",", ":")).encode()


def _decode(part: bytes) -> _Part:
    try:
        found = msgspec.convert(json.loads(part), _Part)
    except (ValueError, msgspec.ValidationError) as error:
        raise Unreadable(str(error)) from error
    if found.format != _FORMAT:
        raise Unreadable("of another format")
    return found
