"""Documents made from our own types: every kind, every field, values that fit and values that nearly do."""

import base64
import copy
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from orchestrator.objects import registry
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.shape import struct_fields
from tests.fuzz.properties import PLANTED

Document = dict[str, Any]

KINDS = tuple(row.kind for row in registry.TABLE if row.kind != "Event")
_DEPTH = 7
"""Levels below which only what is required is filled in."""

_names = st.sampled_from(("a", "web", "web-1", "data", "x" * 63))
_words = st.sampled_from(
    ("", "a", "web", "web-1", "/", "/data", "a/b", "..", "http", "80", "a.b.example/c", "A_B", "10.0.0.1", "fd00::1",
     "1Gi", "100m", "RuntimeDefault", "$(A)", "$$(A)", "Always", "x" * 300, "ä 漢 😀", " ", "two\nlines\n", "\t", "no",
     "~", "1e3", "0o7", "1_0", "a \n \n", "# a", "a: b", "'\"", "a\r", "\u2028", "\ufeff", "\x85", "\n\n", "y")
)  # fmt: skip
_quantities = st.sampled_from(("1", "100m", "1.5Gi", "1e3", "0", "-1", "1E", "1.", "9" * 70, "x"))
_numbers = st.one_of(st.integers(-2, 70000), st.sampled_from((2**31, 2**63 - 1, -(2**63), 2**63, 10**40)))
_leaves: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.BoolType: st.booleans(),
    inspect.IntType: _numbers,
    inspect.FloatType: st.floats(allow_nan=False),
    inspect.StrType: _words,
    inspect.AnyType: st.one_of(_words, st.lists(_words, max_size=2)),
}

_POD: Document = {
    "initContainers": [{"name": "first", "image": "busybox", "command": ["true"], "restartPolicy": "Always"}],
    "containers": [
        {
            "name": "main",
            "image": "busybox:1",
            "args": ["--listen", ":80"],
            "env": [
                {"name": "A", "value": "yes"},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "envFrom": [{"prefix": "X_", "configMapRef": {"name": "c", "optional": True}}],
            "ports": [{"name": "http", "containerPort": 80}],
            "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3},
            "lifecycle": {"preStop": {"exec": {"command": ["sync"]}}},
            "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}},
            "securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a/b"}, {"name": "e", "mountPath": "/e"}],
        }
    ],
    "volumes": [
        {"name": "v", "projected": {"sources": [{"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}}]}},
        {"name": "e", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    ],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["one.example"]}],
    "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
}
_GOOD: dict[str, Document] = {
    "Pod": {"spec": _POD},
    "Service": {"spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}},
    "Endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "http", "port": 80}]}]},
    "EndpointSlice": {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": 80}],
    },
    "ConfigMap": {"data": {"a.conf": "one\ntwo\n", "empty": ""}, "binaryData": {"b": "AAECAw=="}},
    "Secret": {"stringData": {"token": f"{PLANTED} ä"}, "data": {"coded": base64.b64encode(b"plain").decode()}},
    "Namespace": {},
    "PersistentVolumeClaim": {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": "pv"}
    },
    "PersistentVolume": {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/srv/data"},
            "persistentVolumeReclaimPolicy": "Retain",
        }
    },
    "LimitRange": {"spec": {"limits": [{"type": "Container", "default": {"memory": "1Gi"}, "min": {"cpu": "10m"}}]}},
    "RuntimeClass": {"handler": "runc", "overhead": {"podFixed": {"memory": "10Mi"}}},
    "StorageClass": {"provisioner": "orchestrator.dev/local", "reclaimPolicy": "Delete"},
}


def good(kind: str) -> Document:
    """A document that is accepted, of a kind that has one here; else one with a name and no more."""
    head = {"apiVersion": registry.api_version(kind), "kind": kind, "metadata": {"name": "a", "labels": {"app": "web"}}}
    return {**head, **copy.deepcopy(_GOOD.get(kind, {}))}


@st.composite
def documents(draw: st.DrawFn, kind: str) -> Document:
    """One document of a kind: a good one, or all of it from the type."""
    document = good(kind)
    document["metadata"]["name"] = draw(_names)
    if kind in _GOOD and draw(st.booleans()):
        return document
    body = draw(_struct(registry.row(kind).type, 0, without=("apiVersion", "kind", "metadata", "status")))
    if draw(st.booleans()):
        document["metadata"] |= draw(_struct(ObjectMeta, 2, without=("name",)))
    return {name: document[name] for name in ("apiVersion", "kind", "metadata")} | body


@st.composite
def secrets(draw: st.DrawFn) -> Document:
    """A Secret whose values, good and bad, all hold what must not be told."""
    bad = st.sampled_from(([PLANTED], {"a": PLANTED}, f"{PLANTED}=", f"!{PLANTED}", f"*{PLANTED}", f"a\n{PLANTED}\x07"))
    good = st.sampled_from((PLANTED, base64.b64encode(PLANTED.encode()).decode() + PLANTED, PLANTED * 30_000))
    values = st.dictionaries(st.sampled_from(("a", "b.c", "-", "A B", "tls.crt")), st.one_of(good, bad), max_size=3)
    fields = st.fixed_dictionaries({}, optional={"data": values, "stringData": values, "type": _words})
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": draw(_words)}}
    return {**head, **draw(fields)}


@st.composite
def _struct(draw: st.DrawFn, type_: type[msgspec.Struct], depth: int, without: tuple[str, ...] = ()) -> Document:
    fields = {name: field for name, field in struct_fields(type_).items() if name not in without}
    optional = [name for name, field in fields.items() if not field.required]
    chosen = (
        draw(st.lists(st.sampled_from(optional), max_size=4 if depth < _DEPTH else 0, unique=True)) if optional else []
    )
    names = [name for name, field in fields.items() if field.required or name in chosen]
    return {name: draw(_value(fields[name].type, depth + 1)) for name in names}


def _value(expected: inspect.Type, depth: int) -> st.SearchStrategy[Any]:
    match expected:
        case inspect.StructType():
            return _struct(expected.cls, depth)
        case inspect.VarTupleType():
            return st.lists(_value(expected.item_type, depth), min_size=1, max_size=2)
        case inspect.DictType():
            return st.dictionaries(_words, _value(expected.value_type, depth), max_size=2)
        case inspect.UnionType():
            return st.one_of([_value(each, depth) for each in expected.types if not isinstance(each, inspect.NoneType)])
        case inspect.LiteralType():
            return st.sampled_from(expected.values)
        case inspect.Metadata():
            quantity = (expected.extra or {}).get("scalar") == "quantity"
            return _quantities if quantity else _value(expected.type, depth)
        case _:
            return _leaves.get(type(expected), _words)


def field_names(type_: type[msgspec.Struct]) -> set[str]:
    """The names of all fields of a type and of the types in it."""
    names: set[str] = set()
    waiting, seen = [type_], {type_}
    while waiting:
        fields = struct_fields(waiting.pop())
        names |= fields.keys()
        fresh = {inner for field in fields.values() for inner in _structs(field.type)} - seen
        seen |= fresh
        waiting += fresh
    return names


def _structs(expected: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    match expected:
        case inspect.StructType():
            yield expected.cls
        case inspect.VarTupleType():
            yield from _structs(expected.item_type)
        case inspect.DictType():
            yield from _structs(expected.value_type)
        case inspect.UnionType():
            for each in expected.types:
                yield from _structs(each)


def paths(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document: (what holds it, its key or index)."""
    found: list[tuple[Any, Any]] = []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in list(steps):
        found.append((value, step))
        found += paths(inner)
    return found


ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, "", "x", "x" * 5000, "\u202e\x1b[31m", "no", [], {}, [[]], {"": None},
    {"a": {"b": ["c"]}}, [1, "a", None], "0" * 5000, "%", "#", "a: b", "- a", "\ud7ff\uffff", "NaN",
)  # fmt: skip


def _replace(draw: st.DrawFn, holder: Any, step: Any) -> None:
    holder[step] = copy.deepcopy(draw(st.sampled_from(ODD)))


def _remove(_draw: st.DrawFn, holder: Any, step: Any) -> None:
    del holder[step]


def _double(_draw: st.DrawFn, holder: Any, step: Any) -> None:
    if isinstance(holder, list):
        holder.insert(step, copy.deepcopy(holder[step]))
    else:
        holder[f"{step}s"] = copy.deepcopy(holder[step])


def _unknown(draw: st.DrawFn, holder: Any, _step: Any) -> None:
    if isinstance(holder, dict):
        holder[draw(st.sampled_from(("imige", "spec", "a\nb", "\x1b[2J", "k" * 2000, "", "5", "metdata")))] = "x"


def _wrap(_draw: st.DrawFn, holder: Any, step: Any) -> None:
    holder[step] = [holder[step]]


_CHANGES: tuple[Callable[[st.DrawFn, Any, Any], None], ...] = (_replace, _remove, _double, _unknown, _wrap)


@st.composite
def mutated(draw: st.DrawFn, document: st.SearchStrategy[Document]) -> Document:
    """A document with some of its places changed, removed, doubled or added to."""
    made = draw(document)
    for _ in range(draw(st.integers(1, 4))):
        places = [place for place in paths(made) if place[1] not in ("kind", "apiVersion")]
        if places:
            draw(st.sampled_from(_CHANGES))(draw, *draw(st.sampled_from(places)))
    return made
