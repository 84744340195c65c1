"""The roots of tasks: what keeps a daemon alive when something happens that should not."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator

from orchestrator import logs

log = logging.getLogger(__name__)

FIRST_RETRY, LONGEST_RETRY = 0.5, 30.0
"""Seconds; a task that was well for longer than the longest begins with the first again."""


async def for_ever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run what never ends; when it breaks, that is told in a line, and it begins anew after a growing wait."""
    wait = FIRST_RETRY
    while True:
        begun = time.monotonic()
        try:
            await work()
        except Exception as error:
            if time.monotonic() - begun > LONGEST_RETRY:
                wait = FIRST_RETRY
            logs.surprise(log, f"{name} broke, beginning anew in {wait:g} s", error)
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_RETRY)


async def either(*parts: Coroutine[object, object, object]) -> None:
    """Wait for the first to end; the other is cancelled."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    for task in done:
        task.result()


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Give the errors of a group, and of the groups in it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
