"""Everything that can be asked, one row each.  A row whose access is "write" is logged with who asked."""

from orchestrator.api import daemon, deletion, discovery, exec_stream, logs, plan, resources
from orchestrator.api.context import Route

_POD = "/api/v1/namespaces/{namespace}/pods/{name:[^/]+}"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", daemon.healthz),
    Route("GET", "/livez", daemon.healthz),
    Route("GET", "/readyz", daemon.readyz),
    Route("GET", "/version", discovery.version),
    Route("GET", "/api", discovery.versions),
    Route("GET", "/apis", discovery.groups),
    Route("GET", "/api/v1", discovery.resources),
    Route("GET", "/orchestrator/v1/status", daemon.get_status),
    Route("POST", "/orchestrator/v1/plan", plan.plan),
    Route("GET", _POD + "/log", logs.get_log),
    Route("GET", _POD + "/exec", exec_stream.run_command, "write"),
    Route("GET", "/api/v1/{resource}", resources.list_objects),
    Route("GET", "/api/v1/{resource}/{name:[^/]+}", resources.get_object),
    Route("GET", "/api/v1/namespaces/{namespace}/{resource}", resources.list_objects),
    Route("GET", "/api/v1/namespaces/{namespace}/{resource}/{name:[^/]+}", resources.get_object),
    Route("DELETE", "/api/v1/{resource}/{name:[^/]+}", deletion.delete_object, "write"),
    Route("DELETE", "/api/v1/namespaces/{namespace}/{resource}", deletion.delete_collection, "write"),
    Route("DELETE", "/api/v1/namespaces/{namespace}/{resource}/{name:[^/]+}", deletion.delete_object, "write"),
)
