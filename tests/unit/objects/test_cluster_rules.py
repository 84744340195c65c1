"""Rules of Secrets and limit ranges that only a cluster keeps: an error to `validate`, a warning to a daemon."""

from typing import Any

import pytest

from orchestrator.objects import registry
from orchestrator.objects.problem import Problem


def problems(kind: str, body: dict[str, Any], *, lenient: bool = False) -> list[Problem]:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "c"}, **body}
    return [p for p in registry.decode(document, lenient=lenient)[1] if "no effect here" not in p.message]


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (
            "Secret",
            {"type": "kubernetes.io/basic-auth", "data": {"user": "eA=="}},
            ["data.username: Required value", "data.password: Required value"],
        ),
        (
            "Secret",
            {"type": "kubernetes.io/service-account-token"},
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        (
            "LimitRange",
            {"spec": {"limits": [{"type": "Containers", "max": {"cpu": 1}}]}},
            ['spec.limits[0].type: Invalid value: "Containers": must be a standard limit type or fully qualified'],
        ),
    ],
)
def test_S06_what_a_cluster_refuses_is_named_and_runs_here(
    kind: str, body: dict[str, Any], expected: list[str]
) -> None:
    strict = problems(kind, body)
    assert [str(problem) for problem in strict] == expected
    assert {problem.severity for problem in strict} == {"error"}
    assert {problem.severity for problem in problems(kind, body, lenient=True)} == {"warning"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Secret", {"type": "kubernetes.io/basic-auth", "stringData": {"password": "x"}}),
        (
            "Secret",
            {
                "type": "kubernetes.io/service-account-token",
                "metadata": {"name": "c", "annotations": {"kubernetes.io/service-account.name": "web"}},
            },
        ),
        ("LimitRange", {"spec": {"limits": [{"type": "example.com/Gpu", "max": {"cpu": 1}}]}}),
        ("LimitRange", {"spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]}}),
    ],
)
def test_S06_what_a_cluster_takes_is_taken(kind: str, body: dict[str, Any]) -> None:
    assert problems(kind, body) == []
