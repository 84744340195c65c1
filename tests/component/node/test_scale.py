"""Probes at scale: ten thousand of them leave no task, no socket and no process behind.

How fast they are, and how long the loop stands still for them, is a matter of the bench.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.node.handlers import Handlers
from orchestrator.objects.container import Container
from orchestrator.objects.probes import GRPCAction, HTTPGetAction, Probe, TCPSocketAction
from tests.component.node.house import Daemon, Engine
from tests.health_server import Health, serving

WEB = Container(name="web")
COUNT = 10_000
AT_ONCE = 50


def open_files() -> int:
    """How many file descriptors this process has, sockets too."""
    return len(list(Path("/proc/self/fd").iterdir()))


# --- commands, through the whole node, on virtual time ---


@pytest.mark.looptime
async def test_ten_thousand_commands_leave_nothing(daemon: Daemon, engine: Engine) -> None:
    """A third of them fail, a third take too long."""
    ran: Counter[str] = Counter()
    running = 0

    async def answer(argv: tuple[str, ...]) -> ExecResult:
        nonlocal running
        ran[argv[0]] += 1
        running += 1
        try:
            await asyncio.sleep(5 if argv[0] == "hangs" else 0.1)
            return ExecResult(1 if argv[0] == "fails" else 0, b"said")
        finally:
            running -= 1

    engine.program("web:1", Program(exec=answer))
    kinds = ("works", "fails", "hangs")
    for number in range(30):
        probe = f"{{exec: {{command: [{kinds[number % 3]}]}}, periodSeconds: 2, timeoutSeconds: 1}}"
        daemon.pod(f"containers: [{{name: web, image: 'web:1', readinessProbe: {probe}}}]", f"web{number}")
    await daemon.until(lambda: all(daemon.state(pod=f"web{number}") == "running" for number in range(30)))
    await asyncio.sleep(10)
    tasks, files = len(asyncio.all_tasks()), open_files()
    while ran.total() < COUNT:
        await asyncio.sleep(100)
    assert min(ran[kind] for kind in kinds) > COUNT / 4
    assert len(asyncio.all_tasks()) == tasks
    assert open_files() == files
    assert running <= 30, "no more than one for each probe"
    for number in range(30):
        daemon.delete(f"web{number}", grace=0)
    await daemon.manager.idle()
    await asyncio.sleep(10)
    assert running == 0
    assert len(asyncio.all_tasks()) == tasks - 30 - 30, "the workers and the probes are gone"


# --- connections, to real servers ---


class Answers(asyncio.Protocol):
    """Speaks HTTP just enough: 200, 500 for /ill, a redirect to itself for /moved; never answers /hangs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1]
        if path == b"/hangs":
            return
        more = b"Location: /well\r\n" if path == b"/moved" else b""
        status = {b"/ill": b"500 Ill", b"/moved": b"302 Moved"}.get(path, b"200 OK")
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + more + b"Content-Length: 4\r\n\r\nsaid")


@asynccontextmanager
async def web_server() -> AsyncIterator[int]:
    """A server on 127.0.0.1; gives its port."""
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0, backlog=1024)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def run(handlers: Handlers, probes: Iterable[Probe]) -> Counter[bool]:
    """Run all these, many at once; how many were well and how many not."""
    queue, results = iter(probes), Counter[bool]()

    async def one_by_one() -> None:
        for probe in queue:
            outcome = await handlers.probe(probe, WEB, "web", "127.0.0.1")
            assert not outcome.unknown
            results[outcome.ok] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_by_one())
    return results


async def settled_files() -> int:
    """The number of open files, once the connections that are being closed are gone."""
    gc.collect()
    counts = [open_files()]
    while len(counts) < 5 or len(set(counts[-5:])) > 1:
        await asyncio.sleep(0.02)
        counts.append(open_files())
    return counts[-1]


async def test_ten_thousand_connections_leave_nothing(engine: Engine) -> None:
    """By HTTP and TCP: to servers that are well, ill, moved, and not there."""
    handlers = Handlers(engine)
    async with web_server() as port:
        kinds = [
            Probe(http_get=HTTPGetAction(port=port, path="/well")),
            Probe(http_get=HTTPGetAction(port=port, path="/ill")),
            Probe(http_get=HTTPGetAction(port=port, path="/moved")),
            Probe(http_get=HTTPGetAction(port=1, path="/nobody")),
            Probe(tcp_socket=TCPSocketAction(port=port)),
            Probe(tcp_socket=TCPSocketAction(port=1)),
        ]
        await run(handlers, kinds * AT_ONCE)
        tasks, files = len(asyncio.all_tasks()), await settled_files()
        results = await run(handlers, (kinds[number % 6] for number in range(COUNT)))
        assert results.total() == COUNT
        assert min(results.values()) > COUNT / 3
        assert len(asyncio.all_tasks()) == tasks
        assert await settled_files() <= files


async def test_connections_that_hang_leave_nothing(engine: Engine) -> None:
    handlers = Handlers(engine)
    async with web_server() as port:
        hangs = Probe(http_get=HTTPGetAction(port=port, path="/hangs"), timeout_seconds=1)
        tasks, files = len(asyncio.all_tasks()), await settled_files()
        assert await run(handlers, [hangs] * 200) == {False: 200}
        assert len(asyncio.all_tasks()) == tasks
        assert await settled_files() <= files


async def test_gRPC_checks_leave_nothing(engine: Engine) -> None:
    """Ten thousand: each is a connection of its own."""
    handlers = Handlers(engine)
    with serving(Health()) as health:
        probes = [
            Probe(grpc=GRPCAction(port=health.port), timeout_seconds=30),
            Probe(grpc=GRPCAction(port=health.port, service="nobody"), timeout_seconds=30),
        ]
        await run(handlers, probes * AT_ONCE)
        tasks, files = len(asyncio.all_tasks()), await settled_files()
        assert await run(handlers, probes * (COUNT // 2)) == {True: COUNT // 2, False: COUNT // 2}
        nobody = Probe(grpc=GRPCAction(port=1), timeout_seconds=1)
        assert await run(handlers, [nobody] * AT_ONCE) == {False: AT_ONCE}
        assert len(asyncio.all_tasks()) == tasks
        # The library closes connections in threads of its own, and keeps a few descriptors as it likes.
        assert await settled_files() <= files + AT_ONCE
