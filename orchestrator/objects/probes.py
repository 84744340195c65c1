"""Probes and lifecycle hooks, and the handlers that both use."""

from typing import Literal

from orchestrator.objects.meta import Part, shown
from orchestrator.objects.scalars import IntOrString


class ExecAction(Part, frozen=True, kw_only=True):
    """Run a command in the container; exit code 0 is success."""

    command: tuple[str, ...] = ()


class HTTPHeader(Part, frozen=True, kw_only=True):
    """One header of a request."""

    name: str
    value: str


class HTTPGetAction(Part, frozen=True, kw_only=True):
    """GET a URL; 200 to 399 is success.  `host` is the pod's address unless set."""

    path: str = shown("/")
    port: IntOrString
    host: str = ""
    scheme: Literal["HTTP", "HTTPS"] = shown("HTTP")
    http_headers: tuple[HTTPHeader, ...] = ()


class TCPSocketAction(Part, frozen=True, kw_only=True):
    """Open a connection; that it opens is success."""

    port: IntOrString
    host: str = ""


class GRPCAction(Part, frozen=True, kw_only=True):
    """Ask the gRPC health service."""

    port: int
    service: str = ""


class SleepAction(Part, frozen=True, kw_only=True):
    """Wait, in seconds."""

    seconds: int


class Probe(Part, frozen=True, kw_only=True):
    """A repeated check, with exactly one handler.  Times are seconds.

    Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Probe.
    """

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = shown(10)
    timeout_seconds: int = shown(1)
    success_threshold: int = shown(1)
    failure_threshold: int = shown(3)
    termination_grace_period_seconds: int | None = None


class LifecycleHandler(Part, frozen=True, kw_only=True):
    """What a hook does: exactly one of these."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Part, frozen=True, kw_only=True):
    """What is done right after a container's start and before its end, and the signal that ends it."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str = ""
