"""Whether a container that ended starts again, and when (L03, L04, L05)."""

from dataclasses import replace

import msgspec
import pytest

from orchestrator.planning.backoff import BackoffSettings
from orchestrator.planning.observed import Failure, Restarts
from tests.unit.planning.builders import (
    AROUND,
    T0,
    UID,
    around,
    config_map,
    deleted,
    ended,
    observed,
    planned,
    pod,
    seen,
    simple,
    told,
)
from tests.unit.planning.model import World


def policy(name: str) -> str:
    return f'restartPolicy: {name}\ncontainers: [{{name: web, image: "web:1"}}]'


@pytest.mark.parametrize(
    ("name", "code", "restarts"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("OnFailure", 137, True),
        ("Never", 0, False),
        ("Never", 1, False),
    ],
)
def test_L03_restart_policy(name: str, code: int, restarts: bool) -> None:
    of = pod(policy(name))
    plan = planned(of, observed(of, ended(of, code=code)))
    assert ("create web/1" in str(plan)) == restarts
    assert ("remove POD" in str(plan)) != restarts, "a pod that is over needs no sandbox"


def test_L03_a_container_that_could_not_start_has_failed() -> None:
    of = pod(policy("OnFailure"))
    refused = seen(of, phase="created", started_at=0.0, error="no such file: /bin/wrong")
    assert "create web/1" in str(planned(of, observed(of, refused)))


def test_L03_one_container_restarts_while_another_is_done() -> None:
    world = World(pod(f'{policy("OnFailure")[:-1]}, {{name: log, image: "log:1"}}]'))
    world.rest()
    world.now += 60
    world.end("web", 0)
    world.end("log", 1)
    world.rest()
    assert not world.alive("web")
    assert world.alive("log")


def test_L04_a_container_backs_off_until_it_runs() -> None:
    """As by the kubelet: the reason for waiting holds until a start has succeeded; the first restart has none."""
    world = World(simple())
    world.rest()
    seen: list[str] = []
    for _ in range(3):
        world.now += 1
        world.end("web", 3)
        while not world.alive("web"):
            world.now = world.look().wake_at or world.now
            seen.append(told_state(world))
            for op in world.look().ops:
                world.do(op)
        world.look()
        seen.append(told_state(world))
    assert [word for word, before in zip(seen, ["", *seen], strict=False) if word != before] == [
        "Error",
        "running",
        "CrashLoopBackOff",
        "running",
        "CrashLoopBackOff",
        "running",
    ]


def test_L04_a_container_that_backs_off_has_ended_when_its_pod_is_deleted() -> None:
    world = World(simple())
    world.rest()
    for _ in range(2):
        world.now += 1
        world.end("web", 3)
        world.rest()
    assert told_state(world) == "CrashLoopBackOff"
    world.edit(lambda current: deleted(current, 30))
    world.look()
    assert told_state(world) == "Error"


def told_state(world: World) -> str:
    """The state that is told of the app, in a word."""
    assert world.pod is not None
    state = world.pod.status.container_statuses[0].state
    other = state.terminated or state.waiting
    return other.reason if other else "running"


def waits(world: World, times: int, runs_for: float = 1.0) -> list[float]:
    """Let "web" end again and again; gives the seconds from each end to the next start."""
    result = []
    for _ in range(times):
        world.now += runs_for
        world.end("web")
        end = world.now
        plan = world.rest()
        while not world.alive("web"):
            assert plan.wake_at is not None
            world.now = plan.wake_at
            plan = world.rest()
        result.append(round(world.now - end, 3))
    return result


def test_L04_the_first_restart_is_at_once_then_the_wait_doubles_to_five_minutes() -> None:
    world = World(simple())
    world.rest()
    assert waits(world, 9) == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert world.events.count("BackOff") == 8


def test_L04_ten_minutes_of_running_earn_a_fresh_start() -> None:
    world = World(simple())
    world.rest()
    assert waits(world, 4) == [0, 10, 20, 40]
    assert waits(world, 1, runs_for=599) == [80]
    assert waits(world, 1, runs_for=600) == [0]
    assert waits(world, 2) == [10, 20]


def test_L04_base_and_cap_are_settings() -> None:
    world = World(simple(), around=replace(AROUND, backoff=BackoffSettings(base=1, cap=5)))
    world.rest()
    assert waits(world, 6) == [0, 1, 2, 4, 5, 5]


def test_L04_an_edit_restarts_at_once_and_forgets_the_back_off() -> None:
    world = World(simple())
    world.rest()
    waits(world, 5)
    world.now += 1
    world.end("web")
    world.rest()
    assert not world.alive("web")
    assert world.pod is not None
    world.pod = msgspec.structs.replace(simple("args: [other]"), status=world.pod.status)
    world.rest()
    assert world.alive("web")
    assert waits(world, 2) == [0, 10]


def test_L04_the_back_off_survives_the_daemon() -> None:
    of = simple()
    history = {"web": Restarts(next_attempt=4, delay=40)}
    what = observed(of, ended(of, attempt=3, at=T0 + 60), restarts=history)
    assert planned(of, what, T0 + 99).wake_at == T0 + 100
    again = planned(of, what, T0 + 100)
    assert "create web/4" in str(again)
    assert [op.restarts.delay for op in again.ops if hasattr(op, "restarts")] == [80]


@pytest.mark.parametrize(("next_attempt", "delay"), [(3, 20), (2, 10)], ids=["one", "two"])
def test_D01_L04_restarts_that_the_journal_missed_count_for_the_back_off(next_attempt: int, delay: float) -> None:
    """A kill took the journal's word of them: the engine has the attempt, and the wait that it earned is due."""
    of = simple()
    history = {"web": Restarts(next_attempt=next_attempt, delay=delay)}
    what = observed(of, ended(of, attempt=3, at=T0 + 60), restarts=history)
    assert planned(of, what, T0 + 99).wake_at == T0 + 100
    again = planned(of, what, T0 + 100)
    assert "create web/4" in str(again)
    assert [op.restarts.delay for op in again.ops if hasattr(op, "restarts")] == [80]


def test_L04_a_journal_that_knows_nothing_of_a_container_holds_up_no_restart() -> None:
    """It was lost, and most attempts are edits."""
    of = simple()
    assert "create web/10" in str(planned(of, observed(of, ended(of, attempt=9, at=T0 + 60)), T0 + 61))


def test_the_back_off_is_told_once_an_attempt_in_the_kubelets_words() -> None:
    of = simple()
    what = observed(of, ended(of, at=T0 + 60), restarts={"web": Restarts(next_attempt=1, delay=160)})
    plan = planned(of, what, T0 + 61)
    whose = f"web_default({UID})"
    assert told(plan) == [f"BackOff: Back-off restarting failed container web in pod {whose}"]
    waiting = plan.waiting["web"]
    assert waiting.reason == "CrashLoopBackOff"
    assert waiting.message == f"back-off 2m40s restarting failed container=web pod={whose}"
    noted = replace(what, noted=frozenset({plan.ops[0].key}))  # type: ignore[attr-defined]
    assert str(planned(of, noted, T0 + 62)) == "nothing"


def test_L05_the_count_goes_on_when_all_attempts_are_gone_from_the_engine() -> None:
    of = simple()
    plan = planned(of, observed(of, restarts={"web": Restarts(next_attempt=7)}))
    assert "create web/7" in str(plan)


def test_an_attempt_that_the_journal_missed_is_not_made_twice() -> None:
    of = simple()
    plan = planned(of, observed(of, ended(of, attempt=5), restarts={"web": Restarts(next_attempt=3)}))
    assert "create web/6" in str(plan)


@pytest.mark.parametrize("what", [observed(simple()), observed(simple(), seen(simple(), phase="created"))])
def test_an_operation_that_failed_is_tried_again_later(what: object) -> None:
    failed = {"web": Failure("RunContainerError", "no space left on device", T0 + 103)}
    held = planned(simple(), replace(what, failures=failed), T0 + 100)  # type: ignore[type-var]
    assert str(held) == "nothing"
    assert held.wake_at == T0 + 103
    assert held.waiting["web"].message == "no space left on device"
    assert "start web" in str(planned(simple(), replace(what, failures=failed), T0 + 103))  # type: ignore[type-var]


# --- references that lead nowhere ---


REFERS = "env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}]"


def test_E03_a_missing_reference_waits_is_told_once_and_starts_by_itself() -> None:
    world = World(simple(REFERS))
    plan = world.rest()
    assert plan.waiting["web"].reason == "CreateContainerConfigError"
    assert plan.waiting["web"].message == 'configmap "settings" not found'
    world.rest()
    assert world.events.count("Failed") == 1
    world.around = around(config_map("settings", b="1"))
    assert world.rest().waiting["web"].message == "couldn't find key a in ConfigMap default/settings"
    world.around = around(config_map("settings", a="1"))
    world.rest()
    assert world.alive("web")


def test_E03_a_subPathExpr_without_a_value_is_a_configuration_error() -> None:
    of = pod("""
        volumes: [{name: data, emptyDir: {}}]
        containers:
        - {name: web, image: "web:1", volumeMounts: [{name: data, mountPath: /data, subPathExpr: "$(NOBODY)"}]}
    """)
    plan = planned(of, observed(of, volumes={"data": "emptyDir"}))
    assert plan.waiting["web"].reason == "CreateContainerConfigError"
    assert "NOBODY" in plan.waiting["web"].message
