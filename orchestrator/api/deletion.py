"""DELETE of one object, and of those that a selector takes, as Kubernetes' API server answers it.

What can be deleted is in `deleters`.  What was answered holds: it is on disk before.  What whoever asked should know
besides the object is in a `Warning` header, which kubectl prints too.
"""

import json

from aiohttp import web

from orchestrator.api.context import Context, json_response
from orchestrator.api.delete_options import DeleteOptions, options_of
from orchestrator.api.deleters import DELETERS, Deleted, file_of
from orchestrator.api.discovery import kind_of_request
from orchestrator.api.resources import key_of_request, selected
from orchestrator.api.status_objects import failure
from orchestrator.api.view import view_of
from orchestrator.errors import NotFound
from orchestrator.state.store import Key, Object


async def delete_object(context: Context, request: web.Request) -> web.StreamResponse:
    """Delete one object and give it as it then is: a Pod with its deletionTimestamp."""
    key, resource = key_of_request(request), request.match_info["resource"]
    obj = context.store.get(key)
    if obj is None:
        raise NotFound(f'{resource} "{key.name}" not found')
    if key.kind not in DELETERS:
        return _refusal(f'cannot delete {resource} "{key.name}": {_where(context, key)}')
    deleted = _delete(context, key, resource, obj, await options_of(request))
    await context.store.durable()
    response = json_response(view_of(request, key.kind, context.clock()).one(deleted.object))
    if deleted.note:
        # A JSON string is a quoted-string of HTTP, whatever the name of a file has in it.
        response.headers["Warning"] = f"299 - {json.dumps(deleted.note)}"
    return response


async def delete_collection(context: Context, request: web.Request) -> web.StreamResponse:
    """Delete what the selectors take in one namespace, and give the list of it."""
    resource = request.match_info["resource"]
    kind = kind_of_request(request)
    if kind not in DELETERS:
        return _refusal(f"cannot delete {resource}: the folder is the source: remove their documents from it")
    options = await options_of(request)
    objects = selected(context, request, kind, request.match_info["namespace"])
    deleted = [
        _delete(context, Key(kind, obj.metadata.namespace, obj.metadata.name), resource, obj, options).object
        for obj in objects
    ]
    await context.store.durable()
    return json_response(view_of(request, kind, context.clock()).many(deleted, context.store.version))


def _delete(context: Context, key: Key, resource: str, obj: Object, options: DeleteOptions) -> Deleted:
    if options.preconditions is not None:
        options.preconditions.check(resource, obj)
    if options.dry_run:
        return Deleted(obj)
    return DELETERS[key.kind](context.store, key, options.grace_period_seconds)


def _where(context: Context, key: Key) -> str:
    """What to do instead."""
    record = context.store.record(key)
    if record is None or not record.source:
        return "it is made by the daemon, and goes with what it is made for"
    return f"the folder is the source: remove the document from {file_of(record.source)}"


def _refusal(message: str) -> web.Response:
    return json_response(failure(405, "MethodNotAllowed", message), 405)
