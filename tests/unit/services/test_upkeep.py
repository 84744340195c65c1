"""The root of the Services' workers: a failure is a line."""

import logging

import pytest

from orchestrator.errors import Unavailable
from orchestrator.services.upkeep import attempt


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable("cannot reach it"), "cannot reach it; trying again in 2.0 s"),
        (KeyError("x"), "cannot bring Services up to date, trying again in 2.0 s: this should not happen: KeyError: "),
    ],
)
async def test_what_breaks_is_told_in_a_line_and_ends_nothing(
    error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> bool:
        raise error

    assert await attempt(work(), 2) is False
    (record,) = [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert record.getMessage().startswith(said)
    assert not record.exc_info
