"""Images: policies, pulls, and the back-off of pulls (I01, I02)."""

from dataclasses import replace

import pytest

from orchestrator.planning.observed import ImageState
from orchestrator.planning.ops import Plan
from tests.unit.planning.builders import T0, ended, observed, planned, simple, told

HERE, ABSENT = ImageState(present=True), ImageState(present=False)


def with_image(state: ImageState, policy: str = "", now: float = T0 + 100, **facts: object) -> Plan:
    of = simple(f"imagePullPolicy: {policy}" if policy else "")
    return planned(of, observed(of, images={"web:1": state}, **facts), now)


@pytest.mark.parametrize(
    ("policy", "state", "first", "reason"),
    [
        ("IfNotPresent", HERE, "note Pulled", None),
        ("IfNotPresent", ABSENT, "pull image", "ContainerCreating"),
        ("Always", HERE, "pull image", "ContainerCreating"),
        # Pulled since this attempt became due (the sandbox was made at T0).
        ("Always", replace(HERE, pulled_at=T0), "create web/0", None),
        ("Always", replace(HERE, pulled_at=T0 - 1), "pull image", "ContainerCreating"),
        ("Never", HERE, "note Pulled", None),
        ("Never", ABSENT, "note ErrImageNeverPull", "ErrImageNeverPull"),
        ("IfNotPresent", replace(ABSENT, pulling=True), "nothing", "ContainerCreating"),
        ("Always", replace(ABSENT, invalid="invalid reference format"), "note InspectFailed", "InvalidImageName"),
    ],
)
def test_I01_pull_policies(policy: str, state: ImageState, first: str, reason: str | None) -> None:
    plan = with_image(state, policy)
    assert str(plan).startswith(first)
    assert (plan.waiting["web"].reason if plan.waiting else None) == reason


def test_I01_with_Always_every_attempt_pulls_again() -> None:
    of = simple("imagePullPolicy: Always")
    what = observed(of, ended(of, at=T0 + 60), images={"web:1": replace(HERE, pulled_at=T0 + 1)})
    assert str(planned(of, what)).startswith("pull image web:1")


FAILED = ImageState(present=False, failure="manifest unknown", failed_at=T0 + 50, retry_at=T0 + 60)


def test_I02_a_failed_pull_shows_as_an_error_then_as_back_off_then_is_tried_again() -> None:
    fresh = with_image(FAILED, now=T0 + 51)
    assert str(fresh) == "nothing"
    assert (fresh.waiting["web"].reason, fresh.waiting["web"].message) == ("ErrImagePull", "manifest unknown")
    assert fresh.wake_at == T0 + 52

    later = with_image(FAILED, now=T0 + 52)
    assert told(later) == ['BackOff: Back-off pulling image "web:1"']
    assert later.waiting["web"].reason == "ImagePullBackOff"
    assert later.waiting["web"].message == 'Back-off pulling image "web:1": ErrImagePull: manifest unknown'
    assert later.wake_at == T0 + 60

    noted = frozenset({later.ops[0].key})  # type: ignore[attr-defined]
    assert str(with_image(FAILED, now=T0 + 53, noted=noted)) == "nothing"
    assert str(with_image(FAILED, now=T0 + 60, noted=noted)).startswith("pull image web:1")


def test_I02_an_image_that_came_by_another_way_ends_the_wait() -> None:
    assert "create web/0" in str(with_image(replace(FAILED, present=True), now=T0 + 51))
