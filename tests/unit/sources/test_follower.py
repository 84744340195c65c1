"""Who follows the watcher: on virtual time, with a watcher that says what the test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.objects.problem import error
from orchestrator.sources.follower import Follower
from orchestrator.sources.located import Located, Sourced
from orchestrator.sources.settle import RETURNING
from orchestrator.sources.watcher import Snapshot
from orchestrator.sources.yaml_loader import decode_file

pytestmark = pytest.mark.looptime

FILE = decode_file(b"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", "a.yaml")
EMPTY = Snapshot((), (), frozenset(), (), ("specs",))


def full(*names: str) -> Snapshot:
    objects = tuple(Sourced(FILE.objects[0].object, {}, name, 1) for name in names)
    return Snapshot(objects, (), frozenset(names))


class Watcher:
    """Gives snapshots (or raises errors) after so many seconds each."""

    def __init__(self, *steps: tuple[float, Snapshot | Exception]) -> None:
        self._steps = list(steps)

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        while self._steps:
            seconds, step = self._steps.pop(0)
            await asyncio.sleep(seconds)
            if isinstance(step, Exception):
                raise step
            yield step
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def following(steps: Iterable[tuple[float, Snapshot | Exception]]) -> AsyncIterator[Follower]:
    watcher: Any = Watcher(*steps)
    follower = Follower(watcher)
    task = asyncio.create_task(follower.run())
    yield follower
    task.cancel()
    await asyncio.wait({task})


async def begun_with(
    *steps: tuple[float, Snapshot | Exception], remembers: bool = False
) -> tuple[float, Snapshot, list[Snapshot]]:
    """When and with what a daemon begins that found nothing at start, and what it told until then."""
    told: list[Snapshot] = []
    clock = asyncio.get_running_loop().time
    start = clock()
    async with following(steps) as follower:
        found = await follower.after_empty_start(EMPTY, 10.0, told.append, lambda: remembers)
    return clock() - start, found, told


async def test_D06_an_empty_start_is_believed_after_its_delay() -> None:
    assert await begun_with() == (10.0, EMPTY, [EMPTY])


async def test_D06_files_that_come_back_are_believed_when_they_have_come_to_rest() -> None:
    one, both = full("a"), full("a", "b")
    assert await begun_with((5, one), (0.3, both)) == (5.3 + RETURNING, both, [EMPTY, one, both])


async def test_D06_broken_files_are_waited_for() -> None:
    broken = Snapshot((), (Located(error((), "wrong"), "a.yaml"),), frozenset())
    mended = full("a")
    assert await begun_with((1, broken), (100, mended)) == (101 + RETURNING, mended, [EMPTY, broken, mended])


async def test_D05_broken_files_are_begun_with_where_it_is_known_what_they_said() -> None:
    wrong = Located(error((), "wrong"), "a.yaml")
    broken, bare = replace(full("a"), problems=(wrong,)), Snapshot((), (wrong,), frozenset(), (), ("specs",))
    assert await begun_with((1, broken), remembers=True) == (1 + RETURNING, broken, [EMPTY, broken])
    assert await begun_with((1, bare), remembers=True) == (11, bare, [EMPTY, bare])


async def test_a_watcher_that_breaks_is_begun_anew() -> None:
    async with following([(1, KeyError("x")), (1, full("a"))]) as follower:
        async with asyncio.timeout(10):
            assert await follower.next() == full("a")


async def test_who_gives_up_waiting_misses_nothing() -> None:
    async with following([(5, full("a"))]) as follower:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await follower.next()
        assert await follower.next() == full("a")
