"""What a cluster places pods by must be right, though nothing of it has effect on one host."""

from typing import Any

import pytest

from orchestrator.objects import registry
from orchestrator.objects.problem import Problem

REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
NEAR = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}, "namespaces": ["front"]}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
ALL_WELL = {
    "nodeName": "node-1.example.com",
    "serviceAccountName": "web",
    "priorityClassName": "system-node-critical",
    "runtimeClassName": "gvisor",
    "nodeSelector": {"kubernetes.io/arch": "amd64", "disk": ""},
    "readinessGates": [{"conditionType": "www.example.com/feature-1"}],
    "tolerations": [
        {"operator": "Exists"},
        {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        {"key": "node.kubernetes.io/x", "value": "a_b", "effect": "NoSchedule"},
    ],
    "topologySpreadConstraints": [SPREAD, SPREAD | {"whenUnsatisfiable": "ScheduleAnyway"}],
    "affinity": {
        "nodeAffinity": {
            REQUIRED: {
                "nodeSelectorTerms": [
                    {
                        "matchExpressions": [
                            {"key": "a", "operator": "In", "values": ["b"]},
                            {"key": "a", "operator": "Exists"},
                            {"key": "a", "operator": "Gt", "values": ["1"]},
                        ]
                    },
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]},
                ]
            },
            PREFERRED: [{"weight": 100, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}],
        },
        "podAffinity": {REQUIRED: [NEAR]},
        "podAntiAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": NEAR}]},
    },
}


def errors(spec: dict[str, Any], *, lenient: bool = False) -> list[Problem]:
    """The problems but those that say what has no effect."""
    whole = {"containers": [{"name": "web", "image": "web:1"}], **spec}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": whole}
    return [p for p in registry.decode(document, lenient=lenient)[1] if "no effect here" not in p.message]


def node(**wish: Any) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": wish}}


def node_term(**condition: Any) -> dict[str, Any]:
    return node(**{REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a"} | condition]}]}})


def test_S06_what_a_cluster_takes_is_taken() -> None:
    assert errors(ALL_WELL) == []


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"nodeName": "Node_1"}, "nodeName", "RFC 1123 subdomain"),
        ({"serviceAccountName": "My SA"}, "serviceAccountName", "RFC 1123 subdomain"),
        ({"priorityClassName": "High"}, "priorityClassName", "RFC 1123 subdomain"),
        ({"nodeSelector": {"a b": "c"}}, "nodeSelector[a b]", "name part must consist"),
        ({"nodeSelector": {"a": "-"}}, "nodeSelector.a", "a valid label must be"),
        ({"readinessGates": [{"conditionType": "a b"}]}, "readinessGates[0].conditionType", "name part must consist"),
        ({"tolerations": [{"key": "a b", "operator": "Exists"}]}, "tolerations[0].key", "name part must consist"),
        ({"tolerations": [{"effect": "NoSchedule"}]}, "tolerations[0].operator", "must be Exists when `key` is empty"),
        ({"tolerations": [{"key": "a", "tolerationSeconds": 1}]}, "tolerations[0].effect", "must be 'NoExecute'"),
        ({"tolerations": [{"key": "a", "value": "b c"}]}, "tolerations[0].value", "a valid label must be"),
        (
            {"tolerations": [{"operator": "Exists", "value": "b"}]},
            "tolerations[0].value",
            "must be empty when `operator` is 'Exists'",
        ),
        (
            {"topologySpreadConstraints": [SPREAD | {"maxSkew": 0}]},
            "topologySpreadConstraints[0].maxSkew",
            "must be greater than zero",
        ),
        (
            {"topologySpreadConstraints": [SPREAD | {"topologyKey": ""}]},
            "topologySpreadConstraints[0].topologyKey",
            "Required value: can not be empty",
        ),
        (
            {"topologySpreadConstraints": [SPREAD | {"minDomains": 0}]},
            "topologySpreadConstraints[0].minDomains",
            "must be greater than or equal to 1",
        ),
        ({"topologySpreadConstraints": [SPREAD, SPREAD]}, "topologySpreadConstraints[1]", "{zone, DoNotSchedule}"),
        (
            {"topologySpreadConstraints": [SPREAD | {"labelSelector": {"matchLabels": {"a b": "c"}}}]},
            "topologySpreadConstraints[0].labelSelector.matchLabels[a b]",
            "name part must consist",
        ),
        (
            node(**{REQUIRED: {"nodeSelectorTerms": []}}),
            f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms",
            "must have at least one node selector term",
        ),
        (
            node(**{PREFERRED: [{"weight": 0, "preference": {}}]}),
            f"affinity.nodeAffinity.{PREFERRED}[0].weight",
            "must be between 1 and 100",
        ),
        *(
            (
                node_term(**condition),
                f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].{field}",
                words,
            )
            for condition, field, words in (
                ({"operator": "In"}, "values", "must be specified when"),
                ({"operator": "Exists", "values": ["b"]}, "values", "may not be specified when"),
                ({"operator": "Lt", "values": ["1", "2"]}, "values", "must be specified single value"),
                ({"operator": "Exists", "key": "a b"}, "key", "name part must consist"),
            )
        ),
        (
            {"affinity": {"podAffinity": {REQUIRED: [NEAR | {"topologyKey": ""}]}}},
            f"affinity.podAffinity.{REQUIRED}[0].topologyKey",
            "Required value: can not be empty",
        ),
        (
            {"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 101, "podAffinityTerm": NEAR}]}}},
            f"affinity.podAntiAffinity.{PREFERRED}[0].weight",
            "must be between 1 and 100",
        ),
        (
            {"affinity": {"podAffinity": {REQUIRED: [NEAR | {"namespaces": ["A.b"]}]}}},
            f"affinity.podAffinity.{REQUIRED}[0].namespaces[0]",
            "RFC 1123 label",
        ),
        (
            {"affinity": {"podAffinity": {REQUIRED: [NEAR | {"namespaceSelector": {"matchLabels": {"a": "-"}}}]}}},
            f"affinity.podAffinity.{REQUIRED}[0].namespaceSelector.matchLabels.a",
            "a valid label must be",
        ),
    ],
)
def test_S06_what_a_cluster_refuses_is_an_error_and_runs_here_with_a_warning(
    spec: dict[str, Any], field: str, words: str
) -> None:
    (strict,) = errors(spec)
    assert strict.severity == "error"
    assert str(strict).startswith(f"spec.{field}: ")
    assert words in strict.message
    (lenient,) = errors(spec, lenient=True)
    assert lenient.severity == "warning"


def test_S06_a_runtime_class_and_options_of_the_resolver_have_names() -> None:
    assert ["RFC 1123 subdomain" in problem.message for problem in errors({"runtimeClassName": "a/b"})] == [True]
    (nameless,) = errors({"dnsConfig": {"options": [{"name": "ndots", "value": "2"}, {"value": "1"}]}})
    assert str(nameless) == "spec.dnsConfig.options[1]: Required value: must not be empty"
