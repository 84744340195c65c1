"""Rules of resource requests and limits."""

from collections.abc import Mapping

from orchestrator.objects.container import ResourceRequirements
from orchestrator.objects.problem import FieldPath, Problem, invalid, no_effect, required
from orchestrator.objects.scalars import check_qualified_name, parse_quantity

_STANDARD = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES = "hugepages-"


def validate_resources(resources: ResourceRequirements, path: FieldPath) -> list[Problem]:
    """Check names and amounts, and that no request exceeds its limit."""
    asked = {name: text for name, text in resources.requests.items() if resources.limits.get(name) != text}
    problems = validate_amounts(resources.limits, (*path, "limits")) + validate_amounts(asked, (*path, "requests"))
    for name in resources.limits:
        if name.startswith(_HUGE_PAGES):
            text = f"{name} has no effect here: a container may use the huge pages that the host has"
            problems.append(no_effect((*path, "limits", name), text))
    for name, request in resources.requests.items():
        here = (*path, "requests")
        limit = resources.limits.get(name)
        if limit is None:
            if not _overcommit(name):
                problems.append(required((*path, "limits"), "Limit must be set for non overcommitable resources"))
        elif not _overcommit(name) and parse_quantity(request) != parse_quantity(limit):
            problems.append(invalid((*here, name), request, f"must be equal to {name} limit of {limit}"))
        elif parse_quantity(request) > parse_quantity(limit):
            problems.append(invalid((*here, name), request, f"must be less than or equal to {name} limit of {limit}"))
    return problems


def validate_amounts(amounts: Mapping[str, str], path: FieldPath) -> list[Problem]:
    """Check a mapping of resources: their names, and that each amount is one."""
    problems: list[Problem] = []
    for name, text in amounts.items():
        here = (*path, name)
        if "/" not in name and name not in _STANDARD and not name.startswith(_HUGE_PAGES):
            problems.append(invalid(here, name, "must be a standard resource for containers"))
        else:
            problems += [invalid(here, name, rule) for rule in check_qualified_name(name)]
        value = parse_quantity(text)
        if value < 0:
            problems.append(invalid(here, text, "must be greater than or equal to 0"))
        if "/" in name and value.denominator != 1:
            problems.append(invalid(here, text, "must be an integer"))
    return problems


def _overcommit(name: str) -> bool:
    return name in _STANDARD
