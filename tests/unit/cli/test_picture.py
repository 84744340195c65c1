from dataclasses import replace
from itertools import pairwise

import pytest

from orchestrator.cli.picture import Picture, PodLine, Warned, changes
from orchestrator.cli.pulls import PullLine

POD = PodLine("default", "web", "0/1", "ContainerCreating", "0", "1s")
BEFORE = Picture((POD,), (), (), "", syncing=False)


def of(pod: PodLine, **more: object) -> Picture:
    return replace(BEFORE, pods=(pod,), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ready", "status", "settled"),
    [
        ("1/1", "Running", True),
        ("0/1", "Running", False),
        ("0/1", "Completed", False),
        ("0/1", "Error", False),
        ("1/1", "Terminating", False),
    ],
)
def test_what_there_is_to_wait_for(ready: str, status: str, settled: bool) -> None:
    assert of(replace(POD, ready=ready, status=status)).settled is settled


def test_a_pod_that_has_succeeded_is_done_and_one_that_will_be_restarted_is_not() -> None:
    completed = replace(POD, status="Completed")
    assert not of(completed).settled
    assert of(replace(completed, succeeded=True)).settled


def test_a_daemon_that_has_not_read_its_folder_is_not_settled() -> None:
    assert replace(BEFORE, pods=()).settled
    assert not replace(BEFORE, pods=(), syncing=True).settled
    assert not replace(BEFORE, pods=(), engine_error="away").settled


def test_one_line_for_each_change() -> None:
    assert changes(None, BEFORE) == ["default/web  0/1 ContainerCreating"]
    assert changes(BEFORE, of(replace(POD, age="2s"))) == []
    running = replace(POD, ready="1/1", status="Running", restarts="2 (3s ago)")
    assert changes(BEFORE, of(running)) == ["default/web  1/1 Running, 2 restarts"]
    once = replace(running, restarts="1 (3s ago)")
    assert changes(BEFORE, of(once)) == ["default/web  1/1 Running, 1 restart"]
    assert changes(of(running), of(replace(running, restarts="2 (4s ago)"))) == []
    assert changes(BEFORE, replace(BEFORE, pods=())) == ["default/web  gone"]


def test_I02_each_quarter_of_a_pull_is_a_line() -> None:
    pictures = [replace(BEFORE, pulls=(PullLine("far:1", f"at {step}", (), step),)) for step in (0, 0, 1, 1, 3)]
    told = [changes(before, after) for before, after in pairwise(pictures)]
    assert told == [[], ["pulling far:1: at 1"], [], ["pulling far:1: at 3"]]


def test_problems_and_warnings_are_told_once() -> None:
    warned = Warned("default", "web", "pod/web  Unhealthy: no")
    after = replace(BEFORE, problems=("a.yaml:1:1: bad",), warnings=(warned,), engine_error="the engine is away")
    told = ["the engine is away", "specs: a.yaml:1:1: bad", "warning: pod/web  Unhealthy: no"]
    assert changes(BEFORE, after) == told
    assert changes(after, after) == []


def test_warnings_of_pods_that_are_well_are_over() -> None:
    warned = Warned("default", "web", "Unhealthy")
    assert of(POD, warnings=(warned,)).open_warnings == (warned,)
    assert of(replace(POD, ready="1/1", status="Running"), warnings=(warned,)).open_warnings == ()


def test_an_edit_of_config_is_told_and_what_appears_is_not() -> None:
    before = replace(BEFORE, config=(("configmap default/page", "1"), ("secret default/token", "2")))
    edited = replace(BEFORE, config=(("configmap default/page", "3"), ("secret default/new", "4")))
    assert changes(before, edited) == ["configmap default/page  changed"]
    assert changes(None, before) == ["default/web  0/1 ContainerCreating"]


def test_the_end_of_the_last_error_is_told() -> None:
    wrong = replace(BEFORE, problems=("a.yaml:1:1: bad", "b.yaml:1:1: bad"))
    assert changes(wrong, replace(wrong, problems=("a.yaml:1:1: bad",))) == []
    assert changes(wrong, BEFORE) == ["specs: nothing is wrong any more"]


def test_in_a_low_terminal_the_pods_that_are_awaited_are_drawn_first() -> None:
    well = tuple(replace(POD, name=f"well-{number}", ready="1/1", status="Running") for number in range(3))
    picture = replace(BEFORE, pods=(*well, POD))
    assert picture.rows(4) == picture.pods
    assert picture.rows(3) == (POD, well[0])
    assert picture.rows(0) == ()
    assert replace(picture, pods=well).rows(1) == well
