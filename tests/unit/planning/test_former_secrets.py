"""What a container was made from of a Secret, by its label, and whether that is still what the Secret says."""

import pytest

from orchestrator.objects.config import Secret
from orchestrator.planning.made_from import config_label, of_former_secret
from tests.unit.planning.builders import around, secret, simple

FROM_SECRET = "env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: token}}}]"
PLAIN = "env: [{name: A, value: b}]"
ONE = secret("keys", token="one")


def label(fields: str) -> str:
    pod = simple(fields)
    return config_label(pod, pod.spec.containers[0], around(ONE))


@pytest.mark.parametrize(
    ("today", "former"),
    [((ONE,), False), ((secret("keys", token="two"),), True), ((secret("keys", other="one"),), True), ((), True)],
    ids=["the same", "edited", "without the key", "gone"],
)
def test_a_value_that_changed_or_went_is_former(today: tuple[Secret, ...], former: bool) -> None:
    assert of_former_secret(label(FROM_SECRET), "default", around(*today)) is former


def test_what_nobody_can_know_any_more_is_taken_for_former() -> None:
    assert of_former_secret(label(FROM_SECRET), "default", around(ONE, digest_key=b"another"))


def test_what_was_made_from_no_secret_is_not() -> None:
    assert not of_former_secret(label(PLAIN), "default", around(secret("keys", token="two")))
