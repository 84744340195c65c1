"""The node, as an object that can be read: what it has, and how it is.  It is in no spec, and nobody writes it."""

import platform
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from orchestrator import __version__
from orchestrator.api.context import Context, json_response
from orchestrator.api.tables import table
from orchestrator.api.view import view_of
from orchestrator.errors import NotFound
from orchestrator.objects.times import format_time
from orchestrator.planning.pressure import CONDITIONS

Document = dict[str, Any]
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


async def list_nodes(context: Context, request: web.Request) -> web.StreamResponse:
    """The one node that there is."""
    now, version = context.clock(), context.store.version
    node = node_document(context)
    if view_of(request, "Node", now).as_table:
        return json_response(table("Node", [(node, node)], now, version))
    meta = {"resourceVersion": str(version)}
    return json_response({"kind": "NodeList", "apiVersion": "v1", "metadata": meta, "items": [node]})


async def get_node(context: Context, request: web.Request) -> web.StreamResponse:
    """The node by its name."""
    name, now = request.match_info["name"], context.clock()
    node = node_document(context)
    if name != context.node.facts.name:
        raise NotFound(f'nodes "{name}" not found')
    as_table = view_of(request, "Node", now).as_table
    return json_response(table("Node", [(node, node)], now, context.store.version) if as_table else node)


def node_document(context: Context) -> Document:
    """Give the node as a document of Kubernetes."""
    facts, status = context.node.facts, context.daemon()
    machine = platform.machine()
    architecture = _ARCHITECTURES.get(machine, machine)
    labels = {
        "kubernetes.io/hostname": facts.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
    }
    engine = f"docker://{status.engine.version}"
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": facts.name, "labels": labels, "creationTimestamp": format_time(status.started_at)},
        "spec": {},
        "status": {
            "capacity": _quantities(facts.capacity),
            "allocatable": _quantities(facts.allocatable),
            "conditions": [
                *(_pressure(name, holds=name in context.node.pressure()) for name in CONDITIONS.values()),
                _condition("Ready", not status.engine.error, status.engine.error),
            ],
            "addresses": [
                {"type": "InternalIP", "address": facts.ip},
                {"type": "Hostname", "address": facts.name},
            ],
            "nodeInfo": {
                "kernelVersion": platform.release(),
                "operatingSystem": "linux",
                "architecture": architecture,
                "containerRuntimeVersion": engine,
                "kubeletVersion": f"orchestrator-{__version__}",
            },
        },
    }


def _pressure(name: str, *, holds: bool) -> Document:
    about, which = name.removesuffix("Pressure"), "Insufficient" if holds else "Sufficient"
    reason = f"KubeletHas{which}{about}" if about == "Memory" else f"KubeletHas{'' if holds else 'No'}{name}"
    return {"type": name, "status": "True" if holds else "False", "reason": reason}


def _condition(name: str, holds: bool, message: str) -> Document:
    told = {"type": name, "status": "True" if holds else "False"}
    return told | ({"message": message} if message else {})


def _quantities(amounts: Mapping[str, int]) -> dict[str, str]:
    return {name: _quantity(name, value) for name, value in amounts.items()}


def _quantity(name: str, value: int) -> str:
    if name != "cpu":
        return str(value)
    return f"{value}m" if value % 1000 else str(value // 1000)
