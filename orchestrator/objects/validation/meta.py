"""Rules of metadata: names, labels, annotations."""

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.objects.config import Namespace
from orchestrator.objects.meta import LabelSelector, LabelSelectorRequirement, Object, ObjectMeta
from orchestrator.objects.problem import FieldPath, Problem, error, forbidden, invalid, required, warning
from orchestrator.objects.scalars import (
    check_label,
    check_label_value,
    check_qualified_name,
    check_rfc1035_label,
    check_subdomain,
)
from orchestrator.objects.service import Service
from orchestrator.objects.validation.common import NameRule, name_problems, names_that_run_here

_ANNOTATIONS_LIMIT = 256 * 1024


def validate_meta(obj: Object, *, namespaced: bool) -> list[Problem]:
    """Check name, namespace, labels and annotations."""
    meta, path = obj.metadata, ("metadata",)
    problems = validate_name(meta, path, _name_rule(obj))
    if not isinstance(obj, Service | Namespace):
        problems = names_that_run_here(problems, meta.name)
    if namespaced:
        problems += [invalid((*path, "namespace"), meta.namespace, rule) for rule in check_label(meta.namespace)]
    elif meta.namespace:
        problems.append(warning((*path, "namespace"), "has no effect: this kind lives in no namespace"))
    return problems + validate_labels_and_annotations(meta, path)


def validate_name(meta: ObjectMeta, path: FieldPath, rule: NameRule) -> list[Problem]:
    """Check that there is a name, and that it keeps its kind's rule."""
    if meta.name:
        return name_problems(meta.name, rule, (*path, "name"))
    if meta.generate_name:
        return [required((*path, "name"), "a file must name its objects; generateName makes a new one each time")]
    return [required((*path, "name"), "name or generateName is required")]


def validate_labels_and_annotations(meta: ObjectMeta, path: FieldPath) -> list[Problem]:
    """Check what objects, and the templates of pods, have in common."""
    return validate_labels(meta.labels, (*path, "labels")) + _annotations(meta.annotations, (*path, "annotations"))


def validate_labels(labels: Mapping[str, str], path: FieldPath) -> list[Problem]:
    """Check the keys and values of labels, or of a selector."""
    problems: list[Problem] = []
    for key, value in labels.items():
        problems += [invalid((*path, key), key, rule) for rule in check_qualified_name(key)]
        problems += [invalid((*path, key), value, rule) for rule in check_label_value(value)]
    # Nothing here is made from a label: it is compared, and told.
    return [replace(problem, runs_here=True) for problem in problems]


def validate_label_selector(selector: LabelSelector, path: FieldPath) -> list[Problem]:
    """Check a selector's labels, and that its conditions have values where their operator wants some."""
    problems = validate_labels(selector.match_labels, (*path, "matchLabels"))
    for index, condition in enumerate(selector.match_expressions):
        problems += _condition(condition, (*path, "matchExpressions", index))
    return problems


def _condition(condition: LabelSelectorRequirement, path: FieldPath) -> list[Problem]:
    problems = [invalid((*path, "key"), condition.key, rule) for rule in check_qualified_name(condition.key)]
    if condition.operator in ("In", "NotIn"):
        if not condition.values:
            problems.append(required((*path, "values"), "must be specified when `operator` is 'In' or 'NotIn'"))
    elif condition.values:
        rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        problems.append(forbidden((*path, "values"), rule))
    for index, value in enumerate(condition.values):
        problems += [invalid((*path, "values", index), value, rule) for rule in check_label_value(value)]
    return problems


def _annotations(annotations: Mapping[str, str], path: FieldPath) -> list[Problem]:
    problems = [invalid((*path, key), key, rule) for key in annotations for rule in check_qualified_name(key.lower())]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        problems.append(error(path, f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"))
    return problems


def _name_rule(obj: Object) -> NameRule:
    match obj:
        case Service():
            return check_rfc1035_label
        case Namespace():
            return check_label
        case _:
            return check_subdomain
