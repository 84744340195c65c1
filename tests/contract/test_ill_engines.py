"""A real engine that is slow, deaf or ill, by a proxy before it: nothing is mistaken for something else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.engine import docker_events, docker_exec
from orchestrator.engine.base import EngineRefused
from orchestrator.engine.docker import DockerEngine
from orchestrator.errors import Unavailable
from tests.contract.bench import Bench, Events
from tests.contract.proxy import Proxy

pytestmark = pytest.mark.contract


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Proxy]:
    proxy = Proxy(tmp_path / "engine.sock")
    await proxy.mend()
    yield proxy
    await proxy.end()


@pytest.fixture
async def bench(proxy: Proxy, docker_image: str) -> AsyncIterator[Bench]:
    bench = Bench(DockerEngine(proxy.url), docker_image, proxy.cut, proxy.mend)
    yield bench
    await proxy.mend()
    await bench.clean()


async def test_what_the_engine_takes_is_not_taken_from_a_command(
    bench: Bench, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that has a second is no failure because the engine needs ten for each answer."""
    monkeypatch.setattr(docker_exec, "END_SECONDS", 0.1)
    container = await bench.run()
    await proxy.slow(0.6)
    done = await bench.engine.exec(container, ("sh", "-c", "echo hello; exit 3"), seconds=0.3)
    assert (done.exit_code, done.output, done.timed_out) == (3, b"hello\n", False)
    assert (await bench.engine.exec(container, ("sleep", "1000"), seconds=0.3)).timed_out


async def test_a_command_that_closes_its_output_has_a_limit_too(bench: Bench) -> None:
    hides = ("sh", "-c", "exec sleep 1000 >&- 2>&-")
    async with asyncio.timeout(10):
        assert (await bench.engine.exec(await bench.run(), hides, seconds=0.3)).timed_out


async def test_what_a_busy_engine_takes_to_begin_is_not_taken_either(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it begins, and has no process for it yet: so it is while runc waits for its turn."""
    container, asked = await bench.run(), list[str]()
    call = bench.engine._client.call  # type: ignore[attr-defined]

    async def busy(method: str, path: str, *more: object, **options: object) -> object:
        answer = await call(method, path, *more, **options)
        if path.startswith("exec/") and path.endswith("/json"):
            asked.append(path)
            if len(asked) < 4:
                return {**answer, "Running": True, "Pid": 0, "ExitCode": None}
        return answer

    monkeypatch.setattr(bench.engine._client, "call", busy)  # type: ignore[attr-defined]
    done = await bench.engine.exec(container, ("sh", "-c", "sleep 0.6; exit 3"), seconds=0.2)
    assert (done.exit_code, done.timed_out) == (3, False)


async def test_the_end_of_a_command_is_not_missed_for_an_engine_that_stood_still(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers before it hears what has happened: the kernel knows that the command's process is gone."""
    container = await bench.run()
    call, loop = bench.engine._client.call, asyncio.get_running_loop()  # type: ignore[attr-defined]
    hears = loop.time() + 1.5

    async def stood_still(method: str, path: str, *more: object, **options: object) -> object:
        answer = await call(method, path, *more, **options)
        if path.startswith("exec/") and path.endswith("/json") and loop.time() < hears:
            return {**answer, "Running": True, "Pid": 2**30, "ExitCode": None}
        return answer

    monkeypatch.setattr(bench.engine._client, "call", stood_still)  # type: ignore[attr-defined]
    monkeypatch.setattr(docker_exec, "NOTED_SECONDS", 60.0)
    done = await bench.engine.exec(container, ("sh", "-c", "exit 3"), seconds=0.1)
    assert (done.exit_code, done.timed_out) == (3, False)


async def test_an_engine_that_is_being_stopped_makes_nothing_run_any_more(bench: Bench, proxy: Proxy) -> None:
    """It serves who is inside, and lets nobody in: what it began now would die with it, or run unseen."""
    made = await bench.engine.create(bench.config())
    await proxy.shut()
    assert (await bench.engine.inspect(made)).phase == "created"
    with pytest.raises(Unavailable, match="no such socket"):
        await bench.engine.start(made)
    with pytest.raises(Unavailable, match="no such socket"):
        await bench.engine.create(bench.config("late"))
    assert (await bench.engine.inspect(made)).phase == "created"
    await proxy.mend()
    await bench.engine.start(made)


async def test_quiet_is_no_break(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams are replaced all the time, and each event comes once."""
    monkeypatch.setattr(docker_events, "QUIET_SECONDS", 0.05)
    async with Events(bench) as events:
        container = await bench.run()
        await events.next("create")
        await events.next("start")
        # Ten streams later.
        await asyncio.sleep(1)
        await bench.engine.kill(container)
        await events.next("die")
        await bench.engine.remove(container)
        await events.next("destroy")


async def test_a_stream_that_went_deaf_is_replaced(bench: Bench, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it did not tell is told, and that there may have been more."""
    monkeypatch.setattr(docker_events, "QUIET_SECONDS", 1.0)
    monkeypatch.setattr(docker_events, "_LATE_SECONDS", 0.0)
    async with Events(bench) as events:
        await proxy.deafen()
        await bench.run()
        await events.next("reconnected")
        await events.next("create")
        await events.next("start")


async def test_every_illness_is_told_and_passes(bench: Bench, proxy: Proxy) -> None:
    container = await bench.run()
    proxy.ill = True
    await proxy.break_connections()
    with pytest.raises(EngineRefused, match="no space left on device"):
        await bench.engine.list_containers(bench.labels)
    await proxy.mend()
    proxy.short = True
    with pytest.raises(Unavailable, match="cannot re"):
        await bench.engine.inspect(container)
    await proxy.mend()
    assert (await bench.engine.inspect(container)).phase == "running"
