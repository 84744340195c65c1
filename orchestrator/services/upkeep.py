"""What goes on beside the rounds: networks that nobody needs are removed, and what others took away is put back."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from orchestrator import logs
from orchestrator.errors import OrchestratorError
from orchestrator.services.addresses import has_address
from orchestrator.services.dataplane import DataPlane
from orchestrator.services.networks import Networks
from orchestrator.state.store import Store

log = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = 0.5, 30.0
HOUR = 3600.0
"""How often to look for networks that nobody needs though nobody told."""
CHECK_SECONDS = 30.0
"""How often to look whether someone flushed our table though the kernel did not tell."""
PAUSE_SECONDS = 1.0


class Upkeep:
    """Two endless tasks, `prune` and `guard`."""

    def __init__(self, store: Store, networks: Networks, dataplane: DataPlane, reload: Callable[[], None]) -> None:
        """`reload` asks for another round: it makes the networks that are missing, and loads a table that is gone."""
        self._store = store
        self._networks = networks
        self._dataplane = dataplane
        self._reload = reload
        self._shrunk = asyncio.Event()
        self._shrunk.set()

    def shrunk(self) -> None:
        """A namespace needs its network no longer."""
        self._shrunk.set()

    async def prune(self) -> None:
        """Remove unneeded networks, at start, when told and hourly; the last containers on them may take a while."""
        retry = FIRST_RETRY
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HOUR):
                    await self._shrunk.wait()
            self._shrunk.clear()
            if await attempt(self._networks.prune(self._needed), retry):
                retry = FIRST_RETRY
            else:
                await asyncio.sleep(retry)
                retry = min(2 * retry, LAST_RETRY)
                self._shrunk.set()

    async def guard(self) -> None:
        """Heal after `nft flush ruleset`, at once, or after an engine that made its bridges anew."""
        with self._dataplane.watched():
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await self._dataplane.touched()
                await attempt(self.look_after(), CHECK_SECONDS)
                # Whoever flushes again and again is not to be answered each time.
                await asyncio.sleep(PAUSE_SECONDS)

    async def look_after(self) -> bool:
        """One look of the guard."""
        if not await self._networks.repair():
            self._reload()
        if not await self._dataplane.check():
            log.warning("someone changed or removed the rules of the Services; putting them back")
            self._reload()
        return True

    def _needed(self) -> set[str]:
        """The namespaces that have a pod or a virtual address at this moment."""
        pods = {pod.metadata.namespace for pod in self._store.list("Pod")}
        return pods | {each.metadata.namespace for each in self._store.list("Service") if has_address(each)}


async def attempt(work: Awaitable[bool], retry: float) -> bool:
    """The root of this room's workers: tell a failure, never let it end the daemon; whether the work was done."""
    try:
        return await work
    except (OrchestratorError, OSError) as error:
        log.warning("%s; trying again in %.1f s", error, retry)
    except Exception as error:
        logs.surprise(log, f"cannot bring Services up to date, trying again in {retry:.1f} s", error)
    return False
