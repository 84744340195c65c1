"""What clients ask before anything else: the version, the groups, and which resources there are."""

import platform

from aiohttp import web

from orchestrator import __version__
from orchestrator.api.context import Context, json_response
from orchestrator.api.deleters import DELETERS
from orchestrator.errors import NotFound
from orchestrator.objects import registry

KUBERNETES = ("1", "34")
"""The Kubernetes version whose shapes the API has."""
CATEGORY_ALL = ("Pod", "Service")
"""What `get all` shows."""


def kind_of_resource(plural: str) -> str:
    """Give the kind behind a URL's word; NotFound in the API server's words."""
    for row in registry.TABLE:
        if row.plural == plural and row.api_version == "v1":
            return row.kind
    raise NotFound("the server could not find the requested resource")


async def version(_context: Context, _request: web.Request) -> web.StreamResponse:
    """`/version`, with our own under gitVersion after the Kubernetes version that it speaks."""
    major, minor = KUBERNETES
    return json_response(
        {
            "major": major,
            "minor": minor,
            "gitVersion": f"v{major}.{minor}.0+orchestrator-{__version__}",
            "gitCommit": "",
            "gitTreeState": "",
            "buildDate": "",
            "goVersion": "",
            "compiler": f"python{platform.python_version()}",
            "platform": f"{platform.system().lower()}/{platform.machine()}",
        }
    )


async def versions(_context: Context, _request: web.Request) -> web.StreamResponse:
    """`/api`: the versions of the core group."""
    return json_response({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})


async def groups(_context: Context, _request: web.Request) -> web.StreamResponse:
    """`/apis`: all other groups; there is none yet."""
    return json_response({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})


async def resources(_context: Context, _request: web.Request) -> web.StreamResponse:
    """`/api/v1`: the core resources, their short names and categories."""
    rows = [_resource(row) for row in registry.TABLE if row.api_version == "v1"]
    rows += [_subresource("pods/log", ["get"]), _subresource("pods/exec", ["create", "get"], "PodExecOptions")]
    return json_response({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": rows})


def _resource(row: registry.Kind) -> dict[str, object]:
    resource: dict[str, object] = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": [*(("delete", "deletecollection") if row.kind in DELETERS else ()), "get", "list", "watch"],
    }
    if row.short_names:
        resource["shortNames"] = list(row.short_names)
    if row.kind in CATEGORY_ALL:
        resource["categories"] = ["all"]
    return resource


def _subresource(name: str, verbs: list[str], kind: str = "Pod") -> dict[str, object]:
    return {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs}
