"""What only the simulated engine can do: virtual time, scripts, faults."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from orchestrator.engine.base import EngineRefused
from orchestrator.engine.simulated import Program, SimulatedEngine
from orchestrator.errors import Conflict, NotFound, Unavailable
from tests.contract.bench import Bench

pytestmark = pytest.mark.contract

WALL = 1_800_000_000.0


@pytest.fixture
async def simulated() -> SimulatedEngine:
    engine = SimulatedEngine(wall=WALL)
    engine.images.add("busybox:1")
    return engine


@pytest.fixture
async def simple(simulated: SimulatedEngine) -> AsyncIterator[Bench]:
    bench = Bench(simulated, "busybox:1", simulated.go_away, simulated.come_back)
    yield bench
    await bench.clean()


async def _run(bench: Bench, *programs: Program) -> str:
    config = bench.config()
    assert isinstance(bench.engine, SimulatedEngine)
    bench.engine.program(config.name, *programs)
    container = await bench.engine.create(config)
    await bench.engine.start(container)
    return container


@pytest.mark.looptime
async def test_an_hour_passes_on_virtual_time(simple: Bench) -> None:
    container = await _run(simple, Program(run_for=3600, exit_code=4))
    started = (await simple.engine.inspect(container)).started_at
    await asyncio.sleep(3599)
    assert (await simple.engine.inspect(container)).phase == "running"
    await asyncio.sleep(2)
    found = await simple.engine.inspect(container)
    assert (found.phase, found.exit_code) == ("exited", 4)
    assert found.finished_at - started == pytest.approx(3600)


@pytest.mark.looptime
async def test_latencies_are_virtual_time(simulated: SimulatedEngine) -> None:
    slow = SimulatedEngine({"info": 30.0})
    loop = asyncio.get_running_loop()
    before = loop.time()
    await slow.info()
    assert loop.time() - before == pytest.approx(30)


@pytest.mark.looptime
async def test_a_program_may_take_time_to_stop(simple: Bench, simulated: SimulatedEngine) -> None:
    container = await _run(simple, Program(stop_after=5, stop_code=0))
    await simple.engine.kill(container, "TERM")
    await asyncio.sleep(4)
    assert (await simple.engine.inspect(container)).phase == "running"
    await asyncio.sleep(2)
    assert (await simple.engine.inspect(container)).exit_code == 0
    assert [name for _, name in simulated.signals(container)] == ["TERM"]


async def test_each_start_takes_the_next_program(simple: Bench) -> None:
    container = await _run(simple, Program(run_for=0, exit_code=1), Program())
    assert (await simple.until(container, "exited")).exit_code == 1
    await simple.engine.start(container)
    assert (await simple.engine.inspect(container)).phase == "running"


async def test_a_program_may_refuse_to_start(simple: Bench) -> None:
    with pytest.raises(EngineRefused, match="no such file"):
        await _run(simple, Program(start_error=EngineRefused("no such file", 400)))
    found = await simple.engine.inspect(simple.name("c"))
    assert (found.phase, found.exit_code, found.error, found.started_at) == ("created", 127, "no such file", 0.0)


async def test_failures_come_in_the_order_given(simple: Bench, simulated: SimulatedEngine) -> None:
    simulated.fail_next("create", EngineRefused("no space left on device"))
    simulated.fail_next("create", Unavailable("too slow"))
    with pytest.raises(EngineRefused, match="no space"):
        await simple.engine.create(simple.config())
    with pytest.raises(Unavailable, match="too slow"):
        await simple.engine.create(simple.config())
    await simple.engine.create(simple.config())


async def test_a_death_while_the_engine_is_away_is_not_announced(simple: Bench, simulated: SimulatedEngine) -> None:
    container = await _run(simple, Program())
    events = aiter(simulated.events())
    assert (await anext(events)).action == "reconnected"
    simulated.go_away()
    simulated.crash(container, 9)
    simulated.come_back()
    assert (await anext(events)).action == "reconnected"
    assert (await simulated.inspect(container)).exit_code == 9


async def test_memory_pause_and_removal_behind_our_back(simple: Bench, simulated: SimulatedEngine) -> None:
    container = await _run(simple, Program())
    simulated.pause(container)
    with pytest.raises(Conflict):
        await simulated.start(container)
    await simulated.unpause(container)
    simulated.crash(container, oom=True)
    assert (await simulated.inspect(container)).oom_killed
    simulated.destroy(container)
    with pytest.raises(NotFound):
        await simulated.inspect(container)


async def test_a_pull_brings_the_image(simulated: SimulatedEngine) -> None:
    simulated.images.add("nginx", local=False)
    with pytest.raises(NotFound):
        await simulated.image("nginx:latest")
    steps = [step async for step in simulated.pull("docker.io/library/nginx")]
    assert steps[-1].status == "Status: Downloaded newer image for nginx:latest"
    assert (await simulated.image("nginx")).tags == ("nginx:latest",)
