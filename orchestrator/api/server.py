"""The routes on a unix socket, and errors as Status objects."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler as WebHandler

from orchestrator import logs
from orchestrator.api.context import Context, Node, Rehearse, Route, json_response
from orchestrator.api.metrics import get_metrics
from orchestrator.api.peer import peer_uid
from orchestrator.api.routes import ROUTES
from orchestrator.api.socket_file import SocketFile
from orchestrator.api.status import StatusSource
from orchestrator.api.status_objects import failure, failure_of
from orchestrator.engine.base import Engine
from orchestrator.errors import Invalid, OrchestratorError
from orchestrator.metrics import Metrics
from orchestrator.settings import SOCKET_GROUP, loopback
from orchestrator.state.store import Store

log = logging.getLogger(__name__)

MAX_BODY = 64 * 2**20
"""Bytes of a request's body: the whole of a large spec folder."""
LOOK_SECONDS = 5.0
"""Between two looks whether the socket's file is there."""
STOP_SECONDS = 1.0
"""How long a request that has been cancelled may hold up a stop."""


class ApiServer:
    """Serves one daemon's store and engine."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        instance: str,
        clock: Callable[[], float],
        daemon: StatusSource,
        looked: Callable[[], Awaitable[None]],
        node: Node,
        rehearse: Rehearse,
        metrics: Metrics | None = None,
    ) -> None:
        """`clock` gives Unix seconds, `daemon` the daemon's state as of now.

        `looked` returns when what runs was looked at: who asks for pods before then would be told an older status.
        """
        rooms = Context(store, engine, instance, clock, daemon, looked, node, rehearse, metrics or Metrics())
        context = self._context = rooms
        app = web.Application(middlewares=[_errors_are_statuses], client_max_size=MAX_BODY)
        self._requests: set[asyncio.Task[Any]] = set()
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._bound(route, context))
        app.on_shutdown.append(self._end_requests)
        # A client that goes away ends its watch or log at once, not with the next change.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=STOP_SECONDS, access_log=None)
        self._file: SocketFile | None = None
        self._site: web.SockSite | None = None
        self._metrics: web.AppRunner | None = None

    async def start(self, path: Path, group: str = SOCKET_GROUP) -> None:
        """Serve on the socket `path`, for its owner and a group; its folder must be there.

        Conflict when another daemon answers on it.
        """
        self._file = SocketFile(path, group)
        await self._runner.setup()
        await self._serve(self._file)

    async def keep(self) -> None:
        """Look for ever whether the socket's file is there: without it nobody could ask for anything any more.

        A run folder may be emptied by a tidy user or a tidy program.
        """
        told = ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._file is None or self._file.is_there():
                continue
            try:
                fresh = self._file.again()
            except (OSError, OrchestratorError) as error:
                if str(error) != told:
                    log.warning("the socket's file is gone, and cannot be made again: %s", error)
                told = str(error)
                continue
            log.warning("somebody removed the socket's file: it is there again")
            told, before, self._file = "", self._file, fresh
            if self._site is not None:
                await self._site.stop()
            before.remove()
            await self._serve(fresh)

    async def _serve(self, file: SocketFile) -> None:
        self._site = web.SockSite(self._runner, file.socket)
        await self._site.start()

    async def serve_metrics(self, address: str) -> None:
        """Serve the metrics, and nothing else, on a loopback address such as "127.0.0.1:9100" too."""
        try:
            host, port = loopback(address)
        except ValueError as error:
            raise Invalid(str(error)) from error
        app = web.Application(middlewares=[_errors_are_statuses])
        app.router.add_get("/metrics", self._bound(Route("GET", "/metrics", get_metrics), self._context))
        self._metrics = web.AppRunner(app, shutdown_timeout=STOP_SECONDS, access_log=None)
        await self._metrics.setup()
        try:
            await web.TCPSite(self._metrics, host, port).start()
        except OSError as error:
            raise OrchestratorError(
                f"cannot serve metrics on {address}: {os.strerror(error.errno or 0).lower()}"
            ) from error

    async def stop(self) -> None:
        """End open requests and remove the socket's file; safe without a start, and twice."""
        if self._metrics is not None:
            await self._metrics.cleanup()
        await self._runner.cleanup()
        if self._file is not None:
            self._file.remove()
            self._file = None

    def _bound(self, route: Route, context: Context) -> WebHandler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if route.access == "write":
                log.info("user %d: %s %s", peer_uid(request), route.method, request.path)
            task = asyncio.current_task()
            assert task is not None
            self._requests.add(task)
            try:
                return await route.handler(context, request)
            finally:
                self._requests.discard(task)

        return handle

    async def _end_requests(self, _app: web.Application) -> None:
        """Watches and logs would go on for ever."""
        for task in self._requests:
            task.cancel()


@web.middleware
async def _errors_are_statuses(request: web.Request, handler: WebHandler) -> web.StreamResponse:
    """The root of a request: whatever happens in it ends here, as an answer.

    An answer that has begun cannot be replaced: its connection is closed, which says that it is not whole.
    """
    try:
        return await handler(request)
    except OrchestratorError as error:
        status = failure_of(error)
    except TimeoutError:
        status = failure(504, "Timeout", "cannot answer in time: the engine is too slow")
    except web.HTTPNotFound:
        status = failure(404, "NotFound", "the server could not find the requested resource")
    except web.HTTPMethodNotAllowed:
        status = failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    except web.HTTPException as error:
        status = failure(error.status, "BadRequest", error.text or error.reason)
    except Exception as error:
        # A client that goes away in the middle of its answer is no surprise.
        if not (_has_begun(request) and isinstance(error, ConnectionError)):
            logs.surprise(log, f"{request.method} {request.path}", error)
        status = failure(500, "InternalError", f"cannot answer: this should not happen: {logs.described(error)}")
    if _has_begun(request) and request.transport is not None:
        request.transport.close()
    return json_response(status, status["code"])


def _has_begun(request: web.Request) -> bool:
    """Whether something of its answer was sent."""
    return bool(request.writer.output_size)
