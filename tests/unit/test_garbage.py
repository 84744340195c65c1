"""The cycle collector looks at what is new only, and at everything once an hour."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from orchestrator import garbage
from orchestrator.garbage import ShortPauses


class Cycle:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def pauses() -> Iterator[ShortPauses]:
    made = ShortPauses()
    made.begin()
    yield made
    made.end()


def examined() -> int:
    """How many objects a full collection would look at."""
    return len(gc.get_objects())


def test_what_was_there_is_not_looked_at_again(pauses: ShortPauses) -> None:
    kept = [[number] for number in range(20_000)]
    gc.collect()
    assert gc.is_tracked(kept)
    assert gc.get_freeze_count() > 20_000
    assert examined() < 20_000


def test_new_garbage_is_collected(pauses: ShortPauses) -> None:
    cycle = weakref.ref(Cycle())
    gc.collect()
    assert cycle() is None


def test_cycles_that_die_late_wait_for_the_thorough_collection(
    pauses: ShortPauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Cycle()
    gone = weakref.ref(late)
    gc.collect()
    del late
    gc.collect()
    assert gone() is not None

    hour = garbage.time.monotonic() + garbage.THOROUGH
    monkeypatch.setattr(garbage.time, "monotonic", lambda: hour)
    gc.collect()
    assert gone() is None
    assert gc.get_freeze_count() > 0, "what lives is set aside again"


def test_the_end_is_as_before() -> None:
    pauses = ShortPauses()
    pauses.begin()
    pauses.begin()
    pauses.end()
    assert gc.get_freeze_count() == 0
    assert not [each for each in gc.callbacks if getattr(each, "__self__", None) is pauses]
