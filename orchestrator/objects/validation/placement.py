"""Rules of what a cluster places a pod by: nothing of it has effect here, and all of it must be right there.

A file that `validate` finds good is good for a cluster too; a daemon runs the pod with a warning.
"""

from dataclasses import replace

from orchestrator.objects.pod import PodSpec
from orchestrator.objects.problem import FieldPath, Problem, duplicate, forbidden, invalid, required
from orchestrator.objects.scalars import check_label, check_label_value, check_qualified_name, check_subdomain
from orchestrator.objects.scheduling import (
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    Toleration,
    TopologySpreadConstraint,
)
from orchestrator.objects.validation.common import at_least, within
from orchestrator.objects.validation.meta import validate_label_selector, validate_labels

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def validate_placement(spec: PodSpec, path: FieldPath) -> list[Problem]:
    """Check names of what only a cluster has, and wishes for nodes."""
    problems = _names(spec, path) + validate_labels(spec.node_selector, (*path, "nodeSelector"))
    for index, toleration in enumerate(spec.tolerations):
        problems += _toleration(toleration, (*path, "tolerations", index))
    for index, gate in enumerate(spec.readiness_gates):
        problems += _qualified(gate.condition_type, (*path, "readinessGates", index, "conditionType"))
    problems += _spread(spec.topology_spread_constraints, (*path, "topologySpreadConstraints"))
    if spec.affinity is not None:
        here = (*path, "affinity")
        if spec.affinity.node_affinity is not None:
            problems += _nodes(spec.affinity.node_affinity, (*here, "nodeAffinity"))
        pods = ("podAffinity", spec.affinity.pod_affinity), ("podAntiAffinity", spec.affinity.pod_anti_affinity)
        problems += [each for field, wish in pods if wish is not None for each in _pods(wish, (*here, field))]
    return [replace(problem, runs_here=True) for problem in problems]


def _names(spec: PodSpec, path: FieldPath) -> list[Problem]:
    names = {
        "nodeName": spec.node_name,
        "serviceAccountName": spec.service_account_name,
        "priorityClassName": spec.priority_class_name,
    }
    return [
        invalid((*path, field), name, rule) for field, name in names.items() if name for rule in check_subdomain(name)
    ]


def _qualified(key: str, path: FieldPath) -> list[Problem]:
    return [invalid(path, key, rule) for rule in check_qualified_name(key)]


def _toleration(toleration: Toleration, path: FieldPath) -> list[Problem]:
    problems = _qualified(toleration.key, (*path, "key")) if toleration.key else []
    if not toleration.key and toleration.operator != "Exists":
        rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        problems.append(invalid((*path, "operator"), toleration.operator or "", rule))
    if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
        rule = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        problems.append(invalid((*path, "effect"), toleration.effect, rule))
    if toleration.operator != "Exists":
        problems += [invalid((*path, "value"), toleration.value, rule) for rule in check_label_value(toleration.value)]
    elif toleration.value:
        problems.append(invalid((*path, "value"), toleration.value, "value must be empty when `operator` is 'Exists'"))
    return problems


def _spread(constraints: tuple[TopologySpreadConstraint, ...], path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        here = (*path, index)
        if constraint.max_skew <= 0:
            problems.append(invalid((*here, "maxSkew"), constraint.max_skew, "must be greater than zero"))
        problems += _topology_key(constraint.topology_key, (*here, "topologyKey"))
        problems += at_least(constraint.min_domains, 1, (*here, "minDomains"))
        if constraint.label_selector is not None:
            problems += validate_label_selector(constraint.label_selector, (*here, "labelSelector"))
        pair = (constraint.topology_key, constraint.when_unsatisfiable)
        if pair in seen:
            problems.append(duplicate(here, f"{{{', '.join(pair)}}}"))
        seen.add(pair)
    return problems


def _topology_key(key: str, path: FieldPath) -> list[Problem]:
    return _qualified(key, path) if key else [required(path, "can not be empty")]


def _nodes(affinity: NodeAffinity, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    wanted = affinity.required_during_scheduling_ignored_during_execution
    if wanted is not None:
        here = (*path, _REQUIRED, "nodeSelectorTerms")
        if not wanted.node_selector_terms:
            problems.append(required(here, "must have at least one node selector term"))
        for index, term in enumerate(wanted.node_selector_terms):
            problems += _term(term, (*here, index))
    for index, wish in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        there = (*path, _PREFERRED, index)
        problems += within(wish.weight, 1, 100, (*there, "weight")) + _term(wish.preference, (*there, "preference"))
    return problems


def _term(term: NodeSelectorTerm, path: FieldPath) -> list[Problem]:
    expressions = enumerate(term.match_expressions)
    return [each for index, one in expressions for each in _requirement(one, (*path, "matchExpressions", index))]


def _requirement(one: NodeSelectorRequirement, path: FieldPath) -> list[Problem]:
    problems = _qualified(one.key, (*path, "key"))
    here = (*path, "values")
    match one.operator:
        case "In" | "NotIn" if not one.values:
            problems.append(required(here, "must be specified when `operator` is 'In' or 'NotIn'"))
        case "Exists" | "DoesNotExist" if one.values:
            rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            problems.append(forbidden(here, rule))
        case "Gt" | "Lt" if len(one.values) != 1:
            problems.append(required(here, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    return problems


def _pods(affinity: PodAffinity, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    for index, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
        problems += _near(term, (*path, _REQUIRED, index))
    for index, wish in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        here = (*path, _PREFERRED, index)
        problems += within(wish.weight, 1, 100, (*here, "weight"))
        problems += _near(wish.pod_affinity_term, (*here, "podAffinityTerm"))
    return problems


def _near(term: PodAffinityTerm, path: FieldPath) -> list[Problem]:
    problems = _topology_key(term.topology_key, (*path, "topologyKey"))
    selectors = ("labelSelector", term.label_selector), ("namespaceSelector", term.namespace_selector)
    for field, selector in selectors:
        if selector is not None:
            problems += validate_label_selector(selector, (*path, field))
    for index, name in enumerate(term.namespaces):
        problems += [invalid((*path, "namespaces", index), name, rule) for rule in check_label(name)]
    return problems
