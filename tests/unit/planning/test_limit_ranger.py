"""LimitRange: what a new pod is given and refused for, and what is remembered of it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrator.errors import Invalid
from orchestrator.node.limit_ranger import LimitRanger
from orchestrator.objects import registry
from orchestrator.objects.limit_range import LimitRange
from orchestrator.objects.pod import Pod
from orchestrator.planning.identity import container_digest
from orchestrator.state.journal import Journal
from tests.unit.planning.builders import decoded, pod, simple


def limit_range(*items: dict[str, Any]) -> LimitRange:
    document = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": list(items)}}
    made: LimitRange = decoded(document)
    return made


class House:
    """A ranger with a journal on disk; `ranges` may change."""

    def __init__(self, folder: Path, *items: dict[str, Any]) -> None:
        self.ranges = [limit_range(*items)] if items else []
        self.journal = Journal(folder / "journal.db")
        self.ranger = LimitRanger(self.journal, lambda _namespace: self.ranges)

    def admit(self, which: Pod) -> tuple[Any, Any]:
        """The first container's limits and requests."""
        admitted: Pod = self.ranger.admit(which, None)
        resources = admitted.spec.containers[0].resources
        return dict(resources.limits), dict(resources.requests)


@pytest.mark.parametrize(
    ("item", "resources", "limits", "requests"),
    [
        ({}, "{}", {}, {}),
        ({"default": {"cpu": "1"}}, "{}", {"cpu": "1"}, {"cpu": "1"}),
        ({"default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}}, "{}", {"cpu": "1"}, {"cpu": "100m"}),
        ({"max": {"cpu": "2"}}, "{}", {"cpu": "2"}, {"cpu": "2"}),
        ({"min": {"cpu": "10m"}}, "{}", {}, {"cpu": "10m"}),
        ({"default": {"cpu": "1"}}, "{limits: {cpu: 500m}}", {"cpu": "500m"}, {"cpu": "500m"}),
        (
            {"default": {"memory": "1Gi"}, "defaultRequest": {"memory": "1Mi"}},
            "{requests: {cpu: 1}}",
            {"memory": "1Gi"},
            {"cpu": "1", "memory": "1Mi"},
        ),
    ],
)
def test_R03_what_a_container_does_not_name_it_is_given(
    tmp_path: Path, item: Any, resources: str, limits: Any, requests: Any
) -> None:
    house = House(tmp_path, {"type": "Container", **item})
    assert house.admit(simple(f"resources: {resources}")) == (limits, requests)


@pytest.mark.parametrize(
    ("item", "resources", "words"),
    [
        (
            {"min": {"cpu": "100m"}},
            "{requests: {cpu: 50m}}",
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"max": {"memory": "1Gi"}},
            "{limits: {memory: 2Gi}}",
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            "{requests: {cpu: 1}, limits: {cpu: 3}}",
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            "{}",
            "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
        ),
    ],
)
def test_R03_who_asks_for_too_little_or_too_much_is_refused(
    tmp_path: Path, item: Any, resources: str, words: str
) -> None:
    house = House(tmp_path, {"type": "Container", **item})
    with pytest.raises(Invalid) as refused:
        house.admit(simple(f"resources: {resources}"))
    assert str(refused.value) == f'pods "web" is forbidden: {words}'


def test_R03_a_pod_is_judged_by_its_sum(tmp_path: Path) -> None:
    app = "{{name: {}, image: 'i:1', resources: {{limits: {{cpu: {}}}}}}}"
    both = pod(f"containers: [{app.format('a', '1')}, {app.format('b', '1500m')}]")
    house = House(tmp_path, {"type": "Pod", "max": {"cpu": "2500m"}})
    assert house.admit(both)[0] == {"cpu": "1"}
    house.ranges = [limit_range({"type": "Pod", "max": {"cpu": "2"}})]
    both = pod(f"containers: [{app.format('a', '1')}, {app.format('b', '1500m')}]", uid="new")
    with pytest.raises(Invalid, match="maximum cpu usage per Pod is 2, but limit is 2500m"):
        house.admit(both)
    with pytest.raises(Invalid, match="No limit is specified"):
        house.admit(simple(uid="other"))


def test_R03_an_edit_changes_no_pod_that_is_there_whoever_looks_after_it(tmp_path: Path) -> None:
    house = House(tmp_path, {"type": "Container", "default": {"cpu": "1"}})
    there, other = simple(), simple(uid="another")
    assert house.admit(there) == ({"cpu": "1"}, {"cpu": "1"})
    house.ranges = [limit_range({"type": "Container", "default": {"cpu": "2"}, "min": {"cpu": "2"}})]
    assert house.admit(there) == ({"cpu": "1"}, {"cpu": "1"})
    assert house.admit(other) == ({"cpu": "2"}, {"cpu": "2"})
    house.journal.close()
    house.journal = Journal(tmp_path / "journal.db")
    house.ranger = LimitRanger(house.journal, lambda _namespace: house.ranges)
    assert house.admit(there) == ({"cpu": "1"}, {"cpu": "1"})
    assert house.admit(simple("resources: {requests: {memory: 1Mi}}"))[0] == {"cpu": "2"}
    house.ranger.release(there)
    assert house.admit(there) == ({"cpu": "2"}, {"cpu": "2"})


def test_a_pod_from_before_the_first_range_stays_as_it_is(tmp_path: Path) -> None:
    house = House(tmp_path)
    there = simple()
    assert house.admit(there) == ({}, {})
    house.ranges = [limit_range({"type": "Container", "default": {"cpu": "2"}})]
    assert house.admit(there) == ({}, {})
    assert house.ranger.admit(house.ranges[0], None) is house.ranges[0]


@pytest.mark.parametrize("resources", ["", "resources: {}", "resources: {limits: {cpu: 1}}"])
def test_D01_the_next_daemon_makes_no_container_anew(tmp_path: Path, resources: str) -> None:
    house = House(tmp_path)
    first = house.ranger.admit(simple(resources), None)
    house.ranger = LimitRanger(house.journal, lambda _namespace: house.ranges)
    again = house.ranger.admit(simple(resources), None)
    assert container_digest(again.spec.containers[0]) == container_digest(first.spec.containers[0])


RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({"type": "Pod", "default": {"cpu": "1"}}, ["default: Forbidden: may not be specified when `type` is 'Pod'"]),
    (
        {"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}},
        ['min.cpu: Invalid value: "2": min value 2 is greater than max value 1'],
    ),
    (
        {"type": "Container", "min": {"cpu": "2"}, "default": {"cpu": "1"}},
        ['default.cpu: Invalid value: "1": min value 2 is greater than default value 1'],
    ),
    (
        {"type": "Container", "defaultRequest": {"cpu": "2"}, "default": {"cpu": "1"}},
        ['defaultRequest.cpu: Invalid value: "2": default request value 2 is greater than default limit value 1'],
    ),
    (
        {"type": "Container", "maxLimitRequestRatio": {"cpu": "0.5"}},
        ['maxLimitRequestRatio.cpu: Invalid value: "0.5": ratio 0.5 is less than 1'],
    ),
    ({"type": "Container", "default": {"cpu": "1"}, "max": {"cpu": "1"}}, []),
]


@pytest.mark.parametrize(("item", "problems"), RULES)
def test_R03_rules_of_a_limit_range(item: dict[str, Any], problems: list[str]) -> None:
    document = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [item]}}
    _, found = registry.decode(document)
    assert [str(p).removeprefix("spec.limits[0].") for p in found if p.severity == "error"] == problems


def test_amounts_of_a_claim_have_no_effect() -> None:
    item = {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}
    document = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [item]}}
    _, found = registry.decode(document)
    assert [p.severity for p in found] == ["warning"]
    assert "have no effect here" in str(found[0])
    assert msgspec.json.encode(registry.encode(decoded(document)))
