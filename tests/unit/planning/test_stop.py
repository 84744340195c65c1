"""How a container is ended: the arithmetic of hooks, signals and grace (L10, L11, H03, H04)."""

import pytest

from orchestrator.objects.pod import Pod
from orchestrator.planning.observed import Hook, HookState, Stop, StopReason
from orchestrator.planning.ops import Plan, Waiting
from tests.unit.planning.builders import T0, deleted, observed, planned, pod, seen, simple
from tests.unit.planning.model import World

HOOKED = "lifecycle: {preStop: {exec: {command: [bye]}}}"


def step(of: Pod, stop: Stop, now: float, hook: HookState | None = None) -> Plan:
    """The next step for the pod's running container, `now` seconds after its stop began at T0."""
    hooks = {"web-0": Hook(hook)} if hook else {}
    return planned(of, observed(of, seen(of), stops={"web-0": stop}, pre_stops=hooks), T0 + now)


def stopping(grace: float = 30, signalled: float | None = None, killed: float | None = None) -> Stop:
    return Stop(
        StopReason.DELETED,
        T0,
        grace,
        signalled_at=0.0 if signalled is None else T0 + signalled,
        killed_at=0.0 if killed is None else T0 + killed,
    )


RUN = "run hook preStop of web: before the end (deleted)"
TERM = "signal stop signal to web: end (deleted)"
KILL = "signal KILL to web: the grace period is over"


@pytest.mark.parametrize(
    ("fields", "stop", "now", "hook", "text", "wake"),
    [
        # Without a hook: the signal at once, then nothing until the grace is over.
        ("", stopping(), 0, None, TERM, None),
        ("", stopping(signalled=0), 29, None, "nothing", 30),
        ("", stopping(signalled=0), 30, None, KILL, None),
        # preStop comes first, and its time counts.
        (HOOKED, stopping(), 0, None, RUN, 30),
        (HOOKED, stopping(), 12, HookState.RUNNING, "nothing", 30),
        (HOOKED, stopping(), 12, HookState.SUCCEEDED, TERM, None),
        (HOOKED, stopping(), 12, HookState.FAILED, TERM, None),
        (HOOKED, stopping(signalled=12), 29, HookState.SUCCEEDED, "nothing", 30),
        (HOOKED, stopping(signalled=12), 30, HookState.SUCCEEDED, KILL, None),
        # H04: a hook that overruns leaves the signal its two seconds.
        (HOOKED, stopping(), 30, HookState.RUNNING, TERM, None),
        (HOOKED, stopping(signalled=30), 31, HookState.RUNNING, "nothing", 32),
        (HOOKED, stopping(signalled=30), 32, HookState.RUNNING, KILL, None),
        (HOOKED, stopping(signalled=29), 30, HookState.SUCCEEDED, "nothing", 31),
        # L11: no grace is now, hook or not.
        (HOOKED, stopping(grace=0), 0, None, "signal KILL to web: deleted: now", None),
        (HOOKED, stopping(grace=0), 3, HookState.RUNNING, "signal KILL to web: deleted: now", None),
        # A KILL that did nothing is sent again.
        ("", stopping(signalled=0, killed=30), 31, None, "nothing", 35),
        ("", stopping(signalled=0, killed=30), 35, None, KILL, None),
    ],
)
def test_L10_one_step_at_a_time(
    fields: str, stop: Stop, now: float, hook: HookState | None, text: str, wake: float | None
) -> None:
    plan = step(simple(fields, grace=30), stop, now, hook)
    assert str(plan) == text
    assert plan.wake_at == (None if wake is None else T0 + wake)


@pytest.mark.parametrize(
    ("now", "since", "text", "wake"),
    [(40, None, RUN, 42), (41, 40, "nothing", 42), (42, 40, TERM, None), (29, 28, "nothing", 30)],
)
def test_H05_a_hook_that_begins_after_the_daemon_was_away_has_its_two_seconds(
    now: float, since: float | None, text: str, wake: float | None
) -> None:
    of = simple(HOOKED, grace=30)
    hooks = {} if since is None else {"web-0": Hook(HookState.RUNNING, since=T0 + since)}
    plan = planned(of, observed(of, seen(of), stops={"web-0": stopping()}, pre_stops=hooks), T0 + now)
    assert (str(plan), plan.wake_at) == (text, None if wake is None else T0 + wake)


@pytest.mark.parametrize(("grace", "given"), [(0, 0), (1, 2), (2, 2), (45, 45)])
def test_L11_grace_is_what_the_deletion_says_and_at_least_two_seconds(grace: int, given: float) -> None:
    of = simple(grace=grace)
    assert [op.grace for op in planned(of, observed(of, seen(of))).ops] == [given]  # type: ignore[attr-defined]


def test_the_specs_grace_holds_for_an_edit() -> None:
    before = pod('terminationGracePeriodSeconds: 7\ncontainers: [{name: web, image: "web:1"}]')
    after = pod('terminationGracePeriodSeconds: 7\ncontainers: [{name: web, image: "web:2"}]')
    assert [op.grace for op in planned(after, observed(before, seen(before))).ops] == [7]  # type: ignore[attr-defined]


def test_L11_a_later_shorter_grace_shortens_and_a_longer_one_never_lengthens() -> None:
    world = World(simple(), deaf=True)
    world.rest()
    began = world.now
    world.edit(lambda current: deleted(current, 30))
    world.advance(5)
    # The store lets no such thing be told; the plan does not trust it to.
    world.edit(lambda current: deleted(current, 300))
    world.last_told = {}
    world.advance(5)
    assert world.alive("web")
    world.edit(lambda current: deleted(current, 15))
    plan = world.rest()
    assert plan.wake_at == began + 15
    world.advance(5)
    assert not world.containers


def test_L11_an_edit_of_the_grace_period_shortens_a_restart_that_is_under_way() -> None:
    """The container is being replaced; a longer one does not lengthen it."""
    text = "terminationGracePeriodSeconds: {}\ncontainers: [{{name: web, image: {}}}]"
    world = World(pod(text.format(30, "web:1")), deaf=True)
    world.rest()
    old, began = world.newest("web").id, world.now
    world.edit(lambda current: pod(text.format(30, "web:2")))
    world.advance(5)
    world.edit(lambda current: pod(text.format(300, "web:2")))
    world.advance(5)
    assert world.rest().wake_at == began + 30
    world.edit(lambda current: pod(text.format(15, "web:2")))
    assert world.rest().wake_at == began + 15
    world.advance(5)
    assert not world.containers[old].alive
    assert world.newest("web").image == "web:2"


def test_L11_force_is_now_also_in_the_middle_of_a_hook() -> None:
    world = World(simple(HOOKED), deaf=True, hooks_end=HookState.RUNNING)
    world.rest()
    world.edit(lambda current: deleted(current, 30))
    world.advance(5)
    assert world.alive("web")
    world.edit(lambda current: deleted(current, 0))
    world.rest()
    assert not world.containers


def test_H03_preStop_runs_before_the_signal_of_an_edit_too() -> None:
    world = World(simple(HOOKED))
    world.rest()
    world.lines.clear()
    world.edit(lambda current: simple(f"{HOOKED}\nargs: [other]"))
    world.rest()
    assert world.lines[:3] == [
        "begin stop web: its spec changed",
        "run hook preStop of web: before the end (replaced)",
        "signal stop signal to web: end (replaced)",
    ]


def test_H03_no_preStop_for_a_container_that_has_ended_already() -> None:
    world = World(simple(HOOKED))
    world.rest()
    world.end("web")
    world.edit(lambda current: deleted(current, 30))
    world.rest()
    assert "preStop" not in "\n".join(world.lines)


def test_a_stop_that_meets_a_paused_container_kills_it() -> None:
    of = simple(grace=30)
    what = observed(of, seen(of, phase="paused"), stops={"web-0": stopping(signalled=0)})
    assert str(planned(of, what, T0 + 1)) == "signal KILL to web: deleted: now"


def test_H03_the_hook_is_that_of_the_spec_that_the_container_was_made_from() -> None:
    """Also when the edit took the hook away, or the container."""
    run = RUN.replace("deleted", "replaced")
    before, after = simple(HOOKED), simple("args: [other]")
    facts = {
        "stops": {"web-0": Stop(StopReason.REPLACED, T0, 30)},
        "replaced": {seen(before).digest: before.spec.containers[0]},
    }
    assert str(planned(after, observed(after, seen(before), **facts), T0)) == run
    other = pod("containers: [{name: other, image: 'web:1'}]")
    what = observed(other, seen(before), seen(other, "other"), **facts)
    assert str(planned(other, what, T0)) == run


def test_H02_a_container_whose_postStart_failed_waits_with_its_output_while_it_is_stopped() -> None:
    of = simple("lifecycle: {postStart: {exec: {command: [hello]}}}")
    failed = {"post_starts": {"web-0": Hook(HookState.FAILED, "no oven")}}
    begun = planned(of, observed(of, seen(of), **failed))
    assert begun.waiting["web"] == Waiting("PostStartHookError", "no oven")
    stop = Stop(StopReason.POST_START, T0, 30, signalled_at=T0)
    going = planned(of, observed(of, seen(of), stops={"web-0": stop}, **failed), T0 + 1)
    assert going.waiting["web"] == Waiting("PostStartHookError", "no oven")
