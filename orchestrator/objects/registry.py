"""The kinds that the project knows: one row each, and the way from a document to an object and back.

`decode` is for what a user wrote: every problem is found, defaults are filled in, rules are checked.  `convert` is for
what this program itself encoded.  `encode` gives the document of an object.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator.errors import Invalid
from orchestrator.objects import foreign
from orchestrator.objects.claims import PersistentVolumeClaim
from orchestrator.objects.config import ConfigMap, Namespace, Secret
from orchestrator.objects.defaults import apply_defaults
from orchestrator.objects.endpoint_slice import EndpointSlice
from orchestrator.objects.events import Event
from orchestrator.objects.limit_range import LimitRange
from orchestrator.objects.meta import Object
from orchestrator.objects.misfit import SourceText, did_you_mean, nearest, shortened
from orchestrator.objects.pod import Pod
from orchestrator.objects.policy import NetworkPolicy
from orchestrator.objects.problem import Problem, error, no_effect, required, tolerated
from orchestrator.objects.runtime_class import RuntimeClass
from orchestrator.objects.service import Endpoints, Service
from orchestrator.objects.shape import Shaper
from orchestrator.objects.storage import PersistentVolume, StorageClass
from orchestrator.objects.validation import validate
from orchestrator.objects.validation.foreign import validate_foreign

Document = dict[str, Any]
_TOP = ("apiVersion", "kind", "metadata", "spec")


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
    Kind("EndpointSlice", "discovery.k8s.io/v1", EndpointSlice, "endpointslices"),
    Kind("ConfigMap", "v1", ConfigMap, "configmaps", ("cm",)),
    Kind("Secret", "v1", Secret, "secrets"),
    Kind("Namespace", "v1", Namespace, "namespaces", ("ns",), namespaced=False),
    Kind("PersistentVolumeClaim", "v1", PersistentVolumeClaim, "persistentvolumeclaims", ("pvc",)),
    Kind("PersistentVolume", "v1", PersistentVolume, "persistentvolumes", ("pv",), namespaced=False),
    Kind("StorageClass", "storage.k8s.io/v1", StorageClass, "storageclasses", ("sc",), namespaced=False),
    Kind("LimitRange", "v1", LimitRange, "limitranges", ("limits",)),
    Kind("RuntimeClass", "node.k8s.io/v1", RuntimeClass, "runtimeclasses", namespaced=False),
    Kind("NetworkPolicy", "networking.k8s.io/v1", NetworkPolicy, "networkpolicies", ("netpol",)),
    Kind("Event", "v1", Event, "events", ("ev",)),
)

_BY_KIND = {row.kind: row for row in TABLE}
_BY_TYPE = {row.type: row for row in TABLE}


def row(kind: str) -> Kind:
    """Give a kind's row; KeyError for a kind that the project does not know."""
    return _BY_KIND[kind]


def find(kind: str, version: str) -> Kind | None:
    """Give the row of a kind in this apiVersion; None where the project does not run it."""
    known = _BY_KIND.get(kind)
    return known if known is not None and known.api_version == version else None


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
    kind = document.get("kind", "")
    known = _BY_KIND.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise Invalid(f"cannot read a document of kind {kind!r}")
    try:
        return msgspec.convert(document, known.type)
    except msgspec.ValidationError as failure:
        raise Invalid(f"cannot read a {known.kind}: {failure}") from failure


def decode(
    document: Any, source_text: SourceText = lambda path: None, *, lenient: bool = False
) -> tuple[Object | None, tuple[Problem, ...]]:
    """Check a document and build its object, with defaults.

    Gives the object, or None where there is an error or the kind is not supported, and all problems of the document.
    `source_text` tells how a scalar stands in the file, for better proposals.  `lenient` makes warnings of what only a
    cluster would refuse, where nothing else is wrong.
    """
    missing = _without_kind(document)
    if missing:
        return None, missing
    kind, version = document["kind"], document["apiVersion"]
    known = find(kind, version)
    if known is None:
        return None, _decode_foreign(document, kind, version, source_text, lenient=lenient)
    shaper = Shaper(source_text, secret=known.type is Secret)
    shaped = shaper.shape(document, known.type)
    found = list(shaper.problems)
    if shaped is None:
        return None, tuple(found)
    try:
        obj = apply_defaults(msgspec.convert(shaped, known.type), namespaced=known.namespaced)
    except msgspec.ValidationError as failure:
        if not any(problem.severity == "error" for problem in found):
            found.append(error((), str(failure)))
        return None, tuple(found)
    found += _not_yet_said(validate(obj, namespaced=known.namespaced), found)
    if lenient and all(problem.runs_here for problem in found if problem.severity == "error"):
        found = [tolerated(problem) for problem in found]
    if any(problem.severity == "error" for problem in found):
        return None, tuple(found)
    if not known.namespaced:
        obj = replace(obj, metadata=replace(obj.metadata, namespace=""))
    return obj, tuple(found)


def _without_kind(document: Any) -> tuple[Problem, ...]:
    if not isinstance(document, dict):
        return (error((), "a document must be a mapping with apiVersion, kind and metadata"),)
    names = (("apiVersion", document.get("apiVersion")), ("kind", document.get("kind")))
    return tuple(
        _missing(name, document) if value is None else error((name,), "must be a string")
        for name, value in names
        if not isinstance(value, str) or not value
    )


def _missing(name: str, document: Document) -> Problem:
    written = nearest(name, [key for key in document if isinstance(key, str) and key not in _TOP], 0.8)
    hint = f'is it misspelt as "{shortened(written)}"?' if written else ""
    return Problem("error", (name,), required((name,)).message, hint)


def _decode_foreign(
    document: Document, kind: str, version: str, source_text: SourceText, *, lenient: bool
) -> tuple[Problem, ...]:
    """Give what is wrong with a document of a kind that does not run here; at least that it has no effect."""
    served = foreign.versions(kind)
    if not served:
        return (_unknown_kind(kind, version),)
    if version not in served:
        fix = f"write apiVersion: {_BY_KIND[kind].api_version if kind in _BY_KIND else served[-1]}"
        return (error(("apiVersion",), f'{kind} is not in "{shortened(version)}" as of Kubernetes 1.34', fix),)
    shaper = Shaper(source_text)
    shaped = shaper.shape(document, foreign.type_of(kind, version))
    found = [problem for problem in shaper.problems if problem.severity == "error"]
    if shaped is not None:
        found += _not_yet_said(validate_foreign(kind, shaped), found)
    if lenient and all(problem.runs_here for problem in found):
        found = []
    return (no_effect(("kind",), f"{kind} is not supported yet: this document has no effect"), *found)


def _not_yet_said(problems: list[Problem], said: list[Problem]) -> list[Problem]:
    """Leave out what rules say of places whose type is wrong already, for a stand-in is there."""
    wrong = {problem.path for problem in said if problem.severity == "error"}
    around = {path[:end] for path in wrong for end in range(len(path))}

    def is_news(problem: Problem) -> bool:
        inside = any(problem.path[: end + 1] in wrong for end in range(len(problem.path)))
        return not inside and (problem.severity == "error" or problem.path not in around)

    return [problem for problem in problems if is_news(problem)] if wrong else problems


def _unknown_kind(kind: str, version: str) -> Problem:
    removed = foreign.REMOVED.get(kind)
    if removed:
        return error(("kind",), f"{kind} was removed in Kubernetes {removed}", "leave this document out")
    message = f'unknown kind "{shortened(kind)}" in {shortened(version)}'
    guess = nearest(kind, foreign.kinds(), 0.8)
    if guess:
        return Problem("error", ("kind",), message, did_you_mean(guess), unknown_kind=f"{version} {kind}")
    group = version.rpartition("/")[0]
    custom = "." in group and not group.endswith(".k8s.io")
    fix = "custom resources have no effect here: leave this document out" if custom else ""
    if group == "kustomize.config.k8s.io":
        fix = "build it first: kubectl kustomize FOLDER"
    return Problem("error", ("kind",), message, fix, unknown_kind=f"{version} {kind}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
