"""L15: a container's own restart policy, and its rules by exit code, win over the pod's policy."""

import pytest

from tests.unit.planning.builders import ended, observed, planned, pod
from tests.unit.planning.model import World

SPEC = """
restartPolicy: {policy}
containers:
- name: web
  image: web:1
  restartPolicy: {own}
  restartPolicyRules:
  - {{action: Restart, exitCodes: {{operator: {operator}, values: {values}}}}}
"""


def spec(policy: str = "Never", own: str = "Never", operator: str = "In", values: str = "[42, 43]") -> str:
    return SPEC.format(policy=policy, own=own, operator=operator, values=values)


@pytest.mark.parametrize(
    ("operator", "code", "restarts"),
    [
        ("In", 42, True),
        ("In", 43, True),
        ("In", 1, False),
        ("In", 0, False),
        ("NotIn", 42, False),
        ("NotIn", 1, True),
        ("NotIn", 0, True),
    ],
)
def test_L15_a_rule_that_applies_restarts_regardless_of_the_policy(operator: str, code: int, restarts: bool) -> None:
    of = pod(spec(operator=operator))
    plan = planned(of, observed(of, ended(of, code=code)))
    assert ("create web/1" in str(plan)) == restarts
    assert ("remove POD" in str(plan)) != restarts


@pytest.mark.parametrize(
    ("policy", "own", "code", "restarts"),
    [
        ("Always", "Never", 1, False),
        ("Never", "Always", 0, True),
        ("Never", "OnFailure", 0, False),
        ("Never", "OnFailure", 1, True),
        ("Always", "OnFailure", 0, False),
    ],
)
def test_L15_where_no_rule_applies_the_containers_own_policy_holds(
    policy: str, own: str, code: int, restarts: bool
) -> None:
    of = pod(spec(policy, own))
    assert ("create web/1" in str(planned(of, observed(of, ended(of, code=code))))) == restarts


def test_L15_any_of_several_rules_is_enough() -> None:
    rule = "- {action: Restart, exitCodes: {operator: In, values: [7]}}"
    of = pod(f"{spec()}  {rule}\n")
    for code, restarts in ((7, True), (42, True), (8, False)):
        assert ("create web/1" in str(planned(of, observed(of, ended(of, code=code))))) == restarts


def test_L15_a_restart_by_a_rule_counts_and_backs_off_like_any_other() -> None:
    world = World(pod(spec()))
    world.rest()
    for attempt in range(1, 4):
        world.now += 1
        world.end("web", 42)
        world.rest()
        world.advance(20)
        assert world.newest("web").attempt == attempt
    assert "BackOff" in world.events
    world.now += 1
    world.end("web", 3)
    world.advance(100)
    assert world.newest("web").attempt == 3
    assert world.pod is not None
    assert (world.pod.status.phase, world.pod.status.container_statuses[0].restart_count) == ("Failed", 3)


def test_L15_one_container_is_restarted_and_the_others_are_not() -> None:
    world = World(pod(f'{spec()}- {{name: log, image: "log:1"}}\n'))
    world.rest()
    world.now += 1
    world.end("log", 1)
    world.end("web", 42)
    world.rest()
    assert world.alive("web")
    assert not world.alive("log")
    assert world.pod is not None
    assert world.pod.status.phase == "Running"


def test_L15_an_init_container_has_them_too() -> None:
    text = spec().replace("containers:", "initContainers:").replace("name: web", "name: first")
    world = World(pod(f'{text}containers: [{{name: web, image: "web:1"}}]'))
    world.rest()
    world.now += 1
    world.end("first", 42)
    world.rest()
    assert world.newest("first").attempt == 1
    assert world.alive("first")
    world.now += 1
    world.end("first", 5)
    world.rest()
    assert world.pod is not None
    assert world.pod.status.phase == "Failed"
    assert not world.alive("web")
