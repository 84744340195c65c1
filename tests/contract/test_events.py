"""What every engine announces, and how its stream mends."""

import inspect

import pytest

from orchestrator.errors import Unavailable
from tests.contract.bench import FAILS, Bench, Events

pytestmark = pytest.mark.contract


async def _do(change: object) -> None:
    if inspect.isawaitable(change):
        await change


async def test_a_life_is_announced_in_order(bench: Bench) -> None:
    async with Events(bench) as events:
        container = await bench.run(doing=FAILS)
        created = await events.next("create")
        started = await events.next("start")
        died = await events.next("die")
        await bench.until(container, "exited")
        await bench.engine.remove(container)
        gone = await events.next("destroy")
    assert {event.container_id for event in (created, started, died, gone)} == {container}
    assert died.attributes["exitCode"] == "3"
    assert 0 < created.at <= started.at <= died.at <= gone.at


async def test_removing_a_running_container_announces_its_death(bench: Bench) -> None:
    async with Events(bench) as events:
        container = await bench.run()
        await events.next("create")
        await events.next("start")
        await bench.engine.remove(container)
        assert (await events.next("die")).attributes["exitCode"] == "137"
        await events.next("destroy")


async def test_a_start_that_fails_announces_no_start(bench: Bench) -> None:
    async with Events(bench) as events:
        sandbox = await bench.engine.create(bench.config("sandbox", ipc_mode="shareable"))
        await events.next("create")
        joined = await bench.engine.create(bench.config("joined", network=f"container:{sandbox}"))
        await events.next("create")
        with pytest.raises(Exception, match="non running container"):
            await bench.engine.start(joined)
        await bench.engine.remove(joined)
        await events.next("destroy")


async def test_the_stream_mends_and_says_so(bench: Bench) -> None:
    async with Events(bench) as events:
        await _do(bench.away())
        with pytest.raises(Unavailable, match="cannot reach"):
            await bench.engine.list_containers(bench.labels)
        await _do(bench.back())
        await events.next("reconnected")
        container = await bench.run()
        assert (await events.next("create")).container_id == container
        await events.next("start")


async def test_who_lists_after_reconnected_misses_nothing(bench: Bench) -> None:
    for round_number in range(10):
        async with Events(bench) as events:
            container = await bench.engine.create(bench.config(f"round-{round_number}"))
            assert (await events.next("create")).container_id == container


async def test_every_call_says_that_the_engine_is_away(bench: Bench) -> None:
    container = await bench.run()
    await _do(bench.away())
    engine = bench.engine
    for call in (
        engine.info(),
        engine.inspect(container),
        engine.create(bench.config("more")),
        engine.start(container),
        engine.kill(container),
        engine.remove(container),
        engine.exec(container, ("true",)),
        engine.exec_attach(container, ("true",), stdin=False, tty=False),
        anext(aiter(engine.logs(container))),
        engine.image(bench.image),
        engine.import_image(b"", "orchestrator-test/import:1"),
        anext(aiter(engine.pull("orchestrator-test/import:1"))),
        engine.list_networks(),
        engine.remove_network("nobody"),
    ):
        with pytest.raises(Unavailable, match="cannot reach"):
            await call
    await _do(bench.back())
    assert (await engine.inspect(container)).phase == "running"
