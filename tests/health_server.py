"""A real gRPC server with the health service: on 127.0.0.1 in the test's own process, or run as a program in a pod."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc

SERVING, NOT_SERVING = 1, 2


@dataclass
class Health:
    """What a server answers, by service ("" is the server itself), and what it was asked.

    A service that is not there is unknown.  With `hangs`, no question is answered.
    """

    services: dict[str, int] = field(default_factory=lambda: {"": SERVING})
    hangs: bool = False
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Service and user agent of each question."""
    ends: threading.Event = field(default_factory=threading.Event)

    def check(self, service: str, context: grpc.ServicerContext) -> bytes:
        """grpc.health.v1.Health/Check, with its messages as bytes: field 1 of each."""
        metadata: dict[str, Any] = dict(context.invocation_metadata())
        self.asked.append((service, str(metadata.get("user-agent", ""))))
        if self.hangs:
            self.ends.wait(60)
        if service not in self.services:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        status = self.services[service]
        return bytes((0x08, status)) if status else b""


@contextlib.contextmanager
def serving(health: Health, address: str = "127.0.0.1:0", *, implemented: bool = True) -> Iterator[Health]:
    """Serve, on a free port; not `implemented` is a gRPC server without the health service."""
    check = grpc.unary_unary_rpc_method_handler(health.check, _service, lambda answer: answer)
    handlers = [grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})] if implemented else []
    with ThreadPoolExecutor(4) as workers:
        server = grpc.server(workers, handlers=handlers)
        health.port = server.add_insecure_port(address)
        server.start()
        try:
            yield health
        finally:
            health.ends.set()
            server.stop(None).wait(5)


def _service(request: bytes) -> str:
    """HealthCheckRequest: field 1 (tag, length as varint, name); absent when empty."""
    rest = request[1:]
    while rest and rest[0] & 0x80:
        rest = rest[1:]
    return rest[1:].decode()


def main() -> None:
    """Serve on a port of every address until killed; SIGUSR1 and SIGUSR2 make the server, and "web", ill and well."""
    health = Health({"": SERVING, "web": SERVING})

    def become(status: int) -> None:
        health.services = dict.fromkeys(health.services, status)

    signal.signal(signal.SIGUSR1, lambda *_: become(NOT_SERVING))
    signal.signal(signal.SIGUSR2, lambda *_: become(SERVING))
    with serving(health, f"0.0.0.0:{sys.argv[1]}"):
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
