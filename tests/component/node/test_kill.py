"""D01: the daemon dies at any instant; the next one finishes what was begun, and nothing runs twice."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.engine.simulated import Program
from orchestrator.objects.annotations import RESTART_ON_CHANGE
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

POD = """
volumes: [{name: scratch}]
initContainers: [{name: first, image: "init:1"}]
containers: [{name: web, image: "web:1"}, {name: log, image: "log:1"}]
"""
EDITED = POD.replace("web:1", "web:2")
REPLACED = f"hostname: other\n{POD}"
FOLLOWING = """
restartPolicy: {policy}
containers:
- {{name: web, image: "web:1", env: [{{name: A, valueFrom: {{configMapKeyRef: {{name: settings, key: a}}}}}}]}}
- {{name: log, image: "log:1"}}
"""
SETTINGS = "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: settings}}, data: {{a: '{}'}}}}"


@pytest.fixture(autouse=True)
def programs(engine: Engine) -> None:
    engine.program("init:1", Program(run_for=1))


async def die_at(engine: Engine, folder: Path, call: int, done: bool, act: Callable[[Daemon], None]) -> Daemon:
    """Run a daemon that is told `act` until its `call`-th change of the engine, which is done or not done."""
    daemon = Daemon(engine, folder)
    act(daemon)
    async with daemon:
        engine.freeze_at(engine.changes.total() + call, done)
        sleeping = asyncio.create_task(asyncio.sleep(60))
        frozen = asyncio.create_task(engine.frozen.wait())
        await asyncio.wait({sleeping, frozen}, return_when=asyncio.FIRST_COMPLETED)
        sleeping.cancel()
        frozen.cancel()
    assert engine.frozen.is_set(), f"there was no call {call}"
    engine.thaw()
    return daemon


async def names(engine: Engine) -> list[str]:
    """What runs, by the names in the spec."""
    running = [c for c in await engine.list_containers({}) if c.phase == "running"]
    return sorted(c.labels["orchestrator.dev/container"] for c in running)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("call", range(1, 9))
async def test_D01_while_a_pod_starts(engine: Engine, tmp_path: Path, call: int, done: bool) -> None:
    await die_at(engine, tmp_path, call, done, lambda daemon: daemon.pod(POD))
    second = Daemon(engine, tmp_path)
    second.pod(POD)
    async with second:
        await second.ready()
        assert await names(engine) == ["POD", "log", "web"]
        counts = [second.container(name).restart_count for name in ("first", "web", "log")]
        assert counts == [0, 0, 0]


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(
    ("spec", "call"), [*((EDITED, call) for call in range(1, 4)), *((REPLACED, call) for call in range(1, 13))]
)
async def test_D01_while_an_edit_is_carried_out(
    engine: Engine, tmp_path: Path, call: int, done: bool, spec: str
) -> None:
    async with Daemon(engine, tmp_path) as first:
        first.pod(POD)
        await first.ready()
    await die_at(engine, tmp_path, call, done, lambda daemon: daemon.pod(spec))
    third = Daemon(engine, tmp_path)
    third.pod(spec)
    async with third:
        restarts = 1 if spec is EDITED else 0
        await third.until(lambda: third.state() == "running" and third.container().restart_count == restarts)
        await third.ready()
        assert await names(engine) == ["POD", "log", "web"]
        assert third.container().image == ("web:2" if spec is EDITED else "web:1")
        uids = {c.labels["orchestrator.dev/uid"] for c in await engine.list_containers({})}
        assert uids == {third.get().metadata.uid}


@pytest.mark.parametrize("policy", ["Always", "Never"])
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("call", range(1, 4))
async def test_D01_V02_while_a_container_follows_its_config(
    engine: Engine, tmp_path: Path, call: int, done: bool, policy: str
) -> None:
    """Once begun it is finished, also for a pod that restarts nothing by itself; then nothing restarts any more."""

    def specs(daemon: Daemon, value: str) -> None:
        daemon.apply(SETTINGS.format(value))
        daemon.pod(FOLLOWING.format(policy=policy), annotations={RESTART_ON_CHANGE: "config"})

    first = Daemon(engine, tmp_path)
    specs(first, "old")
    async with first:
        await first.ready()
    await die_at(engine, tmp_path, call, done, lambda daemon: specs(daemon, "new"))
    third = Daemon(engine, tmp_path)
    specs(third, "new")
    async with third:
        await third.until(lambda: third.state() == "running" and third.container().restart_count == 1)
        await third.ready()
        calls = engine.changes.total()
        await asyncio.sleep(100)
        assert await names(engine) == ["POD", "log", "web"]
        assert [third.container(name).restart_count for name in ("web", "log")] == [1, 0]
        assert engine.changes.total() == calls
        assert third.get().status.phase == "Running"


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("call", range(1, 7))
async def test_D01_while_a_pod_is_deleted(engine: Engine, tmp_path: Path, call: int, done: bool) -> None:
    async with Daemon(engine, tmp_path) as first:
        first.pod(POD)
        await first.ready()
    await die_at(engine, tmp_path, call, done, lambda daemon: None)
    async with Daemon(engine, tmp_path) as third:
        await third.manager.adopted.wait()
        await third.manager.idle()
        assert await engine.list_containers({}) == []
        assert third.volumes.uids() == set()
        assert [list(third.journal.items(bucket)) for bucket in ("pods", "restarts", "containers")] == [[], [], []]
