"""Timestamps in Kubernetes' form."""

import pytest

from orchestrator.objects.times import format_time, parse_time


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1_800_000_000.9, "2027-01-15T08:00:00Z"), (2.0**63, "9999-12-31T23:59:59Z")],
)
def test_a_time_of_any_size_has_a_form(seconds: float, text: str) -> None:
    assert format_time(seconds) == text
    assert parse_time(text) <= seconds
