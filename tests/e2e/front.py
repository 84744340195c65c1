"""An engine that only one daemon has, as far as that daemon can see: a proxy before the real one."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tests.contract.proxy import Proxy
from tests.e2e.daemon import SECONDS
from tests.images import DOCKER_SOCKET


class EngineInFront:
    """The proxy in a thread with a loop of its own, for tests that have none."""

    def __init__(self, path: Path, target: str = DOCKER_SOCKET) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._proxy = Proxy(path, target)
        self.url = self._proxy.url

    def come(self) -> None:
        """Be there, and well."""
        self._do(self._proxy.mend())

    def go(self) -> None:
        """Be away."""
        self._do(self._proxy.cut())

    def slow(self, seconds: float) -> None:
        """Answer late."""
        self._do(self._proxy.slow(seconds))

    def ill(self) -> None:
        """Answer everything with status 500."""
        self._proxy.ill = True
        self._do(self._proxy.break_connections())

    def short(self) -> None:
        """End every answer in the middle, with the socket closed on one side only."""
        self._proxy.short = True

    def upgrade(self, version: str, to: str) -> None:
        """Be of another version, which is as long as its own."""
        self._proxy.says = f'"Version":"{version}"'.encode(), f'"Version":"{to}"'.encode()

    def freeze(self) -> None:
        """Answer nothing, and everything later."""
        self._do(self._proxy.freeze())

    def deafen(self) -> None:
        """Let streams of events stand, and tell no more."""
        self._do(self._proxy.deafen())

    def cut_events(self) -> None:
        """Break the streams of events."""
        self._do(self._proxy.break_connections(of_events=True))

    def close(self) -> None:
        """Be gone, for good."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    async def _end(self) -> None:
        """Break who is inside, and who was about to come in: all tasks of this loop are the proxy's."""
        await self._proxy.end()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await self._proxy.break_connections()
            await asyncio.wait(others, timeout=0.05)
        # What was broken hears of it in the loop's next round.
        await asyncio.sleep(0)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)
