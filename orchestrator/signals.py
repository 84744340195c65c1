"""Signals as things to wait for: SIGTERM and SIGINT end the daemon, SIGHUP lets it read its folder again.

At a terminal SIGHUP means that the terminal is gone, and ends the daemon too: nobody could end it any more.

They are taken from the first moment on: by itself SIGHUP ends a process, and a service manager takes that for an end in
order and does not start the daemon again.  A reload that is asked for while it starts follows when it runs.
"""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Signals:
    """The signals of this process, from the moment that this is made, inside of a running loop."""

    def __init__(self) -> None:
        self._ends: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._reload = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ends.put_nowait, number)
        if _has_terminal():
            loop.add_signal_handler(signal.SIGHUP, self._ends.put_nowait, signal.SIGHUP)
        else:
            loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    async def end(self) -> signal.Signals:
        """Wait for the next signal to end."""
        return await self._ends.get()

    async def unless_ended(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do this, and give what it gives; None where a signal to end came first, with the work cancelled and over."""
        doing, ended = asyncio.ensure_future(work), asyncio.ensure_future(self._ends.get())
        try:
            await asyncio.wait((doing, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            doing.cancel()
            ended.cancel()
            await asyncio.wait((doing, ended))
        if doing.cancelled():
            return None
        if not ended.cancelled():
            # Both at once: what was begun is ended in order.
            self._ends.put_nowait(ended.result())
        return doing.result()

    async def reload(self) -> None:
        """Wait for a wish to read the folder again."""
        await self._reload.wait()
        self._reload.clear()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
