"""Documents of every kind, good, odd and broken: what holds of any bytes holds of them (S07)."""

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.fuzz.documents import KINDS, documents, mutated, secrets
from tests.fuzz.properties import check
from tests.fuzz.writing import damaged, written

EXAMPLES = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("kind", KINDS)
def test_S07_documents_of_every_kind_however_they_are_written(kind: str) -> None:
    accepted = 0

    @EXAMPLES
    @given(written(documents(kind)))
    def every(data: bytes) -> None:
        nonlocal accepted
        loaded = check(data)
        accepted += len(loaded.objects)
        event(f"accepted {bool(loaded.objects)}")

    every()
    assert accepted, "nothing that was made is acceptable: the test looks at errors only"


@EXAMPLES
@given(st.one_of(damaged(mutated(documents(kind))) for kind in KINDS))
def test_S07_odd_and_damaged_documents(data: bytes) -> None:
    check(data)


@EXAMPLES
@given(damaged(mutated(secrets())))
def test_S07_no_value_of_a_broken_secret_is_told(data: bytes) -> None:
    check(data)
