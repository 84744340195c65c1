"""D01: one daemon after another dies, each at an instant of its own; what is well never notices.

Beside what is well there is always something under way: a pod that crashes, one whose container is edited in each life,
one that is made anew in each, and one that comes and goes.  In every run of the tests there are twenty-five lives;
`make soak-kills` has a thousand.
"""

import asyncio
import os
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.engine.base import Container, ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.node.memory import PODS as PODS_KEPT
from orchestrator.node.memory import RESTARTS
from orchestrator.planning import labels
from orchestrator.planning.backoff import BackoffSettings, following
from orchestrator.planning.identity import container_digest
from tests.component.node.house import Daemon, Engine
from tests.component.node.mortal import Mortal

pytestmark = pytest.mark.looptime

LIVES = int(os.environ.get("SOAK_KILLS", "25"))
SEED = int(os.environ.get("SOAK_SEED", "6"))
PODS = 20
RUN = 1
"""Seconds that what crashes runs."""
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
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
RESTLESS = """
terminationGracePeriodSeconds: 1
hostname: {hostname}
volumes: [{{name: scratch}}]
initContainers: [{{name: first, image: "init:1"}}]
containers:
- name: web
  image: web:1
  env: [{{name: LIFE, value: "{life}"}}]
  lifecycle: {{postStart: {{exec: {{command: [begun]}}}}, preStop: {{exec: {{command: [bye]}}}}}}
- {{name: log, image: "log:1"}}
"""
CRASHES = 'containers: [{name: crash, image: "web:2"}]'


class Watched(Engine):
    """Notes when anything runs twice, and when what crashes was started."""

    def __init__(self) -> None:
        super().__init__()
        self.twice: list[str] = []
        self.crash_starts: list[float] = []

    async def start(self, container: str) -> None:
        before = await self.inspect(container)
        await super().start(container)
        begun = await self.inspect(container)
        alike = {labels.POD: begun.labels[labels.POD], labels.CONTAINER: begun.labels[labels.CONTAINER]}
        running = [one for one in await self.list_containers(alike) if one.phase == "running"]
        if len(running) > 1:
            self.twice.append(name_of(begun))
        if before.phase != "running" and name_of(begun) == "crash/crash":
            self.crash_starts.append(begun.started_at)


def name_of(one: Container) -> str:
    """Pod and container."""
    return f"{one.labels[labels.POD]}/{one.labels[labels.CONTAINER]}"


def apply(daemon: Daemon, life: int) -> None:
    """What the folder says in this life."""
    for number in range(PODS):
        daemon.pod(POD, f"web{number}")
    daemon.pod(CRASHES, "crash")
    daemon.pod(RESTLESS.format(hostname="same", life=life), "edited")
    daemon.pod(RESTLESS.format(hostname=f"life{life}", life=0), "remade")
    if life % 2 == 0:
        daemon.pod(RESTLESS.format(hostname="same", life=0), "comes")


async def well(engine: Engine) -> dict[str, tuple[str, float]]:
    """Whatever runs and is well: its id and its start time, by name."""
    running = [one for one in await engine.list_containers({}) if one.phase == "running"]
    return {one.name: (one.id, one.started_at) for one in running if one.labels[labels.POD].startswith("web")}


@pytest.fixture
async def engine() -> Watched:
    return Watched()


async def test_D01_a_thousand_lives(engine: Watched, tmp_path: Path) -> None:
    chance, asked, folder = random.Random(SEED), list[str](), tmp_path / "daemon"
    folder.mkdir()

    async def answer(argv: tuple[str, ...]) -> ExecResult:
        asked.append(argv[0])
        await asyncio.sleep(0.01)
        return ExecResult(0, b"")

    engine.program("init:1", Program(run_for=1))
    engine.program("web:1", Program(exec=answer))
    engine.program("web:2", Program(run_for=RUN, exit_code=1))
    async with life(engine, folder, 0) as first:
        for number in range(PODS):
            await first.ready(f"web{number}")
        # What is well is known on disk; a hook that is not yet known to be over may be run again (H05).
        first.journal.flush()
    before = await well(engine)
    assert len(before) == 3 * PODS
    assert asked.count("hello") == PODS
    lost = 0
    for number in range(1, LIVES + 1):
        daemon = life(engine, folder, number)
        async with daemon:
            await some_time(daemon, chance)
        lost += daemon.lost > 0
        assert await well(engine) == before, f"life {number}"
        assert engine.twice == [], f"life {number}"
    assert lost >= LIVES // 5, "the kills met too few writes"
    assert asked.count("hello") == PODS, "no hook was delivered again"
    # A clean end of the last, so that the journal has all that it was told.
    last = Daemon(engine, folder)
    apply(last, LIVES + 1)
    async with last:
        await settled(last, LIVES + 1)
        assert await well(engine) == before
        assert engine.twice == []
        counts = [
            last.container(name, f"web{number}").restart_count for number in range(PODS) for name in ("web", "log")
        ]
        assert set(counts) == {0}
        await nothing_is_left(engine, last)
        no_restart_was_forgotten_or_early(engine, last)


def life(engine: Engine, folder: Path, number: int) -> Mortal:
    daemon = Mortal(engine, folder)
    apply(daemon, number)
    return daemon


async def some_time(daemon: Mortal, chance: random.Random) -> None:
    """From the middle of its start, where every call takes one turn of the loop, to some seconds."""
    for _turn in range(chance.randrange(400)):
        await asyncio.sleep(0)
    await asyncio.sleep(chance.choice((0, 0, 0.1, 3)) * chance.random())
    # What it does in its last moment is in the engine, and not in the journal.
    daemon.stall()
    for _turn in range(chance.randrange(60)):
        await asyncio.sleep(0)
    await asyncio.sleep(chance.choice((0, 0, 0.01)))


async def settled(daemon: Daemon, life: int) -> None:
    """Wait until all that the folder says is so."""
    for name in (*(f"web{number}" for number in range(PODS)), "edited", "remade"):
        await daemon.ready(name)
    # Ready may still be what the last life said: whatever is to be done is done in this time.
    await asyncio.sleep(60)
    pods = {*(f"web{number}" for number in range(PODS)), "edited", "remade", *(["comes"] if life % 2 == 0 else [])}
    running = [one for one in await daemon.engine.list_containers({}) if one.phase == "running"]
    names = Counter(name_of(one) for one in running if name_of(one) != "crash/crash")
    assert names == Counter([f"{pod}/{name}" for pod in pods for name in ("POD", "web", "log")] + ["crash/POD"])
    for one in running:
        if one.labels[labels.CONTAINER] == "web":
            wanted = daemon.get(one.labels[labels.POD]).spec.containers[0]
            assert one.labels[labels.HASH] == container_digest(wanted), f"{one.name} is not what was written last"


async def nothing_is_left(engine: Engine, daemon: Daemon) -> None:
    """Containers and files are those of the pods that there are."""
    uids = {pod.metadata.uid for pod in daemon.store.list("Pod")}
    assert {one.labels[labels.UID] for one in await engine.list_containers({})} == uids
    files = {path.name for path in daemon.folder.rglob("*") if not path.is_symlink()}
    kept = {key for bucket in (PODS_KEPT, RESTARTS) for key, _ in daemon.journal.items(bucket)}
    found = {match[0] for name in files | kept for match in UID.finditer(name)}
    assert found <= uids, f"{found - uids} are gone, and something of them is left"


def no_restart_was_forgotten_or_early(engine: Watched, daemon: Daemon) -> None:
    """Each start of what crashes was counted, and waited for as long as its back-off said."""
    starts, settings, delay = engine.crash_starts, BackoffSettings(), 0.0
    assert len(starts) - 1 == daemon.container("crash", "crash").restart_count > 0
    for before, after in pairwise(starts):
        assert after - before >= RUN + delay
        delay = following(delay, settings)
