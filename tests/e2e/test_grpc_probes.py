"""Cases P01 and P03 for gRPC: probes of a real gRPC server in a pod.

No image with one is at hand: the container borrows the host's files, read-only, and runs the tests' own server.
"""

import sys
from typing import Any

import pytest

from tests import health_server
from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import is_ready, restarts, status_of
from tests.e2e.pods import pod, text

pytestmark = pytest.mark.races

PORT = 9000


def server(
    name: str, *, service: str | None = None, kinds: tuple[str, ...] = ("readiness",), **numbers: int
) -> Document:
    """A pod with a gRPC server that is probed once a second."""
    grpc: Document = {"port": PORT} | ({"service": service} if service is not None else {})
    probe = {"grpc": grpc, "periodSeconds": 1, "timeoutSeconds": 5, "failureThreshold": 1, **numbers}
    main: dict[str, Any] = {
        "name": "main",
        "image": "IMAGE",
        "command": ["chroot", "/host", sys.executable, str(health_server.__file__), str(PORT)],
        "volumeMounts": [{"name": "host", "mountPath": "/host", "readOnly": True}],
        **{f"{kind}Probe": probe for kind in kinds},
    }
    if "liveness" in kinds:
        main["startupProbe"] = {**probe, "failureThreshold": 60}
    return pod(name, main, volumes=[{"name": "host", "hostPath": {"path": "/"}}])


def tell(daemon: Daemon, name: str, signal: str) -> None:
    """Make the server ill (USR1) or well (USR2)."""
    daemon.exec(name, "kill", f"-{signal}", "1")


def test_P01_grpc_readiness_follows_the_server(daemon: Daemon) -> None:
    daemon.write(text(server("grpc-ready"), server("grpc-service", service="web")))
    for name in ("grpc-ready", "grpc-service"):
        daemon.wait_ready(name)
        tell(daemon, name, "USR1")
        seen = daemon.wait_pod(name, lambda p: not is_ready(p))
        words = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
        assert daemon.wait_event(name, "Unhealthy", text="NOT_SERVING")["message"] == words
        assert restarts(seen) == 0
        tell(daemon, name, "USR2")
        daemon.wait_ready(name)


def test_P01_grpc_liveness_and_startup(daemon: Daemon) -> None:
    """The server takes a while to answer: its startup probe fails until then, and harms nobody."""
    daemon.write(text(server("grpc-live", kinds=("liveness",))))
    seen = daemon.wait_ready("grpc-live")
    assert status_of(seen)["started"]
    assert restarts(seen) == 0
    tell(daemon, "grpc-live", "USR1")
    daemon.wait_pod("grpc-live", lambda p: restarts(p) == 1)
    told = daemon.wait_event("grpc-live", "Killing")["message"]
    assert told == "Container main failed liveness probe, will be restarted"
    daemon.wait_ready("grpc-live")


def test_P01_grpc_of_a_service_that_is_not_there(daemon: Daemon) -> None:
    daemon.write(text(server("grpc-unknown", service="nobody")))
    told = daemon.wait_event("grpc-unknown", "Unhealthy", text="unknown service")
    words = "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
    assert told["message"] == f"Readiness probe failed: {words}"
    assert not is_ready(daemon.pod("grpc-unknown"))


def test_P01_grpc_of_a_port_where_nobody_listens(daemon: Daemon) -> None:
    probe = {"grpc": {"port": PORT}, "periodSeconds": 1}
    main = {"name": "main", "image": "IMAGE", "command": ["sleep", "1000"], "readinessProbe": probe}
    daemon.write(text(pod("grpc-nobody", main)))
    message = daemon.wait_event("grpc-nobody", "Unhealthy")["message"]
    ip = daemon.pod("grpc-nobody")["status"]["podIP"]
    words = f'timeout: failed to connect service "{ip}:{PORT}" within 1s: context deadline exceeded'
    assert message == f"Readiness probe failed: {words}"
