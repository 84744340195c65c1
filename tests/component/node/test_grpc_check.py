"""P01: gRPC probes, against a real gRPC server."""

import asyncio
import socket
import sys

import pytest

from orchestrator.node.grpc_check import grpc_check
from tests.component.node.house import Daemon
from tests.health_server import NOT_SERVING, SERVING, Health, serving


async def check(health: Health, service: str = "", seconds: float = 30.0) -> tuple[bool, str]:
    """One check, as a probe makes it."""
    return await grpc_check(f"127.0.0.1:{health.port}", service, seconds, "kube-probe/1")


def not_connected(port: int, limit: str) -> str:
    return f'timeout: failed to connect service "127.0.0.1:{port}" within {limit}: context deadline exceeded'


async def test_P01_a_server_that_serves_is_well() -> None:
    with serving(Health()) as health:
        assert await check(health) == (True, "service healthy")
    ((service, agent),) = health.asked
    assert service == ""
    assert agent.startswith("kube-probe/1")


async def test_P01_a_service_by_its_name() -> None:
    names = ["a.b.C", "x" * 300]
    with serving(Health({"": NOT_SERVING, **dict.fromkeys(names, SERVING)})) as health:
        for name in names:
            assert await check(health, name) == (True, "service healthy")
    assert [service for service, _ in health.asked] == names


@pytest.mark.parametrize(
    ("status", "name"), [(0, "UNKNOWN"), (NOT_SERVING, "NOT_SERVING"), (3, "SERVICE_UNKNOWN"), (77, "77")]
)
async def test_P01_any_other_status_is_a_failure(status: int, name: str) -> None:
    with serving(Health({"": status})) as health:
        assert await check(health) == (False, f'service unhealthy (responded with "{name}")')


async def test_P01_a_service_that_the_server_does_not_know() -> None:
    with serving(Health()) as health:
        words = "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
        assert await check(health, "nobody") == (False, words)


async def test_P01_a_server_without_the_health_service() -> None:
    with serving(Health(), implemented=False) as health:
        ok, words = await check(health)
    assert not ok
    assert words.startswith("error: this server does not implement the grpc health protocol (grpc.health.v1.Health)")


async def test_P01_a_server_that_does_not_answer_in_time() -> None:
    with serving(Health(hangs=True)) as health:
        assert await check(health, seconds=2) == (False, "timeout: health rpc did not complete within 2s")
        assert health.asked


async def test_P01_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert await check(Health(port=port), seconds=0.5) == (False, not_connected(port, "0.5s"))


async def test_P01_a_port_that_is_opened_within_the_time_limit_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    health = Health()
    task = asyncio.create_task(check(Health(port=port)))
    await asyncio.sleep(0)
    with serving(health, f"127.0.0.1:{port}"):
        assert await task == (True, "service healthy")


async def test_P01_a_port_that_takes_connections_and_says_nothing() -> None:
    """A connection is one when the server has said so: Go's library sees it no other way."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert await check(Health(port=port), seconds=0.5) == (False, not_connected(port, "0.5s"))


async def test_P01_a_server_that_speaks_something_else() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await reader.read()
        except ConnectionError:
            return  # the client did not wait for the end
        finally:
            writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await check(Health(port=port), seconds=1) == (False, not_connected(port, "1s"))


async def test_P01_checks_run_side_by_side_and_leave_nothing() -> None:
    with serving(Health()) as health:
        await check(health)
        before = len(asyncio.all_tasks())
        results = await asyncio.gather(*(check(health) for _ in range(20)))
        assert all(ok for ok, _ in results)
        assert len(asyncio.all_tasks()) == before


async def test_P01_a_check_that_is_cancelled_ends() -> None:
    with serving(Health(hangs=True)) as health:
        task = asyncio.create_task(check(health))
        while not health.asked:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_P01_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(Health()) as health:
        assert await check(health) == (True, "service healthy")


@pytest.mark.looptime
async def test_P01_without_the_library_it_is_told_and_nothing_is_harmed(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the host lacks says nothing of the container: it is not restarted for it."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    probe = "{grpc: {port: 9000}, periodSeconds: 1, failureThreshold: 1}"
    daemon.pod(f"containers: [{{name: web, image: 'web:1', livenessProbe: {probe}, readinessProbe: {probe}}}]")
    await daemon.until(lambda: daemon.reasons().count("Unhealthy") == 20)
    assert daemon.message("Unhealthy").endswith(
        "probe errored and resulted in unknown state: gRPC probes need the extra: pip install 'orchestrator[grpc]'"
    )
    assert (daemon.state(), daemon.container().restart_count, daemon.condition("Ready")) == ("running", 0, "False")
    daemon.pod("containers: [{name: web, image: 'web:1'}]", name="other")
    await daemon.ready("other")
