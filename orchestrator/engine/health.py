"""Whether the engine answers: asked every few seconds, told once when it goes and once when it is back."""

import asyncio
import logging

from orchestrator.engine.base import Engine
from orchestrator.errors import OrchestratorError, Unavailable

log = logging.getLogger(__name__)

_CHECK = 5.0
"""Seconds between two looks."""


class EngineHealth:
    """One engine's health; those who need the engine try again by themselves."""

    def __init__(self, engine: Engine) -> None:
        self.error = ""
        """Why it does not answer, "" while it does."""
        self._engine = engine

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self._engine.info()
                if self.error:
                    log.warning("the engine answers again")
                self.error = ""
            except Unavailable as error:
                if not self.error:
                    log.warning("%s; waiting for it", error)
                self.error = str(error)
            except OrchestratorError as error:
                log.warning("%s", error)
            await asyncio.sleep(_CHECK)
