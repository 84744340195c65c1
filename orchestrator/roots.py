"""The roots of tasks: what keeps a daemon alive when something happens that should not."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any

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


class LoopTroubles:
    """Says in a line what the event loop found that nobody awaits, and the same again only after a while.

    Without a descriptor for those who connect it finds that more than a hundred times a second.
    """

    def __init__(self) -> None:
        self._told, self._again_at = "", 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Take the loop's word (`set_exception_handler`)."""
        what, error = context.get("message", "the event loop"), context.get("exception")
        found = f"{what}: {logs.described(error) if error else 'no error'}"
        if found == self._told and loop.time() < self._again_at:
            return
        self._told, self._again_at = found, loop.time() + LONGEST_RETRY
        if error:
            logs.surprise(log, what, error)
        else:
            log.error("%s: this should not happen", what)


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
