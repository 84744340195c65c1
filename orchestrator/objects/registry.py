"""The kinds that the project knows: one row each, and the way from a document to an object and back.

`decode` is for what a user wrote: every problem is found, defaults are filled in, rules are checked.  `convert` is for
what this program itself encoded.  `encode` gives the document of an object.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrator.errors import Invalid
from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.config import ConfigMap, Namespace, Secret
from orchestrator.objects.defaults import apply_defaults
from orchestrator.objects.events import Event
from orchestrator.objects.known_kinds import KINDS
from orchestrator.objects.meta import Object
from orchestrator.objects.pod import Pod
from orchestrator.objects.problem import Problem, error, required, warning
from orchestrator.objects.service import Endpoints, Service
from orchestrator.objects.shape import Shaper, SourceText, nearest
from orchestrator.objects.storage import PersistentVolume, StorageClass
from orchestrator.objects.validation import validate

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: a kind's type, its names on the command line and in URLs, and whether it lives in a namespace."""

    kind: str
    api_version: str
    type: type[Object]
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True

    @property
    def singular(self) -> str:
        """The kind in small letters ("configmap")."""
        return self.kind.lower()


TABLE: tuple[Kind, ...] = (
    Kind("Pod", "v1", Pod, "pods", ("po",)),
    Kind("Service", "v1", Service, "services", ("svc",)),
    Kind("Endpoints", "v1", Endpoints, "endpoints", ("ep",)),
    Kind("ConfigMap", "v1", ConfigMap, "configmaps", ("cm",)),
    Kind("Secret", "v1", Secret, "secrets"),
    Kind("Namespace", "v1", Namespace, "namespaces", ("ns",), namespaced=False),
    Kind("PersistentVolumeClaim", "v1", PersistentVolumeClaim, "persistentvolumeclaims", ("pvc",)),
    Kind("PersistentVolume", "v1", PersistentVolume, "persistentvolumes", ("pv",), namespaced=False),
    Kind("StorageClass", "storage.k8s.io/v1", StorageClass, "storageclasses", ("sc",), namespaced=False),
    Kind("Event", "v1", Event, "events", ("ev",)),
)

_BY_KIND = {row.kind: row for row in TABLE}
_BY_TYPE = {row.type: row for row in TABLE}


def row(kind: str) -> Kind:
    """Give a kind's row; KeyError for a kind that the project does not know."""
    return _BY_KIND[kind]


def kind_of(obj: Object) -> str:
    """Give an object's kind ("Pod")."""
    return _BY_TYPE[type(obj)].kind


def api_version(kind: str) -> str:
    """Give a kind's apiVersion ("v1")."""
    return _BY_KIND[kind].api_version


def is_namespaced(kind: str) -> bool:
    """Say whether objects of a kind live in a namespace."""
    return _BY_KIND[kind].namespaced


def encode(obj: Object) -> Document:
    """Give the document of an object: Kubernetes' names, apiVersion and kind, JSON's types only."""
    document: Document = _plain(msgspec.to_builtins(obj, str_keys=True))
    return document


def convert(document: Document) -> Object:
    """Build an object from a document that `encode` made.  Invalid when it does not fit."""
    known = _BY_KIND.get(document.get("kind", ""))
    if known is None:
        raise Invalid(f"cannot read a document of kind {document.get('kind')!r}")
    try:
        return msgspec.convert(document, known.type)
    except msgspec.ValidationError as failure:
        raise Invalid(f"cannot read a {known.kind}: {failure}") from failure


def decode(document: Any, source_text: SourceText = lambda path: None) -> tuple[Object | None, tuple[Problem, ...]]:
    """Check a document and build its object, with defaults.

    Gives the object, or None where there is an error or the kind is not supported, and all problems of the document.
    `source_text` tells how a scalar stands in the file, for better proposals.
    """
    known, problems = _identify(document)
    if known is None:
        return None, problems
    shaper = Shaper(source_text, secret=known.type is Secret)
    shaped = shaper.shape(document, known.type)
    found = list(shaper.problems)
    try:
        obj = apply_defaults(msgspec.convert(shaped, known.type), namespaced=known.namespaced)
    except msgspec.ValidationError as failure:
        if not any(problem.severity == "error" for problem in found):
            found.append(error((), str(failure)))
        return None, tuple(found)
    said = {problem.path for problem in found if problem.severity == "error"}
    found += [problem for problem in validate(obj, namespaced=known.namespaced) if problem.path not in said]
    failed = any(problem.severity == "error" for problem in found)
    return (None if failed else obj), tuple(found)


def _identify(document: Any) -> tuple[Kind | None, tuple[Problem, ...]]:
    if not isinstance(document, dict):
        return None, (error((), "a document must be a mapping with apiVersion, kind and metadata"),)
    version, kind = document.get("apiVersion"), document.get("kind")
    missing = tuple(
        required((name,)) if value is None else error((name,), "must be a string")
        for name, value in (("apiVersion", version), ("kind", kind))
        if not isinstance(value, str) or not value
    )
    if missing or not isinstance(kind, str) or not isinstance(version, str):
        return None, missing
    served = KINDS.get(kind)
    if served is None:
        guess = nearest(kind, list(KINDS), 0.8)
        hint = f' (did you mean "{guess}"?)' if guess else ""
        return None, (error(("kind",), f'unknown kind "{kind[:80]}" in {version[:80]}{hint}'),)
    if version not in served:
        fix = f"write apiVersion: {served[-1]}"
        return None, (error(("apiVersion",), f'{kind} is not in "{version[:80]}" as of Kubernetes 1.34', fix),)
    known = _BY_KIND.get(kind)
    if known is None or known.api_version != version:
        return None, (warning(("kind",), f"kind {kind} is not supported yet; this document has no effect"),)
    return known, ()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
