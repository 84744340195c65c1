"""Rules of limit ranges (pkg/apis/core/validation, ValidateLimitRange)."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from orchestrator.objects.limit_range import LimitRange, LimitRangeItem
from orchestrator.objects.problem import FieldPath, Problem, duplicate, forbidden, invalid, no_effect, required
from orchestrator.objects.scalars import check_qualified_name, parse_quantity

TYPES = ("Container", "Pod")
"""Those that count here."""
_CLAIM = "PersistentVolumeClaim"


def validate_limit_range(made: LimitRange) -> list[Problem]:
    """Check every item."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for index, item in enumerate(made.spec.limits):
        path: FieldPath = ("spec", "limits", index)
        problems += [invalid((*path, "type"), item.type, rule) for rule in check_qualified_name(item.type)]
        if "/" not in item.type and item.type not in (*TYPES, _CLAIM):
            unknown = invalid((*path, "type"), item.type, "must be a standard limit type or fully qualified")
            problems.append(replace(unknown, runs_here=True))
        if item.type in seen:
            problems.append(duplicate((*path, "type"), item.type))
        seen.add(item.type)
        problems += _kind(item, path)
        for name in sorted({*item.max, *item.min, *item.default, *item.default_request, *item.max_limit_request_ratio}):
            problems += _bounds(item, name, path)
    return problems


def _kind(item: LimitRangeItem, path: FieldPath) -> Iterator[Problem]:
    """What only some types may say."""
    if item.type == "Pod":
        rule = "may not be specified when `type` is 'Pod'"
        if item.default:
            yield forbidden((*path, "default"), rule)
        if item.default_request:
            yield forbidden((*path, "defaultRequest"), rule)
    if item.type == _CLAIM and "storage" not in item.min and "storage" not in item.max:
        rule = "either minimum or maximum storage value is required, but neither was provided"
        yield required((*path, "limits"), rule)
    if item.type not in TYPES:
        yield no_effect((*path, "type"), f"limits of {item.type} have no effect here: only Container and Pod count")


def _bounds(item: LimitRangeItem, name: str, path: FieldPath) -> Iterator[Problem]:
    """The order that the amounts of one resource must have."""
    order = (
        ("min", "min", item.min, "default request", "defaultRequest", item.default_request),
        ("min", "min", item.min, "max", "max", item.max),
        ("default request", "defaultRequest", item.default_request, "max", "max", item.max),
        ("default request", "defaultRequest", item.default_request, "default limit", "default", item.default),
        ("min", "min", item.min, "default", "default", item.default),
        ("default", "default", item.default, "max", "max", item.max),
    )
    for low, field, lower, high, other, upper in order:
        small, large = lower.get(name), upper.get(name)
        if small is not None and large is not None and parse_quantity(small) > parse_quantity(large):
            # Kubernetes puts the blame on the default where a minimum is above it.
            blamed, value = (other, large) if (low, high) in _BLAMES_UPPER else (field, small)
            rule = f"{low} value {small} is greater than {high} value {large}"
            yield invalid((*path, blamed, name), value, rule)
    ratio = item.max_limit_request_ratio.get(name)
    if ratio is not None:
        yield from _ratio(item, name, ratio, (*path, "maxLimitRequestRatio", name))


_BLAMES_UPPER = {("min", "default request"), ("min", "default")}


def _ratio(item: LimitRangeItem, name: str, ratio: str, path: FieldPath) -> Iterator[Problem]:
    value = parse_quantity(ratio)
    if value < 1:
        yield invalid(path, ratio, f"ratio {ratio} is less than 1")
    low, high = item.min.get(name), item.max.get(name)
    if low and high and parse_quantity(low):
        most = Fraction(parse_quantity(high), parse_quantity(low))
        if value > most:
            yield invalid(path, ratio, f"ratio {ratio} is greater than max/min = {float(most):f}")
