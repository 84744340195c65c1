"""The host's clock is set while pods run: by a day, as on a board without a battery, in both directions (D01).

What runs goes on, what waits for seconds waits for seconds, and what is made afterwards is not taken for old.
"""

import asyncio
from pathlib import Path

import pytest

from orchestrator.engine.base import EngineRefused, ExecResult
from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = [pytest.mark.looptime, pytest.mark.parametrize("days", [-1, 1], ids=["back", "forward"])]

DAY = 86400.0
WELL = """
initContainers: [{name: first, image: "init:1"}, {name: side, image: "log:1", restartPolicy: Always}]
containers:
- name: web
  image: web:1
  livenessProbe: {exec: {command: [alive]}, initialDelaySeconds: 30, periodSeconds: 1, failureThreshold: 1}
"""
CRASHES = 'containers: [{name: web, image: "web:2", imagePullPolicy: Always}]'
SLOW = """
terminationGracePeriodSeconds: 20
containers:
- {name: web, image: "web:1"}
"""


async def test_D01_what_runs_goes_on_and_what_crashes_runs_again(
    engine: Engine, daemon: Daemon, tmp_path: Path, days: int
) -> None:
    asked = 0

    def answer(_argv: tuple[str, ...]) -> ExecResult:
        nonlocal asked
        asked += 1
        return ExecResult(0, b"")

    engine.program("init:1", Program(run_for=1))
    engine.program("web:1", Program(exec=answer))
    daemon.pod(WELL)
    await daemon.ready()
    before = {one.name: one.id for one in await engine.list_containers({})}
    engine.set_clock(days * DAY)
    await asyncio.sleep(60)
    assert {one.name: one.id for one in await engine.list_containers({})} == before
    assert 25 <= asked <= 62

    for name in ("web", "side"):
        engine.crash((await engine.newest(name)).id)
        await daemon.until(lambda n=name: daemon.container(n).restart_count == 1 and daemon.state(n) == "running")
    await asyncio.sleep(300)
    counts = {name: daemon.container(name).restart_count for name in ("first", "web", "side")}
    assert counts == {"first": 0, "web": 1, "side": 1}


async def test_D01_what_waits_waits_no_longer(engine: Engine, daemon: Daemon, days: int) -> None:
    """A back-off, a failed operation and a pull count seconds, not dates."""
    engine.program("web:2", Program(run_for=1, exit_code=1))
    engine.images.add("web:2", local=False)
    daemon.pod(CRASHES)
    await daemon.ready()
    await daemon.until(lambda: daemon.container().restart_count == 3)
    await daemon.until(lambda: daemon.state() == "CrashLoopBackOff")
    engine.fail_next("create", EngineRefused("no space left on device"))
    for name, image in (("held", "web:1"), ("pulls", "nowhere:1")):
        daemon.pod(f"containers: [{{name: web, image: '{image}'}}]", name)
    await daemon.until(lambda: daemon.state("web", "pulls") == "ImagePullBackOff")
    engine.images.add("nowhere:1", local=False)
    engine.set_clock(days * DAY)
    await daemon.until(lambda: daemon.container().restart_count == 4, 41)
    await daemon.ready("held")
    await daemon.ready("pulls")


async def test_D01_an_end_takes_its_grace(engine: Engine, daemon: Daemon, days: int) -> None:
    engine.program("web:1", Program(ignores=("TERM",)))
    engine.program("log:1", Program(stop_after=8))
    daemon.pod(SLOW + "- {name: log, image: 'log:1'}")
    await daemon.ready()
    daemon.delete()
    await asyncio.sleep(5)
    engine.set_clock(days * DAY)
    # The other container's end makes a daemon look.
    await asyncio.sleep(14)
    assert daemon.find() is not None, "it has its twenty seconds"
    await daemon.gone()


async def test_D01_an_end_that_another_daemon_finds_is_not_put_off(engine: Engine, tmp_path: Path, days: int) -> None:
    engine.program("web:1", Program(ignores=("TERM",)))
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(SLOW)
        await daemon.ready()
        daemon.delete()
        await asyncio.sleep(5)
    engine.set_clock(days * DAY)
    async with Daemon(engine, tmp_path):
        await asyncio.sleep(25)
        assert await engine.list_containers({}) == []
