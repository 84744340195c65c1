"""gRPC liveness against a real server on 127.0.0.1, in real time (docs/conformance.md)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from orchestrator.planning.surroundings import Surroundings
from tests.component.node.house import Daemon, Engine

SERVING = b"\x08\x01"
"""HealthCheckResponse with status SERVING."""


class Local(Daemon):
    """A daemon whose host, and so every pod on the host's network, is 127.0.0.1."""

    def _surroundings(self, namespace: str) -> Surroundings:
        around = super()._surroundings(namespace)
        return replace(around, node=replace(around.node, ip="127.0.0.1"))


@pytest.fixture
async def local(engine: Engine, tmp_path: Path) -> AsyncIterator[Local]:
    async with Local(engine, tmp_path) as running:
        yield running


class Health:
    """A server of grpc.health.v1, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.often = asyncio.Event()
        """Set when it is asked for the third time."""
        self.port = 0

    async def __aenter__(self) -> "Health":
        self._server = grpc.aio.server()
        handlers = {"Check": grpc.unary_unary_rpc_method_handler(self._check)}
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),)
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._server.stop(0)

    async def _check(self, request: bytes, context: Any) -> bytes:
        self.asked += 1
        if self.asked == 3:
            self.often.set()
        return SERVING


def probed(port: int, limit: int = 20) -> str:
    """A pod on the host's network with a gRPC liveness probe whose first failure counts."""
    probe = f"livenessProbe: {{grpc: {{port: {port}}}, periodSeconds: 1, timeoutSeconds: {limit}, failureThreshold: 1}}"
    return f"hostNetwork: true\ncontainers: [{{name: web, image: 'web:1', {probe}}}]"


async def test_P01_grpc_liveness_that_is_served_restarts_nothing(local: Local) -> None:
    async with Health() as health:
        local.pod(probed(health.port))
        await local.ready()
        async with asyncio.timeout(60):
            await health.often.wait()
        assert local.container().restart_count == 0
        assert "Unhealthy" not in local.reasons()


async def test_P01_grpc_liveness_of_a_wrong_port_restarts(local: Local) -> None:
    async with Health() as health:
        local.pod(probed(1, limit=1))
        await local.until(lambda: local.state() and local.container().restart_count == 1, 30)
        assert health.asked == 0
    words = 'timeout: failed to connect service "127.0.0.1:1" within 1s: context deadline exceeded'
    assert local.message("Unhealthy") == f"Liveness probe failed: {words}"
    assert local.message("Killing") == "Container web failed liveness probe, will be restarted"
