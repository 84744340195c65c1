"""L06: init containers run one after another, and not again."""

from tests.unit.planning.builders import (
    pod,
)
from tests.unit.planning.model import World

INIT = """
initContainers:
- {name: first, image: "init:1"}
- {name: second, image: "init:1"}
containers:
- {name: web, image: "web:1"}
"""


def test_L06_init_containers_run_one_after_another() -> None:
    world = World(pod(INIT))
    plan = world.rest()
    assert world.alive("first")
    assert not world.alive("second")
    assert plan.waiting["web"].reason == "PodInitializing"
    world.end("first", 0)
    world.rest()
    assert world.alive("second")
    assert not world.alive("web")
    world.end("second", 0)
    world.rest()
    assert world.alive("web")


def test_L06_an_init_container_that_fails_is_tried_again() -> None:
    world = World(pod(INIT))
    world.rest()
    for _ in range(2):
        world.end("first", 1)
        world.advance(10)
    assert world.newest("first").attempt == 2
    assert not world.alive("second")


def test_L06_an_init_container_that_fails_in_a_pod_of_policy_Never_fails_the_pod() -> None:
    world = World(pod(f"restartPolicy: Never\n{INIT}"))
    world.rest()
    world.end("first", 1)
    world.rest()
    assert world.pod is not None
    assert world.pod.status.phase == "Failed"
    assert not world.alive("POD")


def test_init_containers_run_again_in_a_new_sandbox() -> None:
    world = initialized()
    world.now += 60
    world.end("POD", 137)
    world.rest()
    assert world.alive("first")
    assert not world.alive("web")


def test_init_containers_that_somebody_removed_are_not_run_again() -> None:
    world = initialized()
    world.vanish("first")
    world.vanish("second")
    world.lines.clear()
    world.rest()
    assert world.lines == []
    assert world.pod is not None
    assert [c.status for c in world.pod.status.conditions if c.type == "Initialized"] == ["True"]


def initialized() -> World:
    world = World(pod(INIT))
    world.rest()
    world.end("first", 0)
    world.rest()
    world.end("second", 0)
    world.rest()
    assert world.alive("web")
    return world
