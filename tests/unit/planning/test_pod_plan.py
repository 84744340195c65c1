"""The order of things: from nothing, adoption, least disruption, deletion."""

from dataclasses import replace
from textwrap import dedent

import msgspec
import pytest

from orchestrator.planning.identity import pod_identity
from orchestrator.planning.observed import HookState, Observed
from orchestrator.planning.ops import Plan
from tests.unit.planning.builders import (
    UID,
    around,
    config_map,
    deleted,
    observed,
    planned,
    pod,
    seen,
    seen_sandbox,
    simple,
    told,
)
from tests.unit.planning.model import World

TWO = """
containers:
- {name: web, image: "web:1"}
- {name: log, image: "log:1"}
"""
CONFIGURED = """
volumes: [{name: settings, configMap: {name: settings}}]
containers:
- {name: web, image: "web:1", volumeMounts: [{name: settings, mountPath: /etc/settings}]}
"""
OTHER = "1a2b3c4d-0000-4000-8000-000000000002"


def is_plan(plan: Plan, text: str) -> None:
    assert str(plan) == dedent(text).strip()


# --- from nothing ---


def test_a_pod_starts_with_network_volumes_hosts_and_sandbox() -> None:
    start = planned(pod(CONFIGURED), Observed(), around=around(config_map("settings", a="1")))
    is_plan(
        start,
        """
        prepare volume settings: the pod mounts it
        ensure network pod: the pod needs it
        write hosts pod: the pod's containers mount it
        create POD/0: the pod has no sandbox
        start POD: the pod has no sandbox
        """,
    )


def test_L08_all_app_containers_start_at_once_in_lanes_of_their_own() -> None:
    of = pod(TWO)
    start = planned(of, replace(observed(of), hosts_ip=None))
    is_plan(
        start,
        """
        write hosts pod: the pod has its address
        note Pulled: Container image "web:1" already present on machine
        create web/0: first start
        keep restarts web: first start
        start web: first start
        note Pulled: Container image "log:1" already present on machine
        create log/0: first start
        keep restarts log: first start
        start log: first start
        """,
    )
    assert {op.lane for op in start.ops} == {"", "web", "log"}
    assert told(start)[:3] == [
        'Pulled: Container image "web:1" already present on machine',
        "Created: Container created",
        "Started: Container started",
    ]


def test_a_container_joins_its_sandbox() -> None:
    of = simple()
    create = next(op for op in planned(of, observed(of)).ops if hasattr(op, "config"))
    assert create.config.network == create.config.ipc_mode == "container:sandbox"
    assert create.config.name == "orchestrator_default_web_web_1a2b3c4d_0"


def test_a_pod_on_the_host_network_needs_no_network_of_ours() -> None:
    of = pod('hostNetwork: true\ncontainers: [{name: web, image: "web:1"}]')
    assert "network" not in str(planned(of, Observed()))


def test_the_sandbox_that_was_made_before_a_crash_is_started() -> None:
    of = simple()
    what = observed(of, seen_sandbox(of, phase="created", started_at=0.0, ip=""))
    is_plan(planned(of, what), "start POD: it was made and not started")


def test_the_container_that_was_made_before_a_crash_is_started() -> None:
    of = simple()
    what = observed(of, seen(of, phase="created", started_at=0.0))
    is_plan(planned(of, what), "start web: it was made and not started")


# --- adoption ---


def test_D01_a_pod_that_runs_is_left_alone() -> None:
    of = pod(TWO)
    plan = planned(of, observed(of, seen(of, "web"), seen(of, "log")))
    is_plan(plan, "nothing")
    assert plan.wake_at is None
    assert not plan.waiting


def test_an_adopted_pod_gets_its_hosts_file_and_nothing_else() -> None:
    of = simple()
    is_plan(
        planned(of, observed(of, seen(of), hosts_ip=None)),
        "write hosts pod: the pod has its address",
    )


def test_containers_of_a_pod_that_nobody_wants_go_first() -> None:
    new, old = simple(), simple(uid=OTHER)
    what = Observed(containers=(seen_sandbox(old, id="old"), seen(old)))
    plan = planned(new, what, former={OTHER: old})
    is_plan(plan, "begin stop web: the pod goes")
    assert plan.ops[0].grace == 30  # type: ignore[attr-defined]


def test_a_former_pod_of_unknown_spec_gets_the_default_grace_and_no_hook() -> None:
    old = simple("lifecycle: {preStop: {exec: {command: [bye]}}}", uid=OTHER)
    world = World(pod=None, former={OTHER: None}, deaf=True)
    world.containers = {"sandbox": seen_sandbox(old), "web-0": seen(old)}
    world.advance(31)
    assert not world.containers
    assert "preStop" not in "\n".join(world.lines)


def test_when_nothing_is_wanted_and_nothing_left_all_is_done() -> None:
    assert planned(None, Observed()).done


# --- least disruption ---


def test_labels_and_annotations_touch_nothing() -> None:
    before = simple(labels={"a": "1"})
    after = simple(labels={"a": "2"}, annotations={"b": "3"})
    is_plan(planned(after, observed(before, seen(before))), "nothing")
    assert pod_identity(before) == pod_identity(after)


def test_a_field_of_one_container_replaces_that_container_alone() -> None:
    before = pod(TWO)
    after = pod(TWO.replace("log:1", "log:2"))
    plan = planned(after, observed(before, seen(before, "web"), seen(before, "log")))
    is_plan(plan, "begin stop log: its spec changed")
    assert told(plan) == ["Killing: Container log definition changed, will be restarted"]
    assert pod_identity(before) == pod_identity(after)


@pytest.mark.parametrize(
    "change",
    [
        "hostname: other",
        "hostNetwork: true",
        "shareProcessNamespace: true",
        "dnsConfig: {nameservers: [192.0.2.53]}",
        "volumes: [{name: more}]",
        "restartPolicy: Never",
        'initContainers: [{name: setup, image: "init:1"}]',
        "serviceAccountName: other",
    ],
)
def test_a_field_of_the_pod_makes_it_another_pod(change: str) -> None:
    assert pod_identity(pod(TWO)) != pod_identity(pod(f"{TWO}\n{change}"))


@pytest.mark.parametrize(
    "change",
    [
        "terminationGracePeriodSeconds: 5",
        "activeDeadlineSeconds: 600",
        "tolerations: [{key: a, operator: Exists}]",
        "nodeSelector: {disk: fast}",
        "readinessGates: [{conditionType: example.org/ready}]",
        "priorityClassName: high",
        "schedulerName: mine",
    ],
)
def test_some_fields_of_the_pod_can_change_while_it_runs(change: str) -> None:
    assert pod_identity(pod(TWO)) == pod_identity(pod(f"{TWO}\n{change}"))


def test_a_host_port_is_the_sandboxs_and_so_the_pods() -> None:
    assert pod_identity(simple()) != pod_identity(simple("ports: [{containerPort: 80, hostPort: 8080}]"))
    assert pod_identity(simple()) == pod_identity(simple("ports: [{containerPort: 80}]"))


def test_a_container_that_the_spec_names_no_longer_is_stopped_and_removed() -> None:
    world = World(pod(TWO))
    world.rest()
    world.lines.clear()
    world.edit(lambda _: msgspec.structs.replace(simple(), status=_.status))
    world.rest()
    assert world.lines == [
        "begin stop log: the spec has no such container",
        "signal stop signal to log: end (replaced)",
        "remove log: the spec has no such container",
    ]
    assert world.alive("web")


def test_a_container_that_the_spec_names_no_longer_goes_though_the_pod_is_over() -> None:
    world = World(pod(f"restartPolicy: Never\n{TWO}"))
    world.rest()
    world.end("web", 0)
    world.edit(lambda _: msgspec.structs.replace(simple_never(), status=_.status))
    world.rest()
    assert not world.alive("log")


def simple_never() -> object:
    return pod('restartPolicy: Never\ncontainers: [{name: web, image: "web:1"}]')


# --- deletion ---


def test_L10_deletion_stops_all_in_parallel_removes_and_forgets() -> None:
    world = World(pod(TWO))
    world.rest()
    world.lines.clear()
    world.edit(lambda current: deleted(current, 30))
    plan = world.rest()
    assert world.lines == [
        "begin stop web: the pod goes",
        "begin stop log: the pod goes",
        "signal stop signal to web: end (deleted)",
        "signal stop signal to log: end (deleted)",
        "remove POD: the pod goes",
        "remove web: the pod goes",
        "remove log: the pod goes",
        "forget pod: nothing of it is left",
    ]
    assert plan.done
    assert not world.containers


def test_L13_a_pod_says_that_it_waits_for_the_one_before_it_to_end() -> None:
    world = World(simple(), deaf=True)
    world.rest()
    assert world.pod is not None
    world.former[UID] = world.pod
    world.pod = pod(TWO, uid=UID.replace("1", "2"))
    world.last_told = {}
    world.rest()
    states = [status.state.waiting for status in world.pod.status.container_statuses]
    assert [state.message for state in states if state] == ["the pod that had this name before is still ending"] * 2
    world.advance(30)
    assert world.alive("web")
    assert not world.rest().waiting


def test_L10_a_pod_that_never_started_is_forgotten_at_once() -> None:
    is_plan(planned(simple(grace=30), Observed()), "forget pod: nothing of it is left")


def test_the_words_of_a_hook_that_failed_do_not_stop_a_deletion() -> None:
    world = World(simple("lifecycle: {preStop: {exec: {command: [bye]}}}"), hooks_end=HookState.FAILED)
    world.rest()
    world.edit(lambda current: deleted(current, 30))
    world.rest()
    assert not world.containers
    assert UID not in world.former
