"""What is used now, in the shapes of metrics.k8s.io/v1beta1, so that `kubectl top` reads it too."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from orchestrator.api.context import Context, json_response
from orchestrator.api.selectors import Selector
from orchestrator.errors import NotFound
from orchestrator.objects.pod import Pod
from orchestrator.objects.times import format_time
from orchestrator.planning.consumption import Consumption, Process, Used

VERSION = "metrics.k8s.io/v1beta1"
RESOURCES = (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))
"""Names, kinds, and whether they are of a namespace."""
Document = dict[str, Any]


async def list_pods(context: Context, request: web.Request) -> web.StreamResponse:
    """All pods that run, of one namespace or of all."""
    namespace = request.match_info.get("namespace")
    selector = Selector("Pod", request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""))
    now = await context.node.consumption()
    pods = [pod for pod in context.store.list("Pod", namespace) if selector.matches(pod)]
    items = [found for pod in pods if (found := _pod(pod, now))]
    return json_response({"kind": "PodMetricsList", "apiVersion": VERSION, "metadata": {}, "items": items})


async def get_pod(context: Context, request: web.Request) -> web.StreamResponse:
    """One pod; NotFound when nothing of it runs."""
    namespace, name = request.match_info["namespace"], request.match_info["name"]
    now = await context.node.consumption()
    for pod in context.store.list("Pod", namespace):
        if pod.metadata.name == name and (found := _pod(pod, now)):
            return json_response({"kind": "PodMetrics", "apiVersion": VERSION, **found})
    raise NotFound(f'podmetrics.metrics.k8s.io "{namespace}/{name}" not found')


async def list_nodes(context: Context, _request: web.Request) -> web.StreamResponse:
    """The one node that there is."""
    items = [_node(context, await context.node.consumption())]
    return json_response({"kind": "NodeMetricsList", "apiVersion": VERSION, "metadata": {}, "items": items})


async def get_node(context: Context, request: web.Request) -> web.StreamResponse:
    """The node by its name."""
    name = request.match_info["name"]
    if name != context.node.facts.name:
        raise NotFound(f'nodemetrics.metrics.k8s.io "{name}" not found')
    found = _node(context, await context.node.consumption())
    return json_response({"kind": "NodeMetrics", "apiVersion": VERSION, **found})


def _pod(pod: Pod, now: Consumption) -> Document | None:
    meta = pod.metadata
    own = [(process, used) for process, used in now.containers if _whose(process) == (meta.namespace, meta.name)]
    if not own:
        return None
    order = {c.name: place for place, c in enumerate(pod.spec.every_container)}
    own.sort(key=lambda each: order.get(each[0].container, len(order)))
    containers = [{"name": process.container, "usage": _usage(used)} for process, used in own]
    about = {"name": meta.name, "namespace": meta.namespace, "labels": dict(meta.labels)}
    return {**_told(about, meta.creation_timestamp, now), "containers": containers}


def _node(context: Context, now: Consumption) -> Document:
    return {**_told({"name": context.node.facts.name}, format_time(now.at), now), "usage": _usage(now.host)}


def _told(about: Mapping[str, Any], created: str, now: Consumption) -> Document:
    metadata = {**about, "creationTimestamp": created}
    return {"metadata": metadata, "timestamp": format_time(now.at), "window": f"{now.window:.3f}s"}


def _usage(used: Used) -> Document:
    return {"cpu": f"{used.nano_cores}n", "memory": f"{used.memory_bytes // 1024}Ki"}


def _whose(process: Process) -> tuple[str, str]:
    return process.namespace, process.pod


def resource_rows() -> Iterable[Document]:
    """What discovery tells of them."""
    for name, kind, namespaced in RESOURCES:
        yield {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}
