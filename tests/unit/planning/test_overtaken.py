"""L10, L11: an end that overtakes another.  It never comes later for it, and takes away no time that was promised."""

import msgspec
import pytest

from orchestrator.objects.pod import Pod
from orchestrator.planning.observed import Hook, HookState, Stop, StopReason
from orchestrator.planning.ops import BeginStop
from orchestrator.planning.probe_state import ProbeKind, ProbeStatus
from orchestrator.planning.stop_plan import begun, shorter
from tests.unit.planning.builders import T0, deleted, pod
from tests.unit.planning.model import World

EDITED = "terminationGracePeriodSeconds: 60\ncontainers: [{{name: web, image: 'web:1', args: [{}]{}}}]"
DRAINS = ", lifecycle: {preStop: {exec: {command: [drain]}}}"
PROBED = """
terminationGracePeriodSeconds: {grace}
{deadline}
containers:
- name: web
  image: web:1
  livenessProbe: {{tcpSocket: {{port: 1}}, terminationGracePeriodSeconds: 100}}
"""


def running(of: Pod) -> World:
    """The pod's deaf container, since T0."""
    world = World(of, deaf=True, hooks_end=HookState.RUNNING)
    world.rest()
    world.now = T0
    return world


def edited(hook: str = "") -> World:
    """A pod with a grace period of 60 s whose container is being ended since T0, as its spec was edited."""
    world = running(pod(EDITED.format("a", hook)))
    world.edit(lambda now: msgspec.structs.replace(pod(EDITED.format("b", hook)), status=now.status))
    world.rest()
    return world


def failed(grace: int, deadline: str = "") -> World:
    """A pod whose container is being ended since T0 by its liveness probe, with 100 s of its own."""
    world = running(pod(PROBED.format(grace=grace, deadline=deadline)))
    world.probes[world.newest("web").id] = ProbeStatus(started=True).with_verdict(ProbeKind.LIVENESS, False)
    world.rest()
    return world


def ends(world: World) -> list[tuple[float, str]]:
    """Seconds since T0, and the name, of the signals that follow until the container has ended."""
    sent: list[tuple[float, str]] = []
    target = world.newest("web").id
    while target in world.containers and world.containers[target].alive:
        known = len(world.lines)
        wake_at = world.rest().wake_at
        sent += [(world.now - T0, line) for line in world.lines[known:] if line.startswith("signal")]
        if target in world.containers and world.containers[target].alive:
            assert wake_at is not None
            world.now = wake_at
    return sent


def kills(world: World) -> list[float]:
    return [at for at, line in ends(world) if "KILL" in line]


@pytest.mark.parametrize(
    ("at", "grace", "killed"),
    [
        (50, 30, 60),  # The end of the edit comes first: it is not put off, and not brought forward either.
        (10, 30, 40),
        (50, 5, 55),
        (59, 1, 60),
        (50, 0, 50),
    ],
)
def test_L11_a_deletion_counts_from_now_though_an_edit_ends_the_container(at: int, grace: int, killed: float) -> None:
    world = edited()
    world.now = T0 + at
    world.edit(lambda current: deleted(current, grace))
    assert kills(world) == [killed]


def test_H03_a_hook_that_drains_for_an_edit_keeps_its_time_when_the_pod_is_deleted() -> None:
    world = edited(DRAINS)
    target = world.newest("web").id
    world.now = T0 + 35
    world.edit(lambda current: deleted(current, 30))
    world.rest()
    assert not world.stops[target].signalled_at, "it drains"
    world.now = T0 + 50
    world.pre_stops[target] = Hook(HookState.SUCCEEDED)
    assert ends(world)[0] == (50, "signal stop signal to web: end (deleted)")


def test_L09_a_deadline_gives_its_grace_from_now_though_a_probe_has_a_longer_one() -> None:
    world = failed(10, "activeDeadlineSeconds: 20")
    assert kills(world) == [30]


@pytest.mark.parametrize(("grace", "killed"), [(5, 25), (300, 100)])
def test_L11_a_deletion_without_a_word_gives_the_specs_grace_from_now(grace: int, killed: float) -> None:
    world = failed(grace)
    world.now = T0 + 20
    world.edit(lambda current: deleted(current, grace))
    assert kills(world) == [killed]


def test_L11_a_second_deletion_counts_from_the_first_also_after_an_edit() -> None:
    world = edited()
    world.now = T0 + 10
    world.edit(lambda current: deleted(current, 40))
    world.advance(5)
    world.edit(lambda current: deleted(current, 20))
    assert kills(world) == [30]


def test_L14_a_sandbox_that_dies_meanwhile_cuts_a_long_grace_and_forgets_no_reason() -> None:
    world = failed(5)
    target = world.newest("web").id
    world.now = T0 + 20
    world.end("POD")
    assert kills(world) == [25]
    assert world.stops[target].reason is StopReason.LIVENESS


def test_a_stop_that_was_taken_back_begins_anew_with_its_own_reason() -> None:
    """A daemon that died had begun to delete the pod, and the folder wants it after all, with another image."""
    world = running(pod(EDITED.format("a", "")))
    target = world.newest("web").id
    world.stops[target] = Stop(StopReason.DELETED, T0 - 5, 60)
    world.edit(lambda now: msgspec.structs.replace(pod(EDITED.format("b", "")), status=now.status))
    world.rest()
    assert world.stops[target].reason is StopReason.REPLACED
    assert kills(world) == [60]


@pytest.mark.parametrize(
    ("reason", "grace", "given"),
    [
        (StopReason.DELETED, 30, None),
        (StopReason.DELETED, 29, 29),
        (StopReason.DEADLINE, 30, 5),
        (StopReason.DEADLINE, 3, 3),
        (StopReason.DEADLINE, 0, 0),
    ],
)
def test_what_is_left_after_25_of_30_seconds(reason: StopReason, grace: float, given: float | None) -> None:
    before = Stop(StopReason.DELETED, T0, 30, signalled_at=T0 + 1)
    assert shorter(before, reason, grace, T0 + 25) == given
    if given is not None:
        op = BeginStop(name="web", target="x", reason=reason, grace=given, cause="")
        after = begun(before, op, T0 + 25)
        assert after.since + after.grace <= before.since + before.grace
        assert (after.reason, after.signalled_at) == (reason, T0 + 1), "the signal is not sent again"


def test_nothing_left_is_no_SIGKILL_yet() -> None:
    left = shorter(Stop(StopReason.LIVENESS, T0, 30), StopReason.DELETED, 30, T0 + 31)
    assert left
    assert left > 0
