"""N06: who has a port of the host."""

from dataclasses import replace

import msgspec
import pytest

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import PodCondition
from orchestrator.planning.scheduling import refusal
from tests.unit.planning.builders import AROUND, pod
from tests.unit.planning.model import World


def wants(name: str, port: str, *true: str, created: str = "2026-01-01T00:00:00Z", phase: str = "Pending") -> Pod:
    """A pod that asks for a port, with these conditions True."""
    made = pod(f"containers: [{{name: web, image: 'web:1', ports: [{port}]}}]")
    meta = msgspec.structs.replace(made.metadata, name=name, uid=name, creation_timestamp=created)
    conditions = tuple(PodCondition(type=each, status="True") for each in true)
    status = msgspec.structs.replace(made.status, phase=phase, conditions=conditions)
    return msgspec.structs.replace(made, metadata=meta, status=status)


def port_conflict(which: Pod, others: list[Pod]) -> str:
    return refusal(which, replace(AROUND, pods=lambda: [*others, which]))


ONE = "{containerPort: 80, hostPort: 8080}"
RUNS = ("PodScheduled", "PodReadyToStartContainers")


@pytest.mark.parametrize(
    ("other", "waits"),
    [
        (ONE, True),
        ("{containerPort: 1, hostPort: 8080, hostIP: 127.0.0.1}", True),
        ("{containerPort: 1, hostPort: 8080, hostIP: 0.0.0.0}", True),
        ("{containerPort: 80, hostPort: 8080, protocol: UDP}", False),
        ("{containerPort: 80, hostPort: 8081}", False),
        ("{containerPort: 8080}", False),
    ],
)
def test_N06_a_port_that_a_running_pod_has_is_waited_for(other: str, waits: bool) -> None:
    told = port_conflict(wants("second", ONE), [wants("first", other, *RUNS)])
    assert told == (
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. "
        "hostPort 8080/TCP belongs to pod default/first."
        if waits
        else ""
    )


def test_N06_addresses_that_differ_share_a_number() -> None:
    first = wants("first", "{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1}", *RUNS)
    assert not port_conflict(wants("second", "{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.2}"), [first])


def test_N06_the_first_is_who_runs_then_who_is_placed_then_who_was_written_first() -> None:
    old, new = wants("old", ONE), wants("new", ONE, created="2026-01-02T00:00:00Z")
    assert not port_conflict(old, [new])
    assert port_conflict(new, [old])
    placed = wants("new", ONE, "PodScheduled", created="2026-01-02T00:00:00Z")
    assert port_conflict(old, [placed])
    assert port_conflict(placed, [wants("old", ONE, *RUNS)])


def test_N06_what_is_over_holds_nothing() -> None:
    assert not port_conflict(wants("second", ONE), [wants("first", ONE, *RUNS, phase="Succeeded")])


def test_N06_nothing_of_the_second_is_made_until_the_first_is_gone() -> None:
    there = [wants("first", ONE, *RUNS)]
    second = pod(f"containers: [{{name: web, image: 'web:1', ports: [{ONE}]}}]")
    world = World(second, around=replace(AROUND, pods=lambda: there))
    assert world.rest().unschedulable
    assert (world.containers, world.events) == ({}, ["FailedScheduling"])
    there.clear()
    world.rest()
    assert world.alive("web")
