"""GET /metrics, on the socket and, where it is asked for, on a loopback address: who can ask there is on this host."""

import asyncio
import importlib
from typing import Any

from aiohttp import web

from orchestrator.api.context import Context


async def get_metrics(context: Context, _request: web.Request) -> web.StreamResponse:
    """Everything that is counted, as Prometheus text."""
    # The first time it takes a tenth of a second, and later none.
    exposition: Any = await asyncio.to_thread(importlib.import_module, "orchestrator.api.exposition")
    made = exposition.families(context.metrics, context.store.list("Pod"), context.daemon())
    body = await asyncio.to_thread(exposition.text, made)
    return web.Response(body=body, headers={"Content-Type": exposition.CONTENT_TYPE_LATEST})
