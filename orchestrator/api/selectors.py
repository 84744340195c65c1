"""Label and field selectors as they stand in a query: "app=web,tier in (a, b),!old" and "status.phase!=Running".

Kubernetes' grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.errors import Invalid
from orchestrator.objects.meta import kubernetes_name

Labels = Mapping[str, str]
_Test = Callable[[Labels], bool]

_KEY = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_SET = re.compile(_KEY + r"\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\Z")
_EQUAL = re.compile(_KEY + r"\s*(?P<op>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)\Z")
_EXISTS = re.compile(r"(?P<not>!?)\s*" + _KEY + r"\Z")
_COMMA = re.compile(r",(?![^(]*\))")

FIELDS: Mapping[str, frozenset[str]] = {
    "Pod": frozenset({"status.phase", "spec.nodeName", "spec.restartPolicy", "status.podIP"}),
    "Event": frozenset(
        {"type", "reason", "source"}
        | {f"involvedObject.{name}" for name in ("apiVersion", "kind", "namespace", "name", "uid", "fieldPath")}
    ),
    "Secret": frozenset({"type"}),
    "Namespace": frozenset({"status.phase"}),
}
"""What a field selector may ask of a kind, beside metadata.name and metadata.namespace."""


class Selector:
    """Both selectors of one request, for one kind.  Invalid when either is not in the grammar."""

    def __init__(self, kind: str, labels: str = "", fields: str = "") -> None:
        self._labels = [_label_test(part) for part in _parts(labels)]
        self._fields = [_field_test(kind, part) for part in _parts(fields)]

    def matches(self, obj: Any) -> bool:
        """Say whether an object (any struct with metadata) is selected."""
        return all(test(obj.metadata.labels) for test in self._labels) and all(test(obj) for test in self._fields)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _COMMA.split(text)] if text.strip() else []


def _label_test(part: str) -> _Test:
    if match := _SET.match(part):
        values = {value.strip() for value in match["values"].split(",")}
        return _in(match["key"], values) if match["op"] == "in" else _not(_in(match["key"], values))
    if match := _EQUAL.match(part):
        equal = _in(match["key"], {match["value"]})
        return _not(equal) if match["op"] == "!=" else equal
    if match := _EXISTS.match(part):
        exists = _exists(match["key"])
        return _not(exists) if match["not"] else exists
    raise Invalid(f'unable to parse requirement: found "{part}", expected key, key=value, key!=value, key in (a, b)')


def _in(key: str, values: set[str]) -> _Test:
    return lambda labels: key in labels and labels[key] in values


def _exists(key: str) -> _Test:
    return lambda labels: key in labels


def _not(test: _Test) -> _Test:
    return lambda labels: not test(labels)


def _field_test(kind: str, part: str) -> Callable[[Any], bool]:
    match = re.match(r"([A-Za-z.]+)\s*(==|=|!=)\s*(.*)\Z", part)
    if match is None:
        raise Invalid(f'invalid field selector "{part}": expected field=value or field!=value')
    path, operator, value = match.groups()
    if path not in FIELDS.get(kind, frozenset()) | {"metadata.name", "metadata.namespace"}:
        raise Invalid(f'field label not supported: "{path}"')
    return lambda obj: (field_value(obj, path) == value) is (operator != "!=")


def field_value(obj: Any, path: str) -> str:
    """Give the text of a field by Kubernetes' own path ("status.podIP"), "" where it is not set."""
    for word in path.split("."):
        if obj is None:
            return ""
        names = {kubernetes_name(name): name for name in type(obj).__struct_fields__}
        obj = getattr(obj, names[word])
    if path == "source":
        return str(obj.component)
    return "" if obj is None else str(obj)
