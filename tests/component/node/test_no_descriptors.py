"""D10: the daemon has no file descriptor left; that tells nothing of a container."""

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orchestrator.engine import processes
from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.node.handlers import Handlers
from orchestrator.objects.container import Container
from orchestrator.objects.probes import HTTPGetAction, Probe, TCPSocketAction

CONTAINER = Container(name="c", image="i")


@contextmanager
def none_left() -> Iterator[None]:
    """As many descriptors as are open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def well(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("kind", ["http", "tcp"])
async def test_D10_a_probe_without_a_descriptor_says_nothing(kind: str) -> None:
    handlers = Handlers(SimulatedEngine())
    async with await asyncio.start_server(well, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        handler = (
            {"http_get": HTTPGetAction(port=port)} if kind == "http" else {"tcp_socket": TCPSocketAction(port=port)}
        )
        probe = Probe(**handler)
        with none_left():
            outcome = await handlers.probe(probe, CONTAINER, "id", "127.0.0.1")
        assert outcome.output.endswith(f"dial tcp 127.0.0.1:{port}: connect: too many open files")
        assert (outcome.ok, outcome.unknown, outcome.warning) == (False, True, True)
        assert (await handlers.probe(probe, CONTAINER, "id", "127.0.0.1")).ok
    refused = await handlers.probe(probe, CONTAINER, "id", "127.0.0.1")
    assert not refused.ok
    assert not refused.unknown, "that nobody listens is the container's"


def test_D10_a_command_that_cannot_be_looked_at_is_left_to_the_engine() -> None:
    with subprocess.Popen(["sleep", "1000"]) as command:
        with none_left():
            assert not processes.kill_tree(command.pid, "")
        assert command.poll() is None
        command.kill()
