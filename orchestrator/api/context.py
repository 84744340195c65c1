"""What every handler is given, and what every route is."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec
from aiohttp import web

from orchestrator.api.status import StatusSource
from orchestrator.engine.base import Engine
from orchestrator.metrics import Metrics
from orchestrator.objects.meta import Object
from orchestrator.planning.consumption import Consumption
from orchestrator.planning.preview import Verdicts
from orchestrator.planning.surroundings import NodeFacts
from orchestrator.state.store import Store

Access = Literal["read", "write"]


class Node(Protocol):
    """The host, as far as the API tells of it."""

    @property
    def facts(self) -> NodeFacts:
        """What it is."""
        ...

    async def consumption(self) -> Consumption:
        """What is used now; it takes a second when nobody has asked lately."""
        ...

    def pressure(self) -> Collection[str]:
        """The conditions that say what it is short of ("MemoryPressure")."""
        ...


Rehearse = Callable[[], Callable[[Sequence[Object]], Verdicts]]
"""Copies what is known now; what it gives says, in whatever thread, what the daemon would say of other specs."""


@dataclass(frozen=True, slots=True)
class Context:
    """The rooms that the API shows.  `clock` gives Unix seconds; `looked` returns once statuses are of now."""

    store: Store
    engine: Engine
    instance: str
    clock: Callable[[], float]
    daemon: StatusSource
    looked: Callable[[], Awaitable[None]]
    node: Node
    rehearse: Rehearse
    metrics: Metrics = field(default_factory=Metrics)


Handler = Callable[[Context, web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table: who may is `access`; whoever writes is named in the log."""

    method: str
    path: str
    handler: Handler
    access: Access = "read"


def json_response(document: Any, code: int = 200) -> web.Response:
    """Answer with a document as JSON."""
    return web.Response(body=msgspec.json.encode(document), status=code, content_type="application/json")


def flag(request: web.Request, name: str) -> bool:
    """Say whether a query parameter is set to true, as Kubernetes' clients write it."""
    return request.query.get(name, "").lower() in ("true", "1")
