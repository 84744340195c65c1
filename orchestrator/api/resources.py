"""GET of one object and of lists: `/api/v1/namespaces/{namespace}/{resource}/{name}` and what is shorter.

The same lies below `/apis/{group}/{version}` for the kinds of other groups.
"""

from aiohttp import web

from orchestrator.api.context import Context, flag, json_response
from orchestrator.api.discovery import kind_of_request
from orchestrator.api.selectors import Selector
from orchestrator.api.view import view_of
from orchestrator.api.watch import stream
from orchestrator.errors import NotFound
from orchestrator.objects import registry
from orchestrator.state.store import Key, Object


async def get_object(context: Context, request: web.Request) -> web.StreamResponse:
    """One object."""
    key = key_of_request(request)
    if key.kind == "Pod":
        await context.looked()
    obj = context.store.get(key)
    if obj is None:
        raise NotFound(f'{request.match_info["resource"]} "{key.name}" not found')
    return json_response(view_of(request, key.kind, context.clock()).one(obj))


async def list_objects(context: Context, request: web.Request) -> web.StreamResponse:
    """A list of one namespace or of all, or, with `watch=true`, the stream of what changes in it."""
    kind = kind_of_request(request)
    namespace = request.match_info.get("namespace")
    if namespace is not None and not registry.is_namespaced(kind):
        raise NotFound("the server could not find the requested resource")
    if kind == "Pod":
        await context.looked()
    view = view_of(request, kind, context.clock())
    if flag(request, "watch"):
        return await stream(context, request, namespace, _selector(request, kind), view)
    objects = selected(context, request, kind, namespace)
    if kind == "Event":
        # By name they would be in no order at all.
        objects.sort(key=lambda event: (event.last_timestamp, int(event.metadata.resource_version)))
    return json_response(view.many(objects, context.store.version))


def key_of_request(request: web.Request) -> Key:
    """Give the key that the path of one object means; NotFound for a kind that is none or not so placed."""
    kind = kind_of_request(request)
    namespace = request.match_info.get("namespace", "")
    if registry.is_namespaced(kind) is not bool(namespace):
        raise NotFound("the server could not find the requested resource")
    return Key(kind, namespace, request.match_info["name"])


def selected(context: Context, request: web.Request, kind: str, namespace: str | None) -> list[Object]:
    """Give what the request's selectors take of a kind; Invalid when they are not in the grammar."""
    selector = _selector(request, kind)
    return [obj for obj in context.store.list(kind, namespace) if selector.matches(obj)]


def _selector(request: web.Request, kind: str) -> Selector:
    return Selector(kind, request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""))
