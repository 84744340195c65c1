"""R01: which runtime runs a pod, and what that costs."""

from dataclasses import replace

import pytest

from orchestrator.objects.runtime_class import RuntimeClass
from orchestrator.planning.container import Joined, container_config, sandbox_config
from orchestrator.planning.errors import ConfigError
from orchestrator.planning.requests import asked
from tests.unit.planning.builders import ADDRESS, AROUND, decoded, pod
from tests.unit.planning.model import World

BOXED: RuntimeClass = decoded(
    {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "boxed"},
        "handler": "runsc",
        "overhead": {"podFixed": {"memory": "10Mi"}},
    }
)
OF = pod("runtimeClassName: boxed\ncontainers: [{name: web, image: 'web:1'}]")
THERE = replace(AROUND, runtime_classes={"boxed": BOXED})
JOINED = Joined("sandbox-id", ADDRESS)


def test_R01_sandbox_and_containers_are_run_by_the_handler() -> None:
    assert sandbox_config(OF, 0, THERE).runtime == "runsc"
    assert container_config(OF, OF.spec.containers[0], 0, THERE, JOINED, "container").runtime == "runsc"
    plain = pod("containers: [{name: web, image: 'web:1'}]")
    assert sandbox_config(plain, 0, THERE).runtime == ""


def test_R01_a_container_is_never_run_by_another_runtime_than_its_pods() -> None:
    with pytest.raises(ConfigError, match=r'runtimeclass.node.k8s.io "boxed" not found'):
        container_config(OF, OF.spec.containers[0], 0, AROUND, JOINED, "container")


def test_R01_the_overhead_counts_beside_the_requests() -> None:
    assert asked(OF, {"boxed": BOXED}).requests == {"memory": 10 << 20}
    assert asked(OF, {}).requests == {}
    own = pod("runtimeClassName: boxed\noverhead: {memory: 1Mi}\ncontainers: [{name: web, image: 'web:1'}]")
    assert asked(own, {"boxed": BOXED}).requests == {"memory": 1 << 20}


def test_R01_a_pod_waits_for_its_class() -> None:
    world = World(OF)
    world.rest()
    assert (world.containers, world.events) == ({}, ["FailedCreatePodSandBox"])
    assert world.told == ['Failed to create pod sandbox: runtimeclass.node.k8s.io "boxed" not found']
    world.around = THERE
    world.rest()
    assert world.alive("web")
