"""L14: what happens to a pod from outside, by the engine's own client."""

from dataclasses import replace
from textwrap import dedent

from orchestrator.objects.pod_status import ContainerState, ContainerStatus
from orchestrator.planning.ops import Plan
from tests.unit.planning.builders import (
    T0,
    ended,
    observed,
    planned,
    pod,
    seen,
    seen_sandbox,
    simple,
)
from tests.unit.planning.model import World


def is_plan(plan: Plan, text: str) -> None:
    assert str(plan) == dedent(text).strip()


def test_L14_a_dead_sandbox_ends_the_containers_and_is_made_anew() -> None:
    world = World(simple())
    world.rest()
    world.lines.clear()
    world.events.clear()
    world.now += 60
    world.end("POD", 137)
    world.rest()
    assert world.lines == [
        "note SandboxChanged: the sandbox does not run",
        "begin stop web: its sandbox is gone",
        "signal stop signal to web: end (sandbox)",
        "remove POD: it does not run",
        "write hosts pod: the pod's containers mount it",
        "create POD/0: the pod has no sandbox",
        "start POD: the pod has no sandbox",
        "write hosts pod: the pod has its address",
        'note Pulled: Container image "web:1" already present on machine',
        "create web/1: it ended with 143",
        "keep restarts web: it ended with 143",
        "start web: it ended with 143",
    ]
    assert world.events.count("SandboxChanged") == 1


def test_L14_a_removed_sandbox_ends_the_containers_too() -> None:
    world = World(simple())
    world.rest()
    world.now += 60
    world.vanish("POD")
    world.rest()
    assert "SandboxChanged" in world.events
    assert world.newest("web").attempt == 1


def test_L14_a_container_removed_from_outside_is_made_again() -> None:
    world = World(simple())
    world.rest()
    world.vanish("web")
    world.rest()
    assert world.lines[-1] == "start web: it is gone from the engine"
    assert world.newest("web").attempt == 1
    assert world.pod is not None
    told = world.pod.status.container_statuses[0]
    assert told.restart_count == 1
    last = told.last_state.terminated
    assert last is not None
    assert (last.reason, last.exit_code) == ("ContainerStatusUnknown", 137)
    assert last.message.endswith("when the pod was deleted.  The container used to be Running")
    world.advance(60)
    assert world.pod.status.container_statuses[0].last_state.terminated == last
    # The next end is one that was seen.
    world.end("web", 3)
    world.rest()
    ended = world.pod.status.container_statuses[0].last_state.terminated
    assert ended is not None
    assert ended.reason == "Error"


def test_L14_a_run_that_was_told_to_have_ended_is_told_so_when_its_container_is_removed() -> None:
    """`docker container prune` while it waits to be restarted."""
    world = World(simple())
    world.rest()
    for code in (3, 7):
        world.now += 2
        world.end("web", code)
        world.rest()
    told = told_of(world)
    assert told.state.waiting is not None
    assert (told.state.waiting.reason, ending(told.last_state)) == ("CrashLoopBackOff", "Error 7")
    world.vanish("web")
    world.vanish("web")
    world.rest()
    told = told_of(world)
    assert told.state.running
    assert (ending(told.last_state), told.restart_count) == ("Error 7", 2)
    assert ending(told_of(world, after=30).last_state) == "Error 7"


def test_L14_a_later_run_that_vanishes_leaves_the_end_that_was_known() -> None:
    """The kubelet tells that an end is unknown only where it knows none."""
    world = World(simple())
    world.rest()
    world.now += 60
    world.end("web", 3)
    world.rest()
    world.now += 60
    world.vanish("web")
    world.rest()
    told = told_of(world)
    assert (ending(told.last_state), told.restart_count) == ("Error 3", 2)


def test_L14_an_init_container_that_runs_again_has_its_last_end() -> None:
    """All of a pod is removed from outside: it begins anew."""
    world = World(pod('initContainers: [{name: first, image: "init:1"}]\ncontainers: [{name: web, image: "web:1"}]'))
    world.rest()
    world.end("first", 0)
    world.rest()
    world.containers.clear()
    world.rest()
    assert world.pod is not None
    first = world.pod.status.init_container_statuses[0]
    assert first.state.running
    assert (ending(first.last_state), first.restart_count) == ("Completed 0", 1)
    web = world.pod.status.container_statuses[0]
    assert ending(web.last_state) == "ContainerStatusUnknown 137"


def test_L14_a_run_that_the_engine_is_removing_is_told_to_be_gone() -> None:
    world = World(simple())
    world.rest()
    running = world.newest("web")
    world.containers[running.id] = replace(running, phase="removing")
    world.look()
    assert ending(told_of(world).last_state) == "ContainerStatusUnknown 137"
    world.vanish("web")
    world.rest()
    told = told_of(world)
    assert (ending(told.last_state), told.restart_count) == ("ContainerStatusUnknown 137", 1)


def told_of(world: World, *, after: float = 0.0) -> ContainerStatus:
    """What is told of the app, now or so many seconds later."""
    if after:
        world.advance(after)
    assert world.pod is not None
    return world.pod.status.container_statuses[0]


def ending(state: ContainerState) -> str:
    """How it ended: "Error 7"."""
    return f"{state.terminated.reason} {state.terminated.exit_code}" if state.terminated else ""


def test_L14_a_pod_without_its_sandbox_is_not_ready() -> None:
    world = World(simple())
    world.rest()
    assert world.pod is not None
    assert world.pod.status.container_statuses[0].ready
    world.end("POD")
    world.look()
    assert not world.pod.status.container_statuses[0].ready


def test_L14_a_paused_container_counts_as_an_exit() -> None:
    of = simple()
    paused = seen(of, phase="paused")
    at_once = planned(of, observed(of, paused, paused={paused.id: T0 + 99}))
    is_plan(at_once, "nothing")  # `docker commit` pauses for a moment
    assert at_once.wake_at == T0 + 101
    is_plan(
        planned(of, observed(of, paused, paused={paused.id: T0 + 98})),
        """
        signal KILL to web: a pause counts as an exit
        unpause web: it was paused from outside
        """,
    )


def test_the_last_dead_attempt_stays_and_older_ones_go() -> None:
    of = simple()
    attempts = [ended(of, attempt=n, at=T0 + n) for n in range(3)]
    plan = planned(of, observed(of, *attempts, seen(of, attempt=3)))
    is_plan(plan, "remove web: an older attempt\nremove web: an older attempt")
    assert sorted(op.target for op in plan.ops) == ["web-0", "web-1"]  # type: ignore[attr-defined]


def test_L14_a_container_that_someone_started_again_ends_and_is_restarted_by_us() -> None:
    """`docker restart`, or a restart policy that somebody gave it: one container is one run, which is counted."""
    world = World(simple())
    world.rest()
    before = world.newest("web")
    world.now += 60
    world.lines.clear()
    world.start_again("web")
    world.rest()
    assert world.lines[:2] == [
        "begin stop web: someone else started it again",
        "signal stop signal to web: end (started again)",
    ]
    assert world.newest("web").attempt == 1
    assert not world.containers[before.id].alive
    told = told_of(world)
    assert (told.restart_count, ending(told.last_state)) == (1, "Error 143")


def test_L14_an_end_that_was_told_holds_though_someone_starts_the_container_again() -> None:
    """`docker start` of what waits for its back-off."""
    world = World(simple())
    world.rest()
    for code in (3, 7):
        world.now += 2
        world.end("web", code)
        world.rest()
    world.start_again("web")
    world.rest()
    assert ending(told_of(world).last_state) == "Error 7"
    told = told_of(world, after=30)
    assert told.state.running
    assert (told.restart_count, ending(told.last_state)) == (2, "Error 7")


def test_L14_an_older_attempt_that_someone_started_again_ends_and_the_newer_one_goes_on() -> None:
    """`docker restart` where we were quicker, or `docker start` of what is kept for its log: nothing runs twice."""
    of = simple()
    again, newer = ended(of, at=T0 + 60), seen(of, attempt=1)
    again = replace(again, phase="running", started_at=T0 + 61)
    is_plan(planned(of, observed(of, again, newer)), "begin stop web: a newer attempt is there")
    assert planned(of, observed(of, again, newer)).ops[0].target == again.id  # type: ignore[attr-defined]


def test_L14_a_sandbox_that_someone_started_again_is_made_anew() -> None:
    """It has another network namespace now than the containers that have joined it."""
    world = World(simple())
    world.rest()
    world.now += 60
    world.start_again("POD")
    world.look()
    assert not told_of(world).ready
    world.rest()
    assert world.events.count("SandboxChanged") == 1
    assert (world.newest("web").attempt, world.newest("POD").started_again) == (1, False)
    assert told_of(world).ready


def test_L14_a_sandbox_that_was_cut_off_from_its_network_is_made_anew() -> None:
    """`docker network disconnect`: its address may be another pod's by now."""
    world = World(simple())
    world.rest()
    world.now += 60
    world.cut_off()
    world.look()
    assert world.pod is not None
    assert (world.pod.status.pod_ip, told_of(world).ready) == ("", False)
    world.rest()
    assert world.events.count("SandboxChanged") == 1
    assert world.newest("web").attempt == 1
    assert world.pod.status.pod_ip == world.newest("POD").ip != ""


def test_L14_a_pod_in_the_hosts_network_has_no_address_of_its_own_to_lose() -> None:
    of = pod('hostNetwork: true\ncontainers: [{name: web, image: "web:1"}]')
    is_plan(planned(of, replace(observed(of, seen(of)), containers=(seen_sandbox(of, ip=""), seen(of)))), "nothing")


def test_L02_a_container_that_waited_for_the_pods_init_again_waits_until_it_runs() -> None:
    """Its end was told as its last one; told once more as its state, it would seem to have run and ended meanwhile."""
    world = World(pod('initContainers: [{name: first, image: "init:1"}]\ncontainers: [{name: web, image: "web:1"}]'))
    world.rest()
    world.end("first", 0)
    world.rest()
    world.now += 60
    world.end("POD", 137)
    world.rest()
    for happens in (lambda: None, lambda: world.end("first", 0)):
        happens()
        world.look()
        told = told_of(world)
        assert told.state.waiting is not None
        assert (told.state.waiting.reason, ending(told.last_state)) == ("PodInitializing", "Error 143")
    world.rest()
    assert told_of(world).state.running
    assert ending(told_of(world).last_state) == "Error 143"
