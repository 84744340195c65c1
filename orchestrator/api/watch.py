"""`?watch=true`: a stream of JSON lines, one for each change that the client's selectors see.

An object that begins to match is ADDED, one that no longer does is DELETED, whatever happened to it in the store.
A version that the history no longer holds (or one of an earlier daemon) is answered 410: the client lists again.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from orchestrator.api.context import Context, flag
from orchestrator.api.selectors import Selector
from orchestrator.api.status_objects import failure_of
from orchestrator.api.view import View
from orchestrator.errors import Invalid
from orchestrator.state.store import Change, Expired, Watch

BOOKMARK_EVERY = 60.0
"""Seconds without a change after which a client that asked for bookmarks gets one."""

Line = dict[str, Any]


async def stream(
    context: Context, request: web.Request, namespace: str | None, selector: Selector, view: View
) -> web.StreamResponse:
    """Send changes until the client goes or `timeoutSeconds` are over.  Expired before the first byte is a 410."""
    asked = request.query.get("resourceVersion", "")
    timeout = request.query.get("timeoutSeconds", "")
    if not (asked or "0").isdigit() or not (timeout or "0").isdigit():
        raise Invalid("cannot watch: resourceVersion and timeoutSeconds are whole numbers")
    everything = asked in ("", "0") and request.query.get("sendInitialEvents") != "false"
    start = context.store.version if everything or asked in ("", "0") else int(asked)
    if start > context.store.version:
        raise Expired(f"too large resource version: {start}, current: {context.store.version}")
    watch = context.store.watch(start)
    lines = _lines(context, watch, namespace, selector, view, bookmarks=flag(request, "allowWatchBookmarks"))
    first = [] if start == context.store.version else await anext(lines)
    if everything or flag(request, "sendInitialEvents"):
        first = _initial(context, namespace, selector, view, bookmark=flag(request, "sendInitialEvents"))
        watch.version = context.store.version
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache"})
    await response.prepare(request)
    await _send(response, first)
    with contextlib.suppress(ConnectionResetError, TimeoutError):
        async with asyncio.timeout(int(timeout) if timeout else None):
            async for batch in lines:
                await _send(response, batch)
    return response


def _initial(context: Context, namespace: str | None, selector: Selector, view: View, *, bookmark: bool) -> list[Line]:
    found = [obj for obj in context.store.list(view.kind, namespace) if selector.matches(obj)]
    lines: list[Line] = [{"type": "ADDED", "object": view.one(obj)} for obj in found]
    if bookmark:
        lines.append({"type": "BOOKMARK", "object": view.bookmark(context.store.version, end_of_initial=True)})
    return lines


async def _lines(
    context: Context, watch: Watch, namespace: str | None, selector: Selector, view: View, *, bookmarks: bool
) -> AsyncIterator[list[Line]]:
    """What is sent for each batch of changes; ends with an ERROR line when the client has fallen behind."""
    sent = False
    while True:
        try:
            async with asyncio.timeout(BOOKMARK_EVERY):
                changes = await watch.next()
        except TimeoutError:
            if bookmarks:
                yield [{"type": "BOOKMARK", "object": view.bookmark(watch.version)}]
            continue
        except Expired as error:
            if not sent:
                raise
            yield [{"type": "ERROR", "object": failure_of(error)}]
            return
        sent = True
        fresh = dataclasses.replace(view, now=context.clock())
        seen = (_line(change, namespace, selector, fresh) for change in changes if change.key.kind == view.kind)
        yield [line for line in seen if line is not None]


def _line(change: Change, namespace: str | None, selector: Selector, view: View) -> Line | None:
    if namespace not in (None, change.key.namespace):
        return None
    before = change.previous is not None and selector.matches(change.previous)
    after = change.type != "DELETED" and selector.matches(change.object)
    if not before and not after:
        return None
    word = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
    return {"type": word, "object": view.one(change.object)}


async def _send(response: web.StreamResponse, lines: list[Line]) -> None:
    if lines:
        await response.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
