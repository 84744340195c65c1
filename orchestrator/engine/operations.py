"""Counting calls to the engine, by the kubelet's names for calls to its container runtime."""

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import Conflict, NotFound
from orchestrator.metrics import Metrics

_CONTAINER = {
    ("GET", "json"): "container_status",
    ("POST", "create"): "create_container",
    ("POST", "start"): "start_container",
    ("POST", "kill"): "stop_container",
    ("POST", "unpause"): "unpause_container",
    ("POST", "wait"): "wait_container",
    ("POST", "exec"): "exec",
    ("DELETE", ""): "remove_container",
}
_OTHERS = {
    ("GET", "info"): "status",
    ("GET", "containers/json"): "list_containers",
    ("POST", "containers/create"): "create_container",
    ("GET", "networks"): "list_networks",
    ("POST", "networks/create"): "create_network",
}
_BY_KIND = {
    ("GET", "exec"): "exec_status",
    ("GET", "images"): "image_status",
    ("GET", "networks"): "network_status",
    ("DELETE", "networks"): "remove_network",
}


@contextmanager
def counted(metrics: Metrics, operation: str) -> Iterator[None]:
    """Count a call, how long it takes, and whether it fails.  That a thing is not there, or is there, is an answer."""
    metrics.engine_calls.inc(operation)
    with metrics.engine_seconds.timed(operation):
        try:
            yield
        except (NotFound, Conflict):
            raise
        except Exception:
            metrics.engine_errors.inc(operation)
            raise


def operation(method: str, path: str) -> str:
    """Name a call by method and path ("containers/3f.../start"); "other" for what is not in the tables."""
    if found := _OTHERS.get((method, path)):
        return found
    kind, _, rest = path.partition("/")
    if kind == "containers":
        return _CONTAINER.get((method, rest.partition("/")[2]), "other")
    return _BY_KIND.get((method, kind), "other")
