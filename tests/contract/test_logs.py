"""A container's output, as every engine keeps it."""

import asyncio
from collections import defaultdict
from contextlib import aclosing

import pytest

from tests.contract.bench import TALKS, TALKS_AND_ENDS, WAIT_SECONDS, Bench

pytestmark = pytest.mark.contract


async def _logs(bench: Bench, container: str, **options: object) -> dict[int, bytes]:
    found: defaultdict[int, bytes] = defaultdict(bytes)
    async with asyncio.timeout(WAIT_SECONDS):
        async for stream, data in bench.engine.logs(container, **options):
            found[stream] += data
    return dict(found)


async def _talked(bench: Bench) -> str:
    container = await bench.run(doing=TALKS)
    async with asyncio.timeout(WAIT_SECONDS):
        while len(await _logs(bench, container)) < 2:
            await asyncio.sleep(0.02)
    return container


async def test_streams_are_told_apart(bench: Bench) -> None:
    container = await _talked(bench)
    assert await _logs(bench, container) == {1: b"one\ntwo\nthree\n", 2: b"wrong\n"}


async def test_tail_counts_lines_from_the_end(bench: Bench) -> None:
    container = await bench.run(doing=TALKS_AND_ENDS)
    await bench.until(container, "exited")
    assert await _logs(bench, container, tail=1) == {1: b"two\n"}
    assert await _logs(bench, container, tail=0) == {}
    assert await _logs(bench, container, tail=100) == {1: b"one\ntwo\n"}


async def test_since_leaves_out_what_is_older(bench: Bench) -> None:
    container = await bench.run(doing=TALKS_AND_ENDS)
    found = await bench.until(container, "exited")
    assert await _logs(bench, container, since=found.started_at - 1) == {1: b"one\ntwo\n"}
    assert await _logs(bench, container, since=found.finished_at + 1) == {}


async def test_timestamps_stand_before_each_line(bench: Bench) -> None:
    container = await bench.run(doing=TALKS_AND_ENDS)
    await bench.until(container, "exited")
    lines = (await _logs(bench, container, timestamps=True))[1].decode().splitlines()
    assert [line.split(" ")[1] for line in lines] == ["one", "two"]
    assert all(len(line.split(" ")[0]) == len("2026-01-01T00:00:00.000000000Z") for line in lines)


async def test_follow_ends_with_the_container(bench: Bench) -> None:
    container = await bench.run(doing=TALKS_AND_ENDS)
    assert await _logs(bench, container, follow=True) == {1: b"one\ntwo\n"}
    assert (await bench.until(container, "exited")).exit_code == 0


async def test_follow_may_be_left_early(bench: Bench) -> None:
    container = await bench.run(doing=TALKS)
    async with asyncio.timeout(WAIT_SECONDS), aclosing(bench.engine.logs(container, follow=True)) as logs:
        async for _, data in logs:
            assert data
            break
    assert (await bench.engine.inspect(container)).phase == "running"


async def test_a_container_that_never_ran_has_no_logs(bench: Bench) -> None:
    assert await _logs(bench, await bench.engine.create(bench.config())) == {}
