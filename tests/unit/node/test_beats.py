"""The moments that probes share."""

from collections import Counter
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.node.beats import A_SECOND, Beats


def beats_of(probes: int, stack: ExitStack) -> Beats:
    beats = Beats()
    for _ in range(probes):
        stack.enter_context(beats.taking_part())
    return beats


@settings(deadline=None)
@given(st.floats(0, 1e6), st.integers(0, 2**32 - 1), st.integers(0, 500))
def test_a_probe_comes_within_one_beat_of_its_time(due: float, number: int, probes: int) -> None:
    with ExitStack() as stack:
        moment = beats_of(probes, stack).next(due, number)
    assert due - 0.25 / A_SECOND < moment <= due + 1 / A_SECOND


@settings(deadline=None)
@given(st.floats(0, 1e6), st.integers(0, 2**32 - 1), st.integers(0, 500))
def test_a_probe_keeps_its_beat_though_it_runs_a_little_late(due: float, number: int, probes: int) -> None:
    with ExitStack() as stack:
        beats = beats_of(probes, stack)
        first = beats.next(due, number)
        assert beats.next(first + 0.04 + 1, number) == pytest.approx(first + 1, abs=1e-6)


def test_few_probes_share_four_moments_a_second() -> None:
    with ExitStack() as stack:
        beats = beats_of(60, stack)
        moments = {beats.next(number / 60, number) for number in range(60)}
    assert len(moments) <= A_SECOND + 1


def test_a_thousand_probes_that_began_together_do_not_run_together() -> None:
    with ExitStack() as stack:
        beats = beats_of(1000, stack)
        together = Counter(beats.next(100.0, number) for number in range(1000))
    assert max(together.values()) <= 80


def test_who_has_left_does_not_count() -> None:
    with ExitStack() as stack:
        beats = beats_of(1000, stack)
    assert beats.next(100.0, 1) == beats.next(100.0, 2)
