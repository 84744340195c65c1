"""The events of a Docker Engine, for ever: whatever becomes of the stream, whoever reads here misses nothing.

A stream that breaks is opened again, and its reader is told to look at everything.  One that only went deaf (something
between us and the engine holds a connection that is dead) looks like one where nothing happens; so after a while of
silence it is replaced by another that begins where it was: the engine has a short memory of events.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Protocol

import msgspec
from aiohttp import StreamReader

from orchestrator.engine import docker_convert as convert
from orchestrator.engine.base import EngineEvent
from orchestrator.engine.docker_streams import json_lines
from orchestrator.errors import OrchestratorError

RECONNECT_FIRST_SECONDS, RECONNECT_LAST_SECONDS = 0.1, 2.0
QUIET_SECONDS = 3.0
"""After so much silence the stream is replaced."""

_log = logging.getLogger(__name__)

_EVENTS = ("create", "start", "die", "oom", "destroy", "pause", "unpause", "rename", "disconnect")
_FILTERS = msgspec.json.encode({"type": ["container", "network"], "event": _EVENTS}).decode()
_LATE_SECONDS = 0.5
"""What happened so long before a stream was given up, and came with the next one, shows that it was deaf."""


class Client(Protocol):
    """What this file needs of the engine's client."""

    async def negotiate(self) -> dict[str, Any]:
        """Agree on the API version."""
        ...

    def stream(
        self, method: str, path: str, params: Sequence[tuple[str, str]] = ()
    ) -> AbstractAsyncContextManager[StreamReader]:
        """A request whose answer flows."""
        ...


async def events(client: Client) -> AsyncIterator[EngineEvent]:
    """See `Engine.events`."""
    delay = RECONNECT_FIRST_SECONDS
    while True:
        try:
            async with aclosing(_until_it_breaks(client)) as stream:
                async for event in stream:
                    delay = RECONNECT_FIRST_SECONDS
                    yield event
        except OrchestratorError as error:
            _log.debug("events: %s", error)
        await asyncio.sleep(delay)
        delay = min(delay * 2, RECONNECT_LAST_SECONDS)


async def _until_it_breaks(client: Client) -> AsyncGenerator[EngineEvent, None]:
    """One stream after another, each where the one before has ended."""
    # It may be another engine than before.
    await client.negotiate()
    # The engine answers before it subscribes us; `since` brings back what happened in between.
    given_up = 0.0
    last = EngineEvent("reconnected", "", {}, time.time())
    since = last.at
    while True:
        async with client.stream("GET", "events", [("since", f"{since:.9f}"), ("filters", _FILTERS)]) as content:
            if not given_up:
                yield last
            messages = json_lines(content)
            while (message := await _next(messages)) is not None:
                event = convert.event(message)
                if event == last or not event.container_id:
                    continue
                if event.at < given_up - _LATE_SECONDS:
                    # The engine remembers a few hundred events only: there may have been more.
                    given_up = 0.0
                    yield EngineEvent("reconnected", "", {}, event.at)
                last = event
                yield event
        given_up = time.time()
        # The clock may have been set back since the last event.
        since = min(last.at, given_up)


async def _next(messages: AsyncIterator[dict[str, Any]]) -> dict[str, Any] | None:
    """The next message; None when it is quiet.  OrchestratorError at the stream's end."""
    try:
        async with asyncio.timeout(QUIET_SECONDS):
            return await anext(messages)
    except TimeoutError:
        return None
    except StopAsyncIteration as error:
        raise OrchestratorError("the stream of events has ended") from error
