"""From files to objects: every problem of every file in one go, each with its place.

`Loader` remembers what each file said, by its time, size and inode, so that a reload reads only what changed.
`merge` puts the files together, and finds objects that stand in two of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace as with_fields
from typing import Any

from msgspec.structs import replace

from orchestrator.objects import lists, registry
from orchestrator.objects.meta import Object
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_security import violations
from orchestrator.objects.problem import FieldPath, Problem, error, no_effect, warning
from orchestrator.objects.service import Service
from orchestrator.objects.shape import ENOUGH
from orchestrator.sources import files
from orchestrator.sources.custom_kinds import accept_custom_kinds, defined_by
from orchestrator.sources.files import Scan, Stamp
from orchestrator.sources.located import FileLoad, Load, Located, Sourced, told_once
from orchestrator.sources.node_ports import node_port_path
from orchestrator.sources.sysctls import sysctl_path
from orchestrator.sources.yaml_parse import MAX_BYTES, Document, Fault, parse

MAX_PROBLEMS = 100
"""Of one file; more would hide the first."""


def merge(loads: Mapping[str, FileLoad], scan: Scan) -> Load:
    """Put the files together; an object that two files define is an error that names both places."""
    objects: dict[tuple[str, str, str], Sourced] = {}
    problems = [Located(error((), message), path) for path, message in scan.troubles]
    for loaded in accept_custom_kinds(loads).values():
        problems += loaded.problems
        for sourced in loaded.objects:
            first = objects.setdefault(sourced.key, sourced)
            if first is not sourced:
                problems.append(duplicate_problem(sourced, first))
    return Load(tuple(objects.values()), told_once(problems))


def duplicate_problem(second: Sourced, first: Sourced) -> Located:
    """Say that an object is defined twice, and where the first is."""
    message = f"duplicate {second.title}: also defined at {first.place}"
    return Located(error(("metadata", "name"), message), second.file, second.line)


class Loader:
    """Reads and decodes what has changed since the last time; `lenient` as in `registry.decode`."""

    def __init__(self, *, lenient: bool = False) -> None:
        self._lenient = lenient
        self._known: dict[str, tuple[Stamp, FileLoad]] = {}

    def refresh(self, scan: Scan) -> dict[str, FileLoad]:
        """Give what every file of a scan says, in the scan's order.  Blocks for the reading of files."""
        fresh: dict[str, tuple[Stamp, FileLoad]] = {}
        for path, stamp in scan.files.items():
            known = self._known.get(path)
            fresh[path] = known if known is not None and known[0] == stamp else (stamp, self._load(path, stamp))
        self._known = fresh
        return {path: loaded for path, (_, loaded) in fresh.items()}

    def forget(self) -> None:
        """Read all files anew the next time: what is written by its memory on tmpfs looks as before."""
        self._known = {}

    def _load(self, path: str, stamp: Stamp) -> FileLoad:
        if stamp.size > MAX_BYTES:
            return _unreadable(path, f"the file is larger than {MAX_BYTES // 2**20} MiB")
        try:
            data = files.read(path, MAX_BYTES)
        except OSError as failure:
            return _unreadable(path, (failure.strerror or str(failure)).lower())
        return decode_file(data, path, lenient=self._lenient)


def _unreadable(path: str, message: str) -> FileLoad:
    return FileLoad(problems=(Located(error((), message), path),))


def decode_file(data: bytes, name: str, *, lenient: bool = False) -> FileLoad:
    """Decode the bytes of one file.  Never raises for what is in them."""
    parsed = parse(data)
    found = _Findings(name, lenient=lenient)
    for fault in parsed.faults:
        found.fault(fault)
    for document in parsed.documents:
        for value, path in _unroll(document.value, (), found, document):
            if found.enough:
                return found.result()
            _decode_document(document, value, path, found)
    return found.result()


class _Findings:
    """What one file has given so far."""

    def __init__(self, file: str, *, lenient: bool) -> None:
        self.file = file
        self.lenient = lenient
        self._objects: dict[tuple[str, str, str], Sourced] = {}
        self._problems: list[Located] = []
        self._wrong = 0
        self.defines: frozenset[str] = frozenset()

    def fault(self, fault: Fault) -> None:
        self._add(Located(error((), fault.message, fault.proposal), self.file, fault.line, fault.column))

    def problem(self, problem: Problem, document: Document, prefix: FieldPath) -> None:
        """Add a problem at its place."""
        line, column = document.spot.find(prefix + problem.path, key=problem.about_key)
        self._add(Located(problem, self.file, line, column))

    def object(self, obj: Object, raw: dict[str, Any], document: Document, prefix: FieldPath) -> None:
        """Add an object."""
        line, _ = document.spot.find(prefix)
        sourced = with_places(Sourced(obj, raw, self.file, line), lambda path: document.spot.find(prefix + path))
        first = self._objects.setdefault(sourced.key, sourced)
        if first is not sourced:
            self._add(duplicate_problem(sourced, first))

    def _add(self, located: Located) -> None:
        self._problems.append(located)
        self._wrong += not located.problem.once

    @property
    def enough(self) -> bool:
        """Whether so much is wrong that nobody wants to know the rest; what is told once does not count."""
        return self._wrong >= ENOUGH

    def result(self) -> FileLoad:
        """Give all of it, in the order of lines."""
        problems = list(told_once(sorted(self._problems, key=lambda located: (located.line, located.column))))
        more = len(problems) - MAX_PROBLEMS
        if more > 0:
            last = problems[MAX_PROBLEMS]
            severe = self.enough or any(problem.severity == "error" for problem in problems[MAX_PROBLEMS:])
            message = f"and {'at least ' if self.enough else ''}{more} more problems in this file"
            told = Located((error if severe else warning)((), message), self.file, last.line, last.column)
            problems = [*problems[:MAX_PROBLEMS], told]
        return FileLoad(tuple(self._objects.values()), tuple(problems), self.defines)


def with_places(sourced: Sourced, find: Callable[[FieldPath], tuple[int, int]]) -> Sourced:
    """Have it know the places of what is judged once all files are read; `find` gives a field's line and column."""
    pod = sourced.object
    if isinstance(pod, Service):
        ports = (node_port_path(index) for index in range(len(pod.spec.ports)))
        return with_fields(sourced, node_ports=tuple(find(path) for path in ports))
    if not isinstance(pod, Pod):
        return sourced
    broken = tuple((each, *find(each.path)) for each in violations(pod))
    named = (sysctl_path(index) for index in range(len(pod.spec.security_context.sysctls)))
    return with_fields(sourced, violations=broken, sysctls=tuple(find(path) for path in named))


def _unroll(value: Any, path: FieldPath, found: _Findings, document: Document) -> Iterator[tuple[Any, FieldPath]]:
    """Give the documents of a List (and of a PodList and its like), or the document itself."""
    if not lists.is_list(value):
        yield value, path
        return
    items, problems = lists.open_list(value, lambda field: document.spot.text(path + field))
    for problem in problems:
        found.problem(problem, document, path)
    for index, item in enumerate(items):
        yield from _unroll(item, (*path, "items", index), found, document)


def _decode_document(document: Document, value: Any, path: FieldPath, found: _Findings) -> None:
    obj, problems = registry.decode(value, lambda field: document.spot.text(path + field), lenient=found.lenient)
    for problem in problems:
        found.problem(problem, document, path)
    if not any(problem.severity == "error" for problem in problems):
        found.defines |= defined_by(value)
    if obj is None:
        return
    if "status" in value:
        if value["status"]:
            ignored = no_effect(("status",), "status is written by the daemon; this one is ignored")
            found.problem(ignored, document, path)
        value = {key: item for key, item in value.items() if key != "status"}
        obj = registry.decode(value, lenient=found.lenient)[0] or obj
    found.object(as_desired(obj), value, document, path)


def as_desired(obj: Object) -> Object:
    """Drop what only a server writes, so that a manifest copied out of a cluster is a wish like any other."""
    meta = replace(
        obj.metadata,
        uid="",
        resource_version="",
        generation=0,
        creation_timestamp="",
        deletion_timestamp="",
        deletion_grace_period_seconds=None,
        self_link="",
        managed_fields=(),
    )
    return replace(obj, metadata=meta)
