"""`pods/{name}/log`: the bytes that a container wrote, as the engine kept them."""

import contextlib

from aiohttp import web

from orchestrator.api.context import Context, flag
from orchestrator.api.pods import attempts, container_name, find_pod, for_log
from orchestrator.errors import Invalid
from orchestrator.objects.times import parse_time


async def get_log(context: Context, request: web.Request) -> web.StreamResponse:
    """Query: container, follow, previous, tailLines, sinceSeconds, sinceTime, timestamps, limitBytes."""
    pod = find_pod(context, request.match_info["namespace"], request.match_info["name"])
    name = container_name(pod, request.query.get("container", ""))
    tail, limit = _number(request, "tailLines"), _number(request, "limitBytes")
    since = _since(request, context.clock())
    run = for_log(pod, name, await attempts(context, pod, name), previous=flag(request, "previous"))
    chunks = context.engine.logs(
        run.id, follow=flag(request, "follow"), tail=tail, since=since, timestamps=flag(request, "timestamps")
    )
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionResetError):
        async for _stream, chunk in chunks:
            part = chunk if limit is None else chunk[:limit]
            await response.write(part)
            limit = None if limit is None else limit - len(part)
            if limit == 0:
                break
    return response


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise Invalid(f"cannot read the log: {name} must be a whole number, not {text!r}")
    return int(text)


def _since(request: web.Request, now: float) -> float | None:
    seconds = _number(request, "sinceSeconds")
    if seconds is not None:
        return now - seconds
    text = request.query.get("sinceTime")
    try:
        return parse_time(text) if text else None
    except ValueError as error:
        raise Invalid(f"cannot read the log: sinceTime must be an RFC 3339 time, not {text!r}") from error
