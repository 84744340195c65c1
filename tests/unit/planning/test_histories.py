"""Whatever happens to a pod, in whatever order: its plans come to rest, and never break a rule.

The rules that hold at every instant are `World`'s; here are the histories.
"""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.objects.pod import Pod
from orchestrator.planning.identity import is_over, object_identity
from orchestrator.planning.observed import HookState
from orchestrator.planning.probe_state import ProbeKind, ProbeStatus
from tests.unit.planning.builders import around, config_map, deleted, pod
from tests.unit.planning.model import World

SPEC = """
restartPolicy: {policy}
{deadline}
volumes: [{{name: settings, configMap: {{name: settings, optional: true}}}}]
initContainers:
- {{name: first, image: "init:1"}}
{sidecar}
- {{name: second, image: "init:1"}}
{sidecar2}
containers:
- name: web
  image: "web:{version}"
  env: [{{name: A, valueFrom: {{configMapKeyRef: {{name: settings, key: a, optional: {optional}}}}}}}]
  startupProbe: {{tcpSocket: {{port: 1}}}}
  livenessProbe: {{tcpSocket: {{port: 1}}}}
  lifecycle: {{postStart: {{exec: {{command: [a]}}}}, preStop: {{exec: {{command: [b]}}}}}}
"""
SIDECAR = """
- name: proxy
  image: "init:1"
  restartPolicy: Always
  startupProbe: {tcpSocket: {port: 1}}
  lifecycle: {preStop: {exec: {command: [b]}}}
"""
SIDECAR2 = '- {name: shipper, image: "init:1", restartPolicy: Always}'
EXTRA = """
- name: log
  image: log:1
  restartPolicy: Never
  restartPolicyRules: [{action: Restart, exitCodes: {operator: NotIn, values: [0, 1]}}]
"""
NAMES = ("POD", "first", "proxy", "second", "shipper", "web", "log")


FOLLOWS = {"orchestrator.dev/restart-on-change": "config"}


def written(policy: str, version: int, extra: bool, sidecars: bool = False, deadline: int = 0) -> str:
    """The YAML of a pod's spec."""
    fields = {"sidecar": SIDECAR if sidecars else "", "sidecar2": SIDECAR2 if sidecars else ""}
    due = f"activeDeadlineSeconds: {deadline}" if deadline else ""
    optional = str(not extra).lower()
    text = SPEC.format(policy=policy, version=version, deadline=due, optional=optional, **fields)
    return text + (EXTRA if extra else "")


spec = st.builds(
    written,
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 20, 800]),
)
step = st.one_of(
    st.tuples(st.just("begin")),
    st.tuples(st.just("end"), st.sampled_from(NAMES), st.sampled_from([0, 0, 1, 137])),
    st.tuples(st.just("vanish"), st.sampled_from(NAMES)),
    st.tuples(st.just("pause"), st.sampled_from(NAMES[1:])),
    st.tuples(st.just("start again"), st.sampled_from(NAMES)),
    st.tuples(st.just("cut off")),
    st.tuples(st.just("verdict"), st.sampled_from(["web", "proxy"]), st.sampled_from(list(ProbeKind)), st.booleans()),
    st.tuples(st.just("advance"), st.sampled_from([1, 12, 700])),
    st.tuples(st.just("configure"), st.sampled_from(["1", "2", ""])),
    st.tuples(st.just("edit"), st.sampled_from([1, 2]), st.booleans()),
    st.tuples(st.just("replace"), spec),
    st.tuples(st.just("hooks"), st.sampled_from([HookState.SUCCEEDED, HookState.FAILED])),
    st.tuples(st.just("deaf"), st.booleans()),
    st.tuples(st.just("delete"), st.sampled_from([0, 30])),
    st.tuples(st.just("forget")),
)


def happen(world: World, what: tuple[object, ...]) -> None:
    """One thing from outside; nothing when it cannot happen now."""
    there = {c.name for c in world.containers.values() if world.pod and c.uid == world.pod.metadata.uid}
    match what:
        case ("begin",) if world.pod:
            begin(world)
        case ("end", str(name), int(code)) if name in there and world.newest(name).alive:
            world.end(name, code)
        case ("vanish", str(name)) if name in there:
            world.vanish(name)
        case ("pause", str(name)) if name in there and world.newest(name).phase == "running":
            world.pause(name)
        case ("start again", str(name)) if name in there and world.newest(name).alive:
            world.start_again(name)
        case ("cut off",) if "POD" in there and world.newest("POD").alive:
            world.cut_off()
        case ("verdict", str(name), ProbeKind() as kind, bool(verdict)) if name in there:
            one = world.newest(name).id
            world.probes[one] = world.probes.get(one, ProbeStatus()).with_verdict(kind, verdict)
        case ("advance", int(seconds)):
            world.advance(seconds)
        case ("configure", str(value)):
            world.around = around(*([config_map("settings", a=value)] if value else []))
        case ("edit", int(version), bool(extra)) if world.pod:
            now = world.pod.spec
            text = written(
                now.restart_policy, version, extra, len(now.init_containers) > 2, now.active_deadline_seconds or 0
            )
            edited = pod(text, annotations=FOLLOWS)
            over = is_over(world.pod.status)
            if object_identity(world.pod).is_kept_by(object_identity(edited), over=over):
                world.pod = msgspec.structs.replace(edited, status=world.pod.status, metadata=world.pod.metadata)
            else:
                take_its_place(world, text)
        case ("replace", str(text)) if world.pod:
            take_its_place(world, text)
        case ("hooks", HookState() as state):
            world.hooks_end = state
        case ("deaf", bool(deaf)):
            world.deaf = deaf
        case ("delete", int(grace)) if world.pod:
            delete(world, world.pod, grace)
        case ("forget",):
            # A new daemon: what is in no journal is unknown.
            world.stops.clear()
            world.pre_stops.clear()
            world.noted.clear()


def delete(world: World, which: Pod, grace: int) -> None:
    """As the store has it: a second deletion lengthens nothing."""
    before = which.metadata.deletion_grace_period_seconds
    world.pod = deleted(which, grace if before is None else min(grace, before))


def take_its_place(world: World, text: str) -> None:
    """Another pod of the name, as the store has it when an identity changes."""
    assert world.pod is not None
    uid = world.pod.metadata.uid
    world.former[uid] = world.pod
    world.pod = pod(text, uid=f"{int(uid[:8], 16) + 1:08x}{uid[8:]}", annotations=FOLLOWS)
    world.restarts.clear()
    world.volumes.clear()


def begin(world: World) -> None:
    """All goes well: init containers succeed one by one, startup probes too."""
    for name in ("first", "proxy", "second", "shipper", "web"):
        world.now += 1
        uid = world.pod.metadata.uid if world.pod else ""
        if any(c.alive for c in world.containers.values() if (c.uid, c.name) == (uid, name)):
            if name in ("first", "second"):
                world.end(name, 0)
            world.probes[world.newest(name).id] = ProbeStatus(started=True)
            world.rest()


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(spec, st.lists(step, max_size=14))
def test_every_history_keeps_the_rules(text: str, history: list[tuple[object, ...]]) -> None:
    world = World(pod(text, annotations=FOLLOWS), around=around(config_map("settings", a="0")))
    world.rest()
    for what in history:
        world.now += 1
        happen(world, what)
        world.rest()
    end(world)
    assert not world.containers, "a pod that is deleted leaves nothing"


def end(world: World) -> None:
    """Delete the pod, and give everything the time that it may take."""
    pods: list[Pod] = [world.pod] if world.pod else []
    for of in pods:
        delete(world, of, 30)
    world.advance(40)
    world.advance(40)
