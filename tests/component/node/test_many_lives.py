"""D01: one daemon after another dies, each at an instant of its own; what is well never notices.

In every run of the tests there are twenty-five lives; `make soak-kills` has a thousand.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

LIVES = int(os.environ.get("SOAK_KILLS", "25"))
PODS = 20
POD = """
initContainers: [{name: first, image: "init:1"}]
containers:
- name: web
  image: web:1
  livenessProbe: {exec: {command: [alive]}, periodSeconds: 1, failureThreshold: 1}
  readinessProbe: {exec: {command: [ready]}, periodSeconds: 2}
  lifecycle: {postStart: {exec: {command: [hello]}}}
- {name: log, image: "log:1"}
"""
CRASHES = 'containers: [{name: crash, image: "web:2"}]'


def apply(daemon: Daemon) -> None:
    """What the folder says, in every life."""
    for number in range(PODS):
        daemon.pod(POD, f"web{number}")
    daemon.pod(CRASHES, "crash")


async def well(engine: Engine) -> dict[str, tuple[str, float]]:
    """Whatever runs and is well: its id and its start time, by name."""
    running = [one for one in await engine.list_containers({}) if one.phase == "running"]
    return {one.name: (one.id, one.started_at) for one in running if "crash" not in one.name}


async def test_D01_a_thousand_lives(engine: Engine, tmp_path: Path) -> None:
    chance, asked = random.Random(6), list[str]()

    async def answer(argv: tuple[str, ...]) -> ExecResult:
        asked.append(argv[0])
        await asyncio.sleep(0.01)
        return ExecResult(0, b"")

    engine.program("init:1", Program(run_for=1))
    engine.program("web:1", Program(exec=answer))
    engine.program("web:2", Program(run_for=1, exit_code=1))
    first = Daemon(engine, tmp_path)
    apply(first)
    async with first:
        for number in range(PODS):
            await first.ready(f"web{number}")
    before = await well(engine)
    assert len(before) == 3 * PODS
    assert asked.count("hello") == PODS
    for _ in range(LIVES):
        daemon = Daemon(engine, tmp_path)
        apply(daemon)
        async with daemon:
            # From the middle of its start, where every call takes one turn of the loop, to some seconds of rest.
            for _turn in range(chance.randrange(400)):
                await asyncio.sleep(0)
            await asyncio.sleep(chance.choice((0, 0, 0.1, 3)))
    assert await well(engine) == before
    assert asked.count("hello") == PODS, "no hook was delivered again"
    last = Daemon(engine, tmp_path)
    apply(last)
    async with last:
        await last.manager.adopted.wait()
        assert [last.condition("Ready", f"web{number}") for number in range(PODS)] == ["True"] * PODS
        counts = [
            last.container(name, f"web{number}").restart_count for number in range(PODS) for name in ("web", "log")
        ]
        assert set(counts) == {0}
        assert last.container("crash", "crash").restart_count > 0
        assert await well(engine) == before
