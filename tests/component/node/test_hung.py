"""A container that the engine says nothing about any more, while it answers otherwise."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.node.inventory import list_instance
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

POD = 'containers: [{name: web, image: "web:1"}]'


async def test_D01_one_that_hangs_holds_up_no_other_at_a_start(engine: Engine, tmp_path: Path) -> None:
    async with Daemon(engine, tmp_path) as daemon:
        for name in ("well", "hung"):
            daemon.pod(POD, name)
        for name in ("well", "hung"):
            await daemon.ready(name)
    before = {one.id for one in await engine.list_containers({})}
    engine.hang((await engine.newest(pod="hung")).id)
    begun = asyncio.get_running_loop().time()
    assert sum(one.hung for one in await list_instance(engine, "default")) == 1
    async with Daemon(engine, tmp_path) as second:
        for name in ("well", "hung", "new"):
            second.pod(POD, name)
        await second.ready("well")
        await second.ready("new")
        await second.manager.adopted.wait()
        assert asyncio.get_running_loop().time() - begun < 10
        # It is told, and nothing is made in its place.
        await second.until(lambda: "FailedSync" in second.reasons("hung"), 120)
        await asyncio.sleep(600)
        assert before <= {one.id for one in await engine.list_containers({})}
        assert "Killing" not in second.reasons("hung")
        assert second.get("well").status.container_statuses[0].restart_count == 0
        hangs = next(one for one in await engine.list_containers({}) if one.hung)
        engine.hang(hangs.id, hangs=False)
        await second.until(lambda: second.condition("Ready", "hung") == "True")
        assert second.get("hung").status.container_statuses[0].restart_count == 0
    assert before <= {one.id for one in await engine.list_containers({})}


async def test_D01_one_that_begins_to_hang_is_told_of_and_ends_when_it_can(engine: Engine, daemon: Daemon) -> None:
    daemon.pod(POD)
    await daemon.ready()
    found = (await engine.newest()).id
    engine.hang(found)
    daemon.delete("web")
    await asyncio.sleep(900)
    assert 8 <= daemon.reasons().count("FailedSync") <= 16
    assert "says nothing about container" in daemon.message("FailedSync")
    engine.hang(found, hangs=False)
    await daemon.manager.idle()
    assert await engine.list_containers({}) == []
