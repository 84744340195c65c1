"""L09: `activeDeadlineSeconds` ends a pod that goes on for too long."""

import msgspec
import pytest

from orchestrator.planning.observed import Failure, StopReason
from orchestrator.planning.ops import BeginStop
from orchestrator.planning.outcome import DEADLINE_MESSAGE
from tests.unit.planning.builders import T0, deleted, ended, observed, planned, pod, seen
from tests.unit.planning.model import World

SPEC = """
activeDeadlineSeconds: 100
restartPolicy: {policy}
terminationGracePeriodSeconds: 30
initContainers: [{{name: first, image: "init:1"}}]
containers: [{{name: web, image: "web:1"}}]
"""


def spec(policy: str = "Always") -> str:
    return SPEC.format(policy=policy)


def up(policy: str = "Always") -> World:
    """The pod with its app running, made at T0."""
    world = World(pod(spec(policy)))
    world.rest()
    world.end("first", 0)
    world.rest()
    assert world.alive("web")
    return world


def status(world: World) -> tuple[str | None, str, str]:
    """Phase, reason and message of the pod."""
    assert world.pod is not None
    return world.pod.status.phase, world.pod.status.reason, world.pod.status.message


FAILED = ("Failed", "DeadlineExceeded", DEADLINE_MESSAGE)


@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_L09_a_pod_that_goes_on_for_too_long_is_stopped_and_has_failed(policy: str) -> None:
    world = up(policy)
    assert world.rest().wake_at == T0 + 100
    world.advance(99)
    assert status(world) == ("Running", "", "")
    world.advance(1)
    assert status(world) == FAILED
    assert not any(container.alive for container in world.containers.values())
    assert world.newest("web").exit_code == 143, "it was asked to end"
    assert world.events.count("DeadlineExceeded") == 1
    world.advance(1000)
    assert status(world) == FAILED
    assert world.newest("web").attempt == 0


def test_L09_it_gets_its_grace_period_and_is_not_Failed_before_its_end() -> None:
    world = up()
    world.deaf = True
    world.advance(129)
    assert status(world) == ("Running", "", "")
    assert world.pod is not None
    ready = next(c for c in world.pod.status.conditions if c.type == "Ready")
    assert (ready.status, ready.reason) == ("False", "PodFailed")
    world.advance(1)
    assert world.newest("web").exit_code == 137
    assert status(world) == FAILED


@pytest.mark.parametrize("policy", ["Always", "Never"])
def test_L09_it_counts_while_init_containers_run(policy: str) -> None:
    world = World(pod(spec(policy)))
    world.rest()
    world.advance(100)
    assert status(world) == FAILED
    assert not world.alive("first")
    assert world.lines.count("create web/0: first start") == 0


def test_L09_it_counts_while_nothing_runs() -> None:
    """In back-off, and before there is a sandbox."""
    world = up()
    for _ in range(4):
        world.now += 1
        world.end("web")
        world.rest()
        world.advance(20)
    assert not world.alive("web")
    world.advance(100)
    assert status(world) == FAILED
    assert world.events.count("DeadlineExceeded") == 1
    of = pod(f"volumes: [{{name: v, configMap: {{name: nobody}}}}]\n{spec()}")
    waits = planned(of, observed(of, seen(of, "POD", phase="dead")), T0 + 10)
    assert waits.wake_at == T0 + 100
    failed = {"POD": Failure("ContainerCreating", "no network", T0 + 500)}
    assert planned(of, observed(of, seen(of, "POD", phase="dead"), failures=failed), T0 + 10).wake_at == T0 + 100


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_L09_a_pod_that_ended_before_is_not_touched(code: int, phase: str) -> None:
    world = up("Never")
    world.advance(50)
    world.end("web", code)
    world.advance(1000)
    assert status(world) == (phase, "", "")
    assert "DeadlineExceeded" not in world.events


def test_L09_what_ended_before_holds_for_a_daemon_that_looks_after_it() -> None:
    """It was away when the pod ended, and when the deadline came."""
    of = pod(spec("Never"))
    first = ended(of, "first", code=0, at=T0 + 2)
    for at, what in ((99, "the pod is over"), (101, "the pod is over")):
        assert what in str(planned(of, observed(of, first, ended(of, code=0, at=T0 + at)), T0 + 500))
    world = World(of, now=T0 + 500)
    world.containers = {c.id: c for c in observed(of, first, ended(of, code=0, at=T0 + 99)).containers}
    world.rest()
    assert status(world) == ("Succeeded", "", "")
    world = World(of, now=T0 + 500)
    world.containers = {c.id: c for c in observed(of, first, ended(of, code=0, at=T0 + 101)).containers}
    world.rest()
    assert status(world) == FAILED


def test_L09_it_survives_the_daemon() -> None:
    """A new one knows the spec, when the pod was made, and what the status was when it was over."""
    of = pod(spec())
    first, web = ended(of, "first", code=0, at=T0 + 2), seen(of)
    late = planned(of, observed(of, first, web), T0 + 130)
    assert [op.reason for op in late.ops if isinstance(op, BeginStop)] == [StopReason.DEADLINE]
    world = up()
    world.advance(100)
    world.noted.clear()
    world.lines.clear()
    assert world.rest().wake_at is None
    assert world.lines == []


def test_L09_an_edit_moves_the_deadline() -> None:
    world = up()
    world.advance(50)
    longer = pod(spec().replace("100", "300"))
    world.edit(lambda current: msgspec.structs.replace(longer, status=current.status, metadata=current.metadata))
    world.advance(100)
    assert status(world) == ("Running", "", "")
    assert world.rest().wake_at == T0 + 300
    world.edit(lambda current: msgspec.structs.replace(pod(spec()), status=current.status, metadata=current.metadata))
    world.rest()
    assert status(world) == FAILED


def test_L09_a_pod_that_failed_so_is_deleted_like_any_other() -> None:
    world = up()
    world.advance(100)
    world.edit(lambda current: deleted(current, 30))
    world.rest()
    assert not world.containers


def test_L09_sidecars_end_after_the_app() -> None:
    world = World(pod(spec().replace('"init:1"', '"init:1", restartPolicy: Always')))
    world.rest()
    world.advance(100)
    signals = [line for line in world.lines if line.startswith("signal")]
    assert signals == ["signal stop signal to web: end (deadline)", "signal stop signal to first: end (deadline)"]
    assert status(world) == FAILED
