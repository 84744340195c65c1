"""Everything that can be asked, one row each.  A row whose access is "write" is logged with who asked."""

from orchestrator.api import daemon, deletion, discovery, exec_stream, logs, metrics, node, plan, resources, usage
from orchestrator.api.context import Route

_POD = "/api/v1/namespaces/{namespace}/pods/{name:[^/]+}"

_ROOTS = ("/api/v1", "/apis/{group}/{version}")


def _objects(root: str) -> tuple[Route, ...]:
    """The rows of every kind of a group."""
    everywhere, there = f"{root}/{{resource}}", f"{root}/namespaces/{{namespace}}/{{resource}}"
    name = "/{name:[^/]+}"
    return (
        Route("GET", everywhere, resources.list_objects),
        Route("GET", everywhere + name, resources.get_object),
        Route("GET", there, resources.list_objects),
        Route("GET", there + name, resources.get_object),
        Route("DELETE", everywhere + name, deletion.delete_object, "write"),
        Route("DELETE", there, deletion.delete_collection, "write"),
        Route("DELETE", there + name, deletion.delete_object, "write"),
    )


def _usage(root: str) -> tuple[Route, ...]:
    """The rows of what is used now."""
    return (
        Route("GET", f"{root}/pods", usage.list_pods),
        Route("GET", f"{root}/namespaces/{{namespace}}/pods", usage.list_pods),
        Route("GET", f"{root}/namespaces/{{namespace}}/pods/{{name:[^/]+}}", usage.get_pod),
        Route("GET", f"{root}/nodes", usage.list_nodes),
        Route("GET", f"{root}/nodes/{{name:[^/]+}}", usage.get_node),
    )


ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", daemon.healthz),
    Route("GET", "/livez", daemon.healthz),
    Route("GET", "/readyz", daemon.readyz),
    Route("GET", "/metrics", metrics.get_metrics),
    Route("GET", "/version", discovery.version),
    Route("GET", "/api", discovery.versions),
    Route("GET", "/apis", discovery.groups),
    Route("GET", "/apis/{group}", discovery.group),
    *(Route("GET", root, discovery.resources) for root in _ROOTS),
    Route("GET", "/orchestrator/v1/status", daemon.get_status),
    Route("GET", "/orchestrator/v1/doctor", daemon.get_doctor),
    Route("POST", "/orchestrator/v1/plan", plan.plan),
    Route("GET", _POD + "/log", logs.get_log),
    Route("GET", _POD + "/exec", exec_stream.run_command, "write"),
    Route("GET", "/api/v1/nodes", node.list_nodes),
    Route("GET", "/api/v1/nodes/{name:[^/]+}", node.get_node),
    *_usage(f"/apis/{usage.VERSION}"),
    *(row for root in _ROOTS for row in _objects(root)),
)
