"""Whether the engine answers, and what it is: asked every few seconds, told once when it goes and once when it is back.

An engine may be another version when it is back: who upgrades it does not start this daemon anew.
"""

import asyncio
import logging
from collections.abc import Callable

from orchestrator.engine.base import Engine, EngineInfo
from orchestrator.errors import OrchestratorError, Unavailable

log = logging.getLogger(__name__)

_CHECK, _CHECK_IN_TROUBLE = 5.0, 1.0
"""Seconds between two looks."""
_PATIENCE = 10.0
"""An engine that has said nothing for so many seconds is told of; calls to it wait for longer."""


class EngineHealth:
    """One engine's health.  Whoever needs the engine tries again by himself; `back` is called when it is well again."""

    def __init__(self, engine: Engine, info: EngineInfo, back: Callable[[], None]) -> None:
        self.error = ""
        """Why it does not answer as it should, "" while it does."""
        self.info = info
        """What it last said of itself."""
        self._engine = engine
        self._back = back

    async def run(self) -> None:
        """Look for ever."""
        while True:
            error = await self._look()
            if error and not self.error:
                log.warning("%s; waiting for it", error)
            was_ill, self.error = bool(self.error), error
            if was_ill and not error:
                log.warning("the engine answers again")
                self._back()
            await asyncio.sleep(_CHECK_IN_TROUBLE if error else _CHECK)

    async def _look(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE):
                info = await self._engine.info()
        except TimeoutError:
            return f"the Docker Engine does not answer: it has been silent for {_PATIENCE:g} s"
        except Unavailable as error:
            return str(error)
        except OrchestratorError as error:
            return f"the Docker Engine is in trouble: {error}"
        if info.version != self.info.version:
            log.info("the engine is %s %s now (API %s)", info.name, info.version, info.api_version)
        self.info = info
        return ""
