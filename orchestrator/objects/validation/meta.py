"""Rules of metadata: names, labels, annotations."""

from collections.abc import Callable, Mapping

from orchestrator.objects.config import Namespace
from orchestrator.objects.meta import Object
from orchestrator.objects.problem import FieldPath, Problem, error, forbidden, invalid, required
from orchestrator.objects.scalars import (
    check_label,
    check_label_value,
    check_qualified_name,
    check_rfc1035_label,
    check_subdomain,
)
from orchestrator.objects.service import Service

_ANNOTATIONS_LIMIT = 256 * 1024


def validate_meta(obj: Object, *, namespaced: bool) -> list[Problem]:
    """Check name, namespace, labels and annotations."""
    meta, path = obj.metadata, ("metadata",)
    problems: list[Problem] = []
    if meta.name:
        problems += [invalid((*path, "name"), meta.name, rule) for rule in _name_rule(obj)(meta.name)]
    elif meta.generate_name:
        problems.append(
            required((*path, "name"), "a file must name its objects; generateName makes a new one each time")
        )
    else:
        problems.append(required((*path, "name"), "name or generateName is required"))
    if namespaced:
        problems += [invalid((*path, "namespace"), meta.namespace, rule) for rule in check_label(meta.namespace)]
    elif meta.namespace:
        problems.append(forbidden((*path, "namespace"), "not allowed on this type"))
    problems += validate_labels(meta.labels, (*path, "labels"))
    problems += _annotations(meta.annotations, (*path, "annotations"))
    return problems


def validate_labels(labels: Mapping[str, str], path: FieldPath) -> list[Problem]:
    """Check the keys and values of labels, or of a selector."""
    problems: list[Problem] = []
    for key, value in labels.items():
        problems += [invalid((*path, key), key, rule) for rule in check_qualified_name(key)]
        problems += [invalid((*path, key), value, rule) for rule in check_label_value(value)]
    return problems


def _annotations(annotations: Mapping[str, str], path: FieldPath) -> list[Problem]:
    problems = [invalid((*path, key), key, rule) for key in annotations for rule in check_qualified_name(key.lower())]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        problems.append(error(path, f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"))
    return problems


def _name_rule(obj: Object) -> Callable[[str], list[str]]:
    match obj:
        case Service():
            return check_rfc1035_label
        case Namespace():
            return check_label
        case _:
            return check_subdomain
