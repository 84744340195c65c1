"""Volumes: what a pod waits for, and what a change of their sources touches (V02, D10)."""

from textwrap import dedent

from orchestrator.planning.observed import Failure, Observed
from orchestrator.planning.ops import Plan
from tests.unit.planning.builders import (
    AROUND,
    T0,
    around,
    config_map,
    observed,
    planned,
    pod,
    seen,
    simple,
)
from tests.unit.planning.model import World

CONFIGURED = """
volumes: [{name: settings, configMap: {name: settings}}]
containers:
- {name: web, image: "web:1", volumeMounts: [{name: settings, mountPath: /etc/settings}]}
"""


def is_plan(plan: Plan, text: str) -> None:
    assert str(plan) == dedent(text).strip()


def test_a_missing_source_keeps_the_pod_waiting_and_is_told_once() -> None:
    of = pod(CONFIGURED)
    world = World(of)
    plan = world.rest()
    assert world.events == ["FailedMount"]
    assert world.lines == [
        'note FailedMount: MountVolume.SetUp failed for volume "settings" : configmap "settings" not found'
    ]
    assert plan.waiting["web"].reason == "ContainerCreating"
    world.around = around(config_map("settings", a="1"))
    world.rest()
    assert world.alive("web")


def test_each_of_several_missing_sources_is_told() -> None:
    of = pod(
        "volumes: [{name: a, configMap: {name: one}}, {name: b, emptyDir: {}}, {name: c, secret: {secretName: two}}]\n"
        "containers: [{name: web, image: 'web:1'}]"
    )
    world = World(of)
    plan = world.rest()
    failed = 'MountVolume.SetUp failed for volume "{}" : {} not found'
    assert world.told == [failed.format("a", 'configmap "one"'), failed.format("c", 'secret "two"')]
    assert plan.waiting["web"].reason == "ContainerCreating"
    world.around = around(config_map("one", a="1"))
    world.rest()
    assert len(world.told) == 2, "the second is told already"
    assert not world.alive("web")


def test_V02_an_edit_rewrites_the_volume_and_touches_no_container() -> None:
    world = World(pod(CONFIGURED), around=around(config_map("settings", a="1")))
    world.rest()
    world.lines.clear()
    world.around = around(config_map("settings", a="2"))
    world.rest()
    assert world.lines == ["prepare volume settings: its source changed"]


def test_probes_go_on_while_a_volume_is_rewritten() -> None:
    of = pod(CONFIGURED.replace("}]}", "}], readinessProbe: {tcpSocket: {port: 80}}}"))
    what = observed(of, seen(of), volumes={"settings": "old"})
    plan = planned(of, what, around=around(config_map("settings", a="2")))
    is_plan(plan, "prepare volume settings: its source changed")
    assert [key.kind for key in plan.probes] == ["readiness"]


def test_a_source_that_goes_away_leaves_what_was_mounted() -> None:
    world = World(pod(CONFIGURED), around=around(config_map("settings", a="1")))
    world.rest()
    world.lines.clear()
    world.around = AROUND
    world.rest()
    assert world.lines == []
    assert world.alive("web")


def test_D10_a_volume_that_cannot_be_written_harms_nothing_that_runs() -> None:
    of = pod(CONFIGURED.replace("}]}", "}], livenessProbe: {tcpSocket: {port: 80}}}"))
    full = {"POD": Failure("ContainerCreating", "no space left on device", T0 + 130)}
    what = observed(of, seen(of), volumes={"settings": "old"}, failures=full)
    held = planned(of, what, T0 + 100, around=around(config_map("settings", a="2")))
    is_plan(held, "nothing")
    assert held.wake_at == T0 + 130
    assert not held.waiting
    assert len(held.probes) == 1
    again = planned(of, what, T0 + 130, around=around(config_map("settings", a="2")))
    is_plan(again, "prepare volume settings: its source changed")


def test_a_sandbox_that_cannot_be_made_is_tried_again_later() -> None:
    of = simple()
    failed = Observed(failures={"POD": Failure("ContainerCreating", "no such network", T0 + 5)})
    held = planned(of, failed, T0 + 1)
    is_plan(held, "nothing")
    assert held.wake_at == T0 + 5
    assert held.waiting["web"].message == "no such network"
    assert "create POD/0" in str(planned(of, failed, T0 + 5))
