"""One call of the gRPC health service, for probes (behaviour case P01, `grpc`).

The library is an extra, `pip install orchestrator[grpc]`: it costs memory that most hosts need not spend, so it is
imported by the first probe that wants it.  The two messages have one field each and are written here by hand
(https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto).
"""

import asyncio
from typing import Any

from orchestrator.errors import OrchestratorError

_METHOD = "/grpc.health.v1.Health/Check"
_STATUS = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


class GrpcMissing(OrchestratorError):
    """The extra is not installed."""


async def grpc_check(address: str, service: str, seconds: float, agent: str) -> tuple[bool, str]:
    """Ask `address` ("10.0.0.2:9000") for the health of `service`: (serving, the kubelet's words when it is not).

    GrpcMissing where the extra is not installed.
    """
    # In a thread: the first import takes longer than the loop may stand still.
    grpc = await asyncio.to_thread(_library)
    options = (("grpc.primary_user_agent", agent), ("grpc.enable_http_proxy", 0))
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        call = channel.unary_unary(_METHOD, request_serializer=_request, response_deserializer=_status)
        try:
            # A port where nobody listens yet is asked again until the time is over, as by the kubelet.
            status: int = await call(service, timeout=seconds, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            connected = channel.get_state() is grpc.ChannelConnectivity.READY
            return False, _refusal(grpc, error, address, seconds, connected=connected)
    if status == _STATUS.index("SERVING"):
        return True, "service healthy"
    name = _STATUS[status] if status < len(_STATUS) else str(status)
    return False, f'service unhealthy (responded with "{name}")'


def _library() -> Any:
    try:
        import grpc
        import grpc.aio
    except ImportError as error:
        raise GrpcMissing("gRPC probes need the extra: pip install 'orchestrator[grpc]'") from error
    return grpc


def _refusal(grpc: Any, error: Any, address: str, seconds: float, *, connected: bool) -> str:
    code = error.code()
    if code is grpc.StatusCode.UNIMPLEMENTED:
        words = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        return f"error: {words}: {error.details()}"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and connected:
        return f"timeout: health rpc did not complete within {seconds:g}s"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f'timeout: failed to connect service "{address}" within {seconds:g}s: context deadline exceeded'
    return f"error: health rpc probe failed: rpc error: code = {_go_name(code)} desc = {error.details()}"


def _go_name(code: Any) -> str:
    """A status code as Go's library calls it: "NotFound"."""
    return "Canceled" if code.name == "CANCELLED" else str(code.name.title().replace("_", ""))


def _request(service: str) -> bytes:
    """HealthCheckRequest: field 1, the service's name; absent when empty."""
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def _status(message: bytes) -> int:
    """HealthCheckResponse: field 1, an enum; absent means 0.  Unknown fields are not expected, and end the reading."""
    if not message or message[0] != 0x08:
        return 0
    value, shift = 0, 0
    for byte in message[1:]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    return value


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
