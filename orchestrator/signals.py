"""Signals as things to wait for: SIGTERM and SIGINT end the daemon, SIGHUP lets it read its folder again.

At a terminal SIGHUP means that the terminal is gone, and ends the daemon too: nobody could end it any more.
"""

import asyncio
import os
import signal


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
