"""Nothing of a pod runs before the kernel has what network policies say of it."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.engine.simulated import Program
from orchestrator.node.inventory import list_instance, pods_running
from orchestrator.services.policy_rules import PolicyRules
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

POD = 'containers: [{name: web, image: "web:1"}]'
SHUT = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: shut}, spec: {}}"


class Kernel:
    """Takes the rules of a daemon's policies when it is asked to, as the controller of Services does."""

    def __init__(self, daemon: Daemon) -> None:
        self.rules: list[PolicyRules] = []
        self._daemon = daemon
        self._asked = asyncio.Event()
        daemon.policies.attach(self._asked.set)

    async def run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            self.rules.append(self._daemon.policies.settle())
            await self._daemon.policies.tell()


async def running(engine: Engine) -> list[str]:
    """What runs in the engine, by the spec's names."""
    found = await engine.list_containers({})
    return sorted(one.labels["orchestrator.dev/container"] for one in found if one.phase == "running")


async def test_a_pod_waits_for_its_rules_and_says_so(engine: Engine, tmp_path: Path) -> None:
    async with Daemon(engine, tmp_path) as daemon:
        daemon.apply(SHUT)
        daemon.pod(POD)
        await daemon.until(lambda: "FailedCreatePodSandBox" in daemon.reasons())
        assert "cannot isolate it as network policies say" in daemon.message("FailedCreatePodSandBox")
        assert await running(engine) == ["POD"]
        kernel = Kernel(daemon)
        carrying = asyncio.create_task(kernel.run())
        await daemon.ready()
        carrying.cancel()
        assert await running(engine) == ["POD", "web"]
        assert daemon.get().status.pod_ip in kernel.rules[0].maps["policy-ingress"]


async def test_a_container_that_ends_while_rules_cannot_be_made_sure_of_is_not_started_again(
    engine: Engine, tmp_path: Path
) -> None:
    """A daemon that comes back knows nothing of the kernel: what runs goes on, and nothing more begins to."""
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(POD)
        await daemon.ready()
    (web,) = [one.id for one in await engine.list_containers({}) if one.labels["orchestrator.dev/container"] == "web"]
    async with Daemon(engine, tmp_path) as daemon:
        daemon.apply(SHUT)
        daemon.pod(POD)
        await daemon.until(lambda: "FailedCreatePodSandBox" in daemon.reasons())
        assert await running(engine) == ["POD", "web"]
        await engine.kill(web)
        await daemon.until(lambda: not daemon.container().ready)
        told = len(daemon.reasons())
        await daemon.until(lambda: len(daemon.reasons()) > told)
        assert await running(engine) == ["POD"]
        carrying = asyncio.create_task(Kernel(daemon).run())
        await daemon.ready()
        carrying.cancel()


async def test_a_replaced_pod_that_is_ending_when_the_daemon_is_killed_stays_isolated(
    engine: Engine, tmp_path: Path
) -> None:
    """It is in no store any more: the journal and the engine tell the next daemon of it."""
    engine.program("web:1", Program(ignores=("TERM",)))
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(POD)
        await daemon.ready()
        old = daemon.get().status.pod_ip
        daemon.pod("{hostname: new, " + POD + "}")
        await daemon.until(lambda: "Killing" in daemon.reasons())
    second = Daemon(engine, tmp_path)
    second.apply(SHUT)
    second.pod("{hostname: new, " + POD + "}")
    second.policies.remember(pods_running(await list_instance(engine, "default"), second.journal))
    assert old in second.policies.settle().maps["policy-ingress"]
    carrying = asyncio.create_task(Kernel(second).run())
    async with second:
        await second.ready()
        carrying.cancel()
        # Nothing of it is left, and its address is another's or nobody's.
        now = second.get().status.pod_ip
        assert second.policies.settle().maps["policy-ingress"].keys() == {now}


async def test_without_policies_nobody_waits(engine: Engine, tmp_path: Path) -> None:
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(POD)
        await daemon.ready()
        assert "FailedCreatePodSandBox" not in daemon.reasons()
