"""What other specs would do to what runs: POST /orchestrator/v1/plan with {"documents": [...]}; nothing is changed.

The documents are the whole of the specs, each one object.  The answer is {"steps": [...], "summary": "..."}: what this
daemon would do of it, by its own settings.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from aiohttp import web

from orchestrator.api.context import Context, json_response
from orchestrator.errors import Invalid
from orchestrator.objects import registry
from orchestrator.planning.config_preview import Name
from orchestrator.planning.identity import is_over
from orchestrator.planning.namespaces import implied_namespaces
from orchestrator.planning.preview import Step, Verdicts, preview, summary
from orchestrator.state.store import IMPLIED, SPECS, Key, Object, key_of


async def plan(context: Context, request: web.Request) -> web.StreamResponse:
    """Compare the documents with what the folder has given so far; Invalid names the first that is none."""
    body = await request.read()
    store = context.store
    current = {_name(key): obj for key, obj in store.owned(SPECS, IMPLIED).items()}
    over = frozenset(_name(key_of(pod)) for pod in store.list("Pod") if _has_ended(pod))
    judge = context.rehearse()
    # Thousands of documents take a second; probes and watches go on meanwhile.
    steps = await asyncio.to_thread(_steps, body, current, judge, over)
    return json_response({"steps": msgspec.to_builtins(steps), "summary": summary(steps)})


def _has_ended(pod: Object) -> bool:
    """In the place of one that is being deleted another comes in any case."""
    return is_over(pod.status) and not pod.metadata.deletion_timestamp


def _steps(
    body: bytes, current: dict[Name, Object], judge: Callable[[Sequence[Object]], Verdicts], over: Collection[Name]
) -> tuple[Step, ...]:
    objects = [_object(document) for document in _documents(body)]
    every = (*implied_namespaces(objects), *objects)
    return preview(current, {_name(key_of(obj)): obj for obj in every}, judge(objects), over)


def _documents(body: bytes) -> list[Any]:
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Invalid(f"cannot read the request: {error}") from error
    found = document.get("documents") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise Invalid('cannot read the request: it must be a mapping with a list of "documents"')
    return found


def _object(document: Any) -> Object:
    obj, problems = registry.decode(document, lenient=True)
    if obj is None:
        raise Invalid("; ".join(str(problem) for problem in problems))
    return obj


def _name(key: Key) -> Name:
    return key.kind, key.namespace, key.name
