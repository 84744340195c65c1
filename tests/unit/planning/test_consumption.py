"""What follows from two readings."""

from orchestrator.planning.consumption import Process, Reading, Readings, Used, consumption


def process(name: str, since: float = 0.0) -> Process:
    return Process("default", name, "main", name, 1, since)


def test_two_readings_tell_what_was_used_between_them() -> None:
    before = Readings(100.0, Reading(10**9, 5), {"a": (process("a"), Reading(10**9, 1))})
    after = Readings(
        102.0,
        Reading(2 * 10**9, 7),
        {"a": (process("a"), Reading(2 * 10**9, 9)), "b": (process("b", 101.5), Reading(5 * 10**8, 3))},
    )
    told = consumption(before, after)
    assert (told.at, told.window, told.host) == (102.0, 2.0, Used(5 * 10**8, 7))
    assert {p.pod: used for p, used in told.containers} == {"a": Used(5 * 10**8, 9), "b": Used(10**9, 3)}


def test_one_that_has_gone_is_left_out_and_nothing_is_below_zero() -> None:
    before = Readings(1.0, Reading(9, 9), {"a": (process("a"), Reading(9, 9)), "b": (process("b"), Reading(9, 9))})
    told = consumption(before, Readings(1.0, Reading(9, 9), {"b": (process("b"), Reading(8, 2))}))
    assert [(p.pod, used) for p, used in told.containers] == [("b", Used(0, 2))]
