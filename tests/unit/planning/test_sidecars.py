"""L07: sidecars start in order, live beside the app, and end after it in reverse."""

from dataclasses import replace

from orchestrator.api.pod_table import summarize
from orchestrator.planning.observed import HookState
from orchestrator.planning.probe_state import ProbeStatus
from tests.unit.planning.builders import deleted, pod
from tests.unit.planning.model import World

PROBE = "startupProbe: {tcpSocket: {port: 1}}"
SPEC = """
terminationGracePeriodSeconds: 30
initContainers:
- {name: proxy, image: "init:1", restartPolicy: Always, FIELDS}
- {name: migrate, image: "init:1"}
- {name: shipper, image: "init:1", restartPolicy: Always}
containers:
- {name: web, image: "web:1"}
"""


ONE_SIDECAR = """
initContainers: [{name: side, image: "init:1", restartPolicy: Always, startupProbe: {tcpSocket: {port: 1}}}]
containers: [{name: web, image: "web:1"}]
"""


def spec(fields: str = "env: []", *, policy: str = "Always") -> str:
    """Two sidecars, "proxy" with these fields, an init container between them, and the app."""
    return f"restartPolicy: {policy}\n{SPEC.replace('FIELDS', fields)}"


def up(fields: str = "env: []", **options: str) -> World:
    """The pod with all of it running."""
    world = World(pod(spec(fields, **options)))
    world.rest()
    if "startupProbe" in fields:
        passed(world, "proxy")
        world.rest()
    world.end("migrate", 0)
    world.rest()
    assert running(world) == ["POD", "proxy", "shipper", "web"]
    return world


def passed(world: World, name: str, verdict: bool = True) -> None:
    """The startup probe of a container has succeeded, or failed."""
    world.probes[world.newest(name).id] = ProbeStatus(started=verdict)


def running(world: World) -> list[str]:
    return sorted(container.name for container in world.containers.values() if container.alive)


def ends(world: World, *, deaf: bool = False, grace: int = 30) -> list[str]:
    """Delete the pod; gives "SECONDS SIGNAL" for each that is sent."""
    world.deaf = deaf
    world.edit(lambda current: deleted(current, grace))
    told: list[str] = []
    began, seen = world.now, 0
    while True:
        plan = world.rest()
        told += [f"{world.now - began:g} {signal}" for signal in sent(world)[seen:]]
        seen = len(sent(world))
        if plan.wake_at is None:
            return told
        world.now = plan.wake_at


# --- the start ---


def test_L07_each_begins_when_the_one_before_has_started() -> None:
    world = World(pod(spec(PROBE)))
    plan = world.rest()
    assert running(world) == ["POD", "proxy"]
    assert {name: waiting.reason for name, waiting in plan.waiting.items()} == {
        "migrate": "PodInitializing",
        "shipper": "PodInitializing",
        "web": "PodInitializing",
    }
    passed(world, "proxy")
    world.rest()
    assert running(world) == ["POD", "migrate", "proxy"]
    world.end("migrate", 0)
    world.rest()
    assert running(world) == ["POD", "proxy", "shipper", "web"]


def test_L07_a_postStart_hook_of_a_sidecar_is_waited_for() -> None:
    world = World(pod(spec("lifecycle: {postStart: {sleep: {seconds: 9}}}")), hooks_end=HookState.RUNNING)
    world.rest()
    assert running(world) == ["POD", "proxy"]
    world.post_starts = {id_: replace(hook, state=HookState.SUCCEEDED) for id_, hook in world.post_starts.items()}
    world.rest()
    assert running(world) == ["POD", "migrate", "proxy"]


def test_L07_conditions_wait_for_sidecars_to_start_and_to_be_ready() -> None:
    world = World(pod(spec("readinessProbe: {tcpSocket: {port: 1}}")))
    world.rest()
    assert told_of(world, "Initialized") == ("False", "containers with incomplete status: [migrate shipper]")
    world.end("migrate", 0)
    world.rest()
    assert told_of(world, "Initialized") == ("True", "")
    assert told_of(world, "Ready") == ("False", "containers with unready status: [proxy]")
    world.probes[world.newest("proxy").id] = ProbeStatus(ready=True)
    world.rest()
    assert told_of(world, "Ready") == ("True", "")


def test_L07_a_pod_is_not_initialized_before_its_last_sidecar_has_started() -> None:
    world = World(pod(ONE_SIDECAR))
    world.rest()
    assert world.pod is not None
    assert state_of(world, "side") == "running"
    assert told_of(world, "Initialized") == ("False", "containers with incomplete status: [side]")
    assert summarize(world.pod).status == "Init:0/1"
    passed(world, "side")
    world.rest()
    world.end("side")
    world.rest()
    # It is being started again: the app has begun, so the pod stays initialized.
    assert told_of(world, "Initialized") == ("True", "")
    assert world.pod.status.phase == "Running"


def test_L07_a_sidecar_that_never_starts_is_restarted_and_holds_the_others() -> None:
    world = World(pod(spec(PROBE, policy="Never")))
    world.rest()
    passed(world, "proxy", False)
    world.advance(1)
    assert world.newest("proxy").attempt == 1
    assert running(world) == ["POD", "proxy"]
    assert world.pod is not None
    assert world.pod.status.phase == "Pending"


def test_L07_a_sidecar_that_ends_while_the_next_one_runs_does_not_hold_it() -> None:
    """What has begun goes on, and is told as it is, while the sidecar before it waits to be restarted."""
    world = World(pod(spec()))
    world.rest()
    world.end("proxy")
    world.rest()
    world.end("proxy")
    plan = world.rest()
    assert plan.waiting["proxy"].reason == "CrashLoopBackOff"
    assert running(world) == ["POD", "migrate"]
    assert state_of(world, "migrate") == "running"
    world.end("migrate", 0)
    world.rest()
    assert running(world) == ["POD", "shipper", "web"]
    assert state_of(world, "migrate") == "Completed"


# --- beside the app ---


def test_L07_a_sidecar_is_restarted_alone_whatever_the_policy() -> None:
    for code in (0, 1):
        world = up(policy="Never")
        before = {name: world.newest(name).id for name in ("POD", "migrate", "shipper", "web")}
        world.now += 60
        world.end("proxy", code)
        world.rest()
        assert world.newest("proxy").attempt == 1
        assert {name: world.newest(name).id for name in before} == before
        assert running(world) == ["POD", "proxy", "shipper", "web"]


def test_L07_a_sidecar_that_is_restarted_need_not_start_again_for_the_app_to_restart() -> None:
    world = up(PROBE)
    world.now += 60
    world.end("proxy")
    world.end("web")
    world.rest()
    assert running(world) == ["POD", "proxy", "shipper", "web"]
    assert not world.probes.get(world.newest("proxy").id)


# --- the end ---


def test_L07_sidecars_do_not_keep_a_pod_from_completing() -> None:
    world = up(policy="Never")
    world.end("web", 0)
    plan = world.rest()
    assert running(world) == []
    assert sent(world) == ["stop signal to shipper", "stop signal to proxy"]
    assert not world.alive("POD")
    assert (world.pod and world.pod.status.phase, plan.wake_at) == ("Succeeded", None)
    assert state_of(world, "proxy") == "Error", "it was ended by a signal; that does not fail the pod"


def test_L07_a_pod_is_Running_until_its_last_sidecar_has_ended() -> None:
    """A pod that is told to have Succeeded has no process left."""
    world = up(policy="Never")
    world.deaf = True
    world.end("web", 0)
    world.rest()
    assert world.pod is not None
    assert world.pod.status.phase == "Running"
    assert told_of(world, "Ready")[0] == "False"
    world.advance(60)
    assert world.pod.status.phase == "Succeeded"
    assert running(world) == []


def test_L07_sidecars_end_after_the_app_in_reverse_order() -> None:
    assert ends(up()) == [
        "0 stop signal to web",
        "0 stop signal to shipper",
        "0 stop signal to proxy",
    ]


def test_L07_all_within_one_grace_period() -> None:
    """The app uses it up: then the sidecars are told, and have two seconds."""
    told = ends(up(), deaf=True)
    assert told[0] == "0 stop signal to web"
    assert sorted(told[1:4]) == [
        "30 KILL to web",
        "30 stop signal to proxy",
        "30 stop signal to shipper",
    ]
    assert sorted(told[4:]) == [
        "32 KILL to proxy",
        "32 KILL to shipper",
    ]


def test_L07_preStop_of_sidecars_runs_at_once_and_the_signal_comes_in_turn() -> None:
    world = up("lifecycle: {preStop: {exec: {command: [bye]}}}")
    world.hooks_end = HookState.RUNNING
    world.deaf = True
    world.edit(lambda current: deleted(current, 30))
    world.rest()
    assert "run hook preStop of proxy: before the end (deleted)" in world.lines
    assert sent(world) == ["stop signal to web"]
    world.pre_stops = {id_: replace(hook, state=HookState.SUCCEEDED) for id_, hook in world.pre_stops.items()}
    world.rest()
    assert sent(world) == ["stop signal to web"], "its hook is over, and its turn has not come"
    world.deaf = False
    world.end("web", 0)
    world.rest()
    assert sent(world) == ["stop signal to web", "stop signal to shipper", "stop signal to proxy"]
    assert not world.containers


def sent(world: World) -> list[str]:
    """The signals that were sent, in their order."""
    lines = [line for line in world.lines if line.startswith("signal ")]
    return [line.removeprefix("signal ").partition(":")[0] for line in lines]


def told_of(world: World, kind: str) -> tuple[str, str]:
    """Status and message of a condition."""
    assert world.pod is not None
    return next((c.status, c.message) for c in world.pod.status.conditions if c.type == kind)


def state_of(world: World, name: str) -> str:
    """A container's state in a word."""
    assert world.pod is not None
    status = world.pod.status
    found = next(c for c in (*status.init_container_statuses, *status.container_statuses) if c.name == name).state
    if found.running:
        return "running"
    other = found.terminated or found.waiting
    assert other is not None
    return other.reason
