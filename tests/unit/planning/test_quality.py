"""R02: quality of service, and the score by which the kernel chooses its victims."""

import pytest

from orchestrator.planning.container import sandbox_config
from orchestrator.planning.quality import oom_score_adj, qos_class
from tests.unit.planning.builders import AROUND, pod, simple

GIB = 1 << 30


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ("{}", "BestEffort"),
        ("{requests: {cpu: 0}}", "BestEffort"),
        ("{limits: {nvidia.com/gpu: 1}}", "BestEffort"),
        ("{requests: {cpu: 100m}}", "Burstable"),
        ("{limits: {cpu: 1}}", "Burstable"),
        ("{limits: {cpu: 1, memory: 1Gi}}", "Guaranteed"),
        ("{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}", "Guaranteed"),
        ("{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m}}", "Burstable"),
        ("{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1000m, memory: 1024Mi}}", "Guaranteed"),
    ],
)
def test_R02_quality_of_service(resources: str, expected: str) -> None:
    assert qos_class(simple(f"resources: {resources}")) == expected


@pytest.mark.parametrize(
    ("resources", "score"),
    [
        ("{}", 1000),
        ("{limits: {cpu: 1, memory: 1Gi}}", -997),
        ("{requests: {cpu: 1}}", 999),
        ("{requests: {memory: 1Mi}}", 999),
        ("{requests: {memory: 2Gi}}", 750),
        ("{requests: {memory: 8Gi}}", 3),
        ("{requests: {memory: 80Gi}}", 3),
    ],
)
def test_R02_who_asks_for_memory_is_killed_later(resources: str, score: int) -> None:
    of = simple(f"resources: {resources}")
    assert oom_score_adj(of, of.spec.containers[0], 8 * GIB) == score


def test_R02_a_sidecar_goes_no_sooner_than_those_that_it_serves() -> None:
    of = pod(
        "initContainers: [{name: side, image: 'a:1', restartPolicy: Always}, {name: first, image: 'a:1'}]\n"
        "containers: [{name: web, image: 'a:1', resources: {requests: {memory: 4Gi}}},"
        " {name: other, image: 'a:1', resources: {requests: {memory: 2Gi}}}]"
    )
    side, first = of.spec.init_containers
    assert (oom_score_adj(of, side, 8 * GIB), oom_score_adj(of, first, 8 * GIB)) == (750, 999)


def test_R02_the_sandbox_goes_last_of_all() -> None:
    assert sandbox_config(simple(), 0, AROUND).oom_score_adj == -998
