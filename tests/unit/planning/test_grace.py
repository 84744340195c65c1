"""L11: what one deletion after another says of a pod, as Kubernetes' API server reckons it."""

import pytest
from msgspec.structs import replace

from orchestrator.objects.pod import Pod
from orchestrator.objects.times import format_time
from orchestrator.planning.deletion import Deletion, deletion
from tests.unit.planning.builders import T0, simple


def after(*asked: tuple[float, float | None]) -> Pod:
    """A pod with a grace period of 30 s after deletions: (seconds after T0, what was asked for)."""
    pod = simple()
    for when, grace in asked:
        if said := deletion(pod, grace, T0 + when):
            fields = {"deletion_timestamp": said.timestamp, "deletion_grace_period_seconds": said.grace}
            pod = replace(pod, metadata=replace(pod.metadata, **fields))
    return pod


def told(pod: Pod) -> tuple[str, int | None]:
    return pod.metadata.deletion_timestamp, pod.metadata.deletion_grace_period_seconds


@pytest.mark.parametrize(
    ("asked", "end", "grace"),
    [
        # The first: the user's word, else the spec's; less than nothing is a second.
        ([(0, None)], 30, 30),
        ([(0, 7)], 7, 7),
        ([(0, 300)], 300, 300),
        ([(0, 0)], 0, 0),
        ([(0, -5)], 1, 1),
        # A shorter one counts from the first, and ends no sooner than it was asked for.
        ([(0, None), (10, 15)], 15, 15),
        ([(0, None), (10, 5)], 10, 5),
        ([(0, None), (10, 15), (12, 14)], 14, 14),
        ([(0, None), (10, 0)], 10, 0),
        # A longer one, the same, and one that says nothing change nothing.
        ([(0, None), (10, 300)], 30, 30),
        ([(0, None), (10, 30)], 30, 30),
        ([(0, 7), (3, None)], 7, 7),
        ([(0, 300), (3, None)], 300, 300),
        ([(0, 0), (3, 1)], 0, 0),
    ],
)
def test_L11_one_deletion_after_another(asked: list[tuple[float, float | None]], end: float, grace: int) -> None:
    assert told(after(*asked)) == (format_time(T0 + end), grace)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
@pytest.mark.parametrize("grace", [None, 60])
def test_a_pod_that_is_over_goes_now(phase: str, grace: float | None) -> None:
    pod = simple()
    over = replace(pod, status=replace(pod.status, phase=phase))
    assert deletion(over, grace, T0) == Deletion(format_time(T0), 0)
