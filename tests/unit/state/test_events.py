"""Events on a clock that the test turns: counts, times, limits, and a recorder that comes back to its journal."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.objects.config import ConfigMap
from orchestrator.objects.events import Event
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.times import format_time
from orchestrator.state import events
from orchestrator.state.events import MAX_AGE, EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.similar import MOST, PREFIX, WINDOW, Similar
from orchestrator.state.store import Store

T0 = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A recorder with its store; `reopen` is a daemon that was killed and comes back to the same journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.open()

    def open(self) -> None:
        self.journal = Journal(self.path)
        self.store = Store(self.journal, self.clock)
        self.recorder = EventRecorder(self.store, self.journal, self.clock, "node")

    def reopen(self) -> None:
        self.journal.close()
        self.open()

    def at(self, seconds: float) -> EventRecorder:
        self.clock.now = T0 + seconds
        return self.recorder

    def events(self) -> list[Event]:
        found: list[Event] = self.store.list("Event")
        return sorted(found, key=lambda event: (event.last_timestamp, event.first_timestamp, event.message))

    def lines(self) -> list[tuple[str, int, str, str]]:
        return [(e.message, e.count, e.first_timestamp, e.last_timestamp) for e in self.events()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "journal.db")
    yield made
    made.journal.close()


def about(name: str = "web", uid: str = "u1") -> Any:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default", uid=uid))


def at(seconds: float) -> str:
    return format_time(T0 + seconds)


def test_the_same_again_raises_the_count_and_the_last_time(desk: Desk) -> None:
    for seconds in (0, 5, 60):
        desk.at(seconds).record(about(), "Warning", "Unhealthy", "sick", field_path="spec.containers{app}")
    desk.at(61).record(about(), "Warning", "Unhealthy", "sick", field_path="spec.containers{side}")
    desk.at(62).record(about(uid="u2"), "Warning", "Unhealthy", "sick", field_path="spec.containers{app}")
    assert desk.lines() == [
        ("sick", 3, at(0), at(60)),
        ("sick", 1, at(61), at(61)),
        ("sick", 1, at(62), at(62)),
    ]


def test_counts_and_times_survive_a_restart(desk: Desk) -> None:
    for seconds in (0, 5):
        desk.at(seconds).record(about(), "Warning", "BackOff", "again")
    desk.at(7).record(about(), "Normal", "Started", "Container started")
    before = desk.events()
    desk.reopen()
    strip = {"resource_version": ""}
    assert [_without(event, strip) for event in desk.events()] == [_without(event, strip) for event in before]
    desk.at(9).record(about(), "Warning", "BackOff", "again")
    assert desk.lines() == [("Container started", 1, at(7), at(7)), ("again", 3, at(0), at(9))]


def _without(event: Event, fields: dict[str, str]) -> Event:
    import msgspec

    return msgspec.structs.replace(event, metadata=msgspec.structs.replace(event.metadata, **fields))


def test_what_was_not_seen_for_an_hour_is_gone_from_store_and_journal(desk: Desk) -> None:
    desk.at(0).record(about(), "Normal", "Old", "old")
    desk.at(0).record(about(), "Normal", "Lasting", "lasting")
    desk.at(MAX_AGE - 1).record(about(), "Normal", "Lasting", "lasting")
    assert len(desk.events()) == 2
    desk.at(MAX_AGE + 1).forget_old()
    assert desk.lines() == [("lasting", 2, at(0), at(MAX_AGE - 1))]
    desk.reopen()
    assert [event.message for event in desk.events()] == ["lasting"]


def test_what_grew_old_while_the_daemon_was_away_does_not_come_back(desk: Desk) -> None:
    desk.at(0).record(about(), "Normal", "Old", "old")
    desk.clock.now = T0 + MAX_AGE + 1
    desk.reopen()
    assert desk.events() == []
    desk.reopen()
    assert list(desk.journal.items("events")) == []


def test_of_too_many_those_seen_longest_ago_go_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_EVENTS", 3)
    for seconds, name in enumerate("abca"):
        desk.at(seconds).record(about(name), "Normal", "Seen", name)
    desk.at(9).record(about("d"), "Normal", "Seen", "d")
    assert [event.message for event in desk.events()] == ["c", "a", "d"]
    desk.reopen()
    assert [event.message for event in desk.events()] == ["c", "a", "d"]


def test_messages_that_differ_each_time_become_one(desk: Desk) -> None:
    for number in range(30):
        desk.at(number).record(about(), "Warning", "Unhealthy", f"probe failed: {number}")
    found = desk.lines()
    assert len(found) == MOST
    assert found[: MOST - 1] == [(f"probe failed: {number}", 1, at(number), at(number)) for number in range(MOST - 1)]
    assert found[-1] == (f"{PREFIX}probe failed: 29", 30 - MOST + 1, at(MOST - 1), at(29))


def test_kinds_of_events_that_are_over_are_forgotten() -> None:
    """A pod that is made anew every minute leaves nothing behind."""
    similar = Similar()
    for number in range(1000):
        similar.is_too_many(f"pod-{number}", "probe failed", number * 60.0)
    assert len(similar) == WINDOW / 60 + 1


def test_one_of_the_first_messages_still_counts_for_itself(desk: Desk) -> None:
    for number in (*range(20), 3):
        desk.at(number).record(about(), "Warning", "Unhealthy", f"probe failed: {number}")
    assert [event.count for event in desk.events() if event.message == "probe failed: 3"] == [2]


def test_a_restart_does_not_open_the_flood_again(desk: Desk) -> None:
    for number in range(20):
        desk.at(number).record(about(), "Warning", "Unhealthy", f"probe failed: {number}")
    desk.reopen()
    for number in range(20, 40):
        desk.at(number).record(about(), "Warning", "Unhealthy", f"probe failed: {number}")
    found = desk.lines()
    assert len(found) == MOST
    assert found[-1] == (f"{PREFIX}probe failed: 39", 40 - MOST + 1, at(MOST - 1), at(39))


@pytest.mark.parametrize(
    "kind", [lambda number: "same", lambda number: f"other {number % 4}"], ids=["one kind", "four kinds"]
)
def test_ten_minutes_of_silence_start_anew(kind: Callable[[int], str]) -> None:
    similar = Similar()
    told = [similar.is_too_many(kind(number), f"m{number}", float(number)) for number in range(MOST * 2)]
    assert any(told) is (kind(1) == kind(2))
    assert not similar.is_too_many("same", "after a pause", MOST * 2 + WINDOW)
