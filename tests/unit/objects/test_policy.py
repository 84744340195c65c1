"""NetworkPolicy: defaults and rules as of the API server (pkg/apis/networking/validation)."""

from typing import Any

import pytest

from orchestrator.objects import registry

CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
VALUES = "must be specified when `operator` is 'In' or 'NotIn'"


def decoded(**spec: Any) -> tuple[Any, list[str]]:
    document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": spec}
    obj, problems = registry.decode(document)
    return obj, [str(problem) for problem in problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ("Ingress",)),
        ({"podSelector": {}}, ("Ingress",)),
        ({"egress": []}, ("Ingress",)),
        ({"egress": [{}]}, ("Ingress", "Egress")),
        ({"egress": [{}], "policyTypes": ["Egress"]}, ("Egress",)),
    ],
)
def test_what_a_policy_without_types_is_about(spec: dict[str, Any], types: tuple[str, ...]) -> None:
    obj, problems = decoded(**spec)
    assert not problems
    assert obj.spec.policy_types == types


def test_the_default_protocol_is_written_out() -> None:
    obj, _ = decoded(ingress=[{"ports": [{"port": 80}]}])
    assert registry.encode(obj)["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": 80}]}],
    }


def test_a_namespace_has_the_label_of_its_name() -> None:
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"team": "x"}}}
    obj, _ = registry.decode(document)
    assert obj is not None
    assert obj.metadata.labels == {"team": "x", "kubernetes.io/metadata.name": "a"}


PORT_RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({"port": 0}, ["port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
    ({"port": "8080"}, ['port: Invalid value: "8080": must contain at least one letter (a-z): write port: 8080']),
    ({"port": "web"}, []),
    ({"port": 80, "endPort": 80}, []),
    ({"port": 80, "endPort": 79}, ["endPort: Invalid value: 79: must be greater than or equal to `port`"]),
    ({"port": 80, "endPort": 70000}, ["endPort: Invalid value: 70000: must be between 1 and 65535, inclusive"]),
    ({"port": "web", "endPort": 90}, ["endPort: Invalid value: 90: may not be specified when `port` is non-numeric"]),
    ({"endPort": 90}, ["endPort: Invalid value: 90: may not be specified when `port` is not specified"]),
    ({"protocol": "UDP"}, []),
]


@pytest.mark.parametrize(("port", "said"), PORT_RULES)
def test_S06_ports(port: dict[str, Any], said: list[str]) -> None:
    for way in ("ingress", "egress"):
        _, problems = decoded(**{way: [{"ports": [port]}]})
        assert problems == [f"spec.{way}[0].ports[0].{text}" for text in said]


PEER_RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, [": Required value: must specify a peer"]),
    ({"podSelector": {}}, []),
    ({"podSelector": {}, "namespaceSelector": {}}, []),
    (
        {"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}},
        [": Forbidden: may not specify both ipBlock and another peer"],
    ),
    ({"ipBlock": {"cidr": "10.0.0.0"}}, [f'.ipBlock.cidr: Invalid value: "10.0.0.0": {CIDR}']),
    ({"ipBlock": {"cidr": "10.0.0.1/8", "except": ["10.1.0.0/16"]}}, []),
    (
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "11.0.0.0/16", "x", "fd00::/64"]}},
        [
            '.ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
            '.ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
            f'.ipBlock.except[2]: Invalid value: "x": {CIDR}',
            '.ipBlock.except[3]: Invalid value: "fd00::/64": must be a strict subset of `cidr`',
        ],
    ),
    (
        {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
        [f".namespaceSelector.matchExpressions[0].values: Required value: {VALUES}"],
    ),
    (
        {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
        [
            ".podSelector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or "
            "'DoesNotExist'"
        ],
    ),
]


@pytest.mark.parametrize(("peer", "said"), PEER_RULES)
def test_S06_peers(peer: dict[str, Any], said: list[str]) -> None:
    for way, field in (("ingress", "from"), ("egress", "to")):
        _, problems = decoded(**{way: [{field: [peer]}]})
        assert problems == [f"spec.{way}[0].{field}[0]{text}" for text in said]


def test_S06_policy_types() -> None:
    _, problems = decoded(policyTypes=["Ingress", "Egress", "Ingress"])
    assert problems == [
        'spec.policyTypes: Invalid value: "Ingress, Egress, Ingress": may not specify more than two policyTypes'
    ]
    _, problems = decoded(policyTypes=["ingress"])
    assert len(problems) == 1
    assert 'did you mean "Ingress"' in problems[0] or "Ingress" in problems[0]
