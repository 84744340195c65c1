"""What clients ask before anything else: the version, the groups, and which resources there are."""

import platform

from aiohttp import web

from orchestrator import __version__
from orchestrator.api import usage
from orchestrator.api.context import Context, json_response
from orchestrator.api.deleters import DELETERS
from orchestrator.errors import NotFound
from orchestrator.objects import registry

KUBERNETES = ("1", "34")
"""The Kubernetes version whose shapes the API has."""
CATEGORY_ALL = ("Pod", "Service")
"""What `get all` shows."""
NODES = {
    "name": "nodes",
    "singularName": "node",
    "namespaced": False,
    "kind": "Node",
    "verbs": ["get", "list"],
    "shortNames": ["no"],
}
"""The node is in no spec, and so not in the table of kinds."""
_NOT_FOUND = "the server could not find the requested resource"


def kind_of_request(request: web.Request) -> str:
    """Give the kind behind a URL's group, version and plural; NotFound in the API server's words."""
    plural, version = request.match_info["resource"], _api_version(request)
    for row in registry.TABLE:
        if (row.plural, row.api_version) == (plural, version):
            return row.kind
    raise NotFound(_NOT_FOUND)


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
    """`/apis`: all other groups, each in one version."""
    found = [_group(version) for version in _versions()]
    return json_response({"kind": "APIGroupList", "apiVersion": "v1", "groups": found})


async def group(_context: Context, request: web.Request) -> web.StreamResponse:
    """`/apis/GROUP`: its versions."""
    name = request.match_info["group"]
    for version in _versions():
        if version.rpartition("/")[0] == name:
            return json_response({"kind": "APIGroup", "apiVersion": "v1", **_group(version)})
    raise NotFound(_NOT_FOUND)


async def resources(_context: Context, request: web.Request) -> web.StreamResponse:
    """`/api/v1` or `/apis/GROUP/VERSION`: its resources, their short names and categories."""
    version = _api_version(request)
    rows = [_resource(row) for row in registry.TABLE if row.api_version == version]
    rows += usage.resource_rows() if version == usage.VERSION else ()
    if not rows:
        raise NotFound(_NOT_FOUND)
    if version == "v1":
        rows += [NODES]
        rows += [_subresource("pods/log", ["get"]), _subresource("pods/exec", ["create", "get"], "PodExecOptions")]
    return json_response({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows})


def _api_version(request: web.Request) -> str:
    """Give the apiVersion that a path means: "v1" below /api, "GROUP/VERSION" below /apis."""
    name = request.match_info.get("group")
    return f"{name}/{request.match_info['version']}" if name else "v1"


def _versions() -> tuple[str, ...]:
    """All groups but the core one, each with its version."""
    return (*dict.fromkeys(row.api_version for row in registry.TABLE if "/" in row.api_version), usage.VERSION)


def _group(api_version: str) -> dict[str, object]:
    name, _, version = api_version.rpartition("/")
    only = {"groupVersion": api_version, "version": version}
    return {"name": name, "versions": [only], "preferredVersion": only}


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
