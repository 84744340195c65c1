"""R03: requests against what the host has, in the order of age."""

from dataclasses import replace
from weakref import ref

import msgspec
import pytest

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import PodCondition
from orchestrator.planning.amounts import amount_text, parse_amounts
from orchestrator.planning.requests import asked
from orchestrator.planning.scheduling import refusal
from tests.unit.planning.builders import AROUND, pod
from tests.unit.planning.model import World

HOST = replace(AROUND.node, allocatable={"cpu": 4000, "memory": 8 << 30, "ephemeral-storage": 10 << 30})
PLACED, RUNS = ("PodScheduled",), ("PodScheduled", "PodReadyToStartContainers")


def asks(name: str, requests: str, *true: str, created: int = 1, phase: str = "Pending", more: str = "") -> Pod:
    """A pod with these requests, and these conditions True."""
    kind = "limits" if "nvidia" in requests else "requests"
    made = pod(f"{more}\ncontainers: [{{name: web, image: 'web:1', resources: {{{kind}: {requests}}}}}]")
    when = f"2026-01-0{created}T00:00:00Z"
    meta = msgspec.structs.replace(made.metadata, name=name, uid=name, creation_timestamp=when)
    conditions = tuple(PodCondition(type=each, status="True") for each in true)
    status = msgspec.structs.replace(made.status, phase=phase, conditions=conditions)
    return msgspec.structs.replace(made, metadata=meta, status=status)


def told(which: Pod, *others: Pod) -> str:
    return refusal(which, replace(AROUND, node=HOST, pods=lambda: [which, *others]))


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ("{cpu: 4, memory: 8Gi}", ""),
        ("{}", ""),
        ("{cpu: 4001m}", "1 Insufficient cpu. cpu: 4001m requested, 0 of 4 in use."),
        (
            "{cpu: 5, memory: 9Gi}",
            "1 Insufficient cpu, 1 Insufficient memory. "
            "cpu: 5 requested, 0 of 4 in use; memory: 9Gi requested, 0 of 8Gi in use.",
        ),
        (
            "{ephemeral-storage: 20Gi}",
            "1 Insufficient ephemeral-storage. ephemeral-storage: 20Gi requested, 0 of 10Gi in use.",
        ),
        (
            "{nvidia.com/gpu: 1}",
            "1 Insufficient nvidia.com/gpu. nvidia.com/gpu: 1 requested, 0 of 0 in use. "
            "This host has no GPU to give: that takes NVIDIA's driver and container toolkit.",
        ),
    ],
)
def test_R03_requests_are_compared_with_what_the_host_has(requests: str, words: str) -> None:
    assert told(asks("one", requests)) == (f"0/1 nodes are available: {words}" if words else "")


def test_R03_who_runs_or_was_let_in_has_its_part() -> None:
    new = asks("new", "{cpu: 2}")
    assert told(new, asks("a", "{cpu: 1}", *RUNS), asks("b", "{cpu: 1}", *PLACED, created=2)) == ""
    words = told(new, asks("a", "{cpu: 2}", *RUNS), asks("b", "{cpu: 500m}", *PLACED, created=2))
    assert words.endswith("1 Insufficient cpu. cpu: 2 requested, 2500m of 4 in use.")
    assert told(new, asks("over", "{cpu: 4}", *RUNS, phase="Succeeded")) == ""


def test_R03_a_place_that_a_pod_has_is_never_taken_away() -> None:
    assert told(asks("one", "{cpu: 3}", *PLACED, created=2), asks("two", "{cpu: 3}", *RUNS)) == ""


def test_R03_the_oldest_comes_first_and_one_that_does_not_fit_is_in_nobodys_way() -> None:
    old, new = asks("old", "{cpu: 3}"), asks("new", "{cpu: 2}", created=2)
    assert not told(old, new)
    assert told(new, old).endswith("cpu: 2 requested, 3 of 4 in use.")
    runs = asks("runs", "{cpu: 2}", *RUNS)
    assert told(old, new, runs)
    assert not told(new, old, runs)


def test_R03_one_that_waits_for_a_claim_is_in_nobodys_way() -> None:
    waits = asks("w", "{cpu: 4}", more="volumes: [{name: v, persistentVolumeClaim: {claimName: absent}}]")
    assert not told(asks("new", "{cpu: 1}", created=2), waits)
    assert told(asks("new", "{cpu: 1}", created=2), asks("w", "{cpu: 4}"))


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("", 300),
        ("{name: a, image: 'i:1', resources: {requests: {cpu: 200m}}}", 300),
        ("{name: a, image: 'i:1', resources: {requests: {cpu: 900m}}}", 900),
        ("{name: a, image: 'i:1', restartPolicy: Always, resources: {requests: {cpu: 100m}}}", 400),
        (
            "{name: a, image: 'i:1', restartPolicy: Always, resources: {requests: {cpu: 100m}}}, "
            "{name: b, image: 'i:1', resources: {requests: {cpu: 900m}}}",
            1000,
        ),
        (
            "{name: b, image: 'i:1', resources: {requests: {cpu: 900m}}}, "
            "{name: a, image: 'i:1', restartPolicy: Always, resources: {requests: {cpu: 100m}}}",
            900,
        ),
    ],
)
def test_R03_the_sum_of_a_pod(init: str, expected: int) -> None:
    app = "{{name: {}, image: 'i:1', resources: {{requests: {{cpu: {}}}}}}}"
    apps = f"{app.format('x', '100m')}, {app.format('y', '200m')}"
    of = pod(f"initContainers: [{init}]\ncontainers: [{apps}]")
    assert asked(of, {}).requests == {"cpu": expected}
    more = pod(f"initContainers: [{init}]\ncontainers: [{apps}]\noverhead: {{cpu: 50m, memory: 1Mi}}")
    assert asked(more, {}).requests == {"cpu": expected + 50, "memory": 1 << 20}


def test_R03_a_pod_without_room_waits_and_starts_when_there_is_some() -> None:
    there = [asks("first", "{cpu: 3}", *RUNS)]
    second = pod("containers: [{name: web, image: 'web:1', resources: {requests: {cpu: 2}}}]")
    world = World(second, around=replace(AROUND, node=HOST, pods=lambda: there))
    assert world.rest().unschedulable
    assert (world.containers, world.events) == ({}, ["FailedScheduling"])
    there.clear()
    world.rest()
    assert world.alive("web")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("cpu", 250, "250m"),
        ("cpu", 2000, "2"),
        ("memory", 1536 << 20, "1.5Gi"),
        ("memory", 100, "100"),
        ("a/b", 3, "3"),
    ],
)
def test_amounts_are_told_as_people_write_them(name: str, value: int, text: str) -> None:
    assert amount_text(name, value) == text


def test_amounts_of_a_setting() -> None:
    assert parse_amounts("cpu=250m, memory=1Gi") == {"cpu": 250, "memory": 1 << 30}
    assert parse_amounts("") == {}
    for bad in ("cpu", "cpu=x", "disk=1", "cpu=-1"):
        with pytest.raises(ValueError, match=bad.partition("=")[0]):
            parse_amounts(bad)


def test_what_is_known_of_a_spec_does_not_keep_it() -> None:
    """Pods come and go for years."""
    pods = [asks(f"p{number}", "{cpu: 1}") for number in range(3)]
    alive = [ref(one.spec) for one in pods]
    assert all(asked(one, {}) == asked(one, {}) for one in pods)
    pods.clear()
    assert [spec() for spec in alive] == [None, None, None]
