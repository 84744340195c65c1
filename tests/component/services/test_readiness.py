"""Case N02: how far it is from a probe's word to the endpoints, on virtual time.  Only what waits takes time there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.engine.base import Container, ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.objects.endpoint_slice import EndpointSlice
from orchestrator.services.addresses import AddressBook
from orchestrator.services.controller import ServiceController
from orchestrator.services.dns_responder import Responder
from orchestrator.services.host_ports import HostPorts
from orchestrator.settings import Settings
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}"
POD = """
terminationGracePeriodSeconds: 60
containers:
- name: web
  image: web:1
  readinessProbe: {exec: {command: [ready]}, periodSeconds: 1, failureThreshold: 1}
  lifecycle: {preStop: {exec: {command: [drain]}}}
"""


class SlowEngine(Engine):
    """An engine that takes half a minute to list its containers, once it is told so."""

    slow = False

    async def list_containers(self, labels: dict[str, str], *seconds: float) -> list[Container]:  # type: ignore[override]
        if self.slow:
            await asyncio.sleep(30)
        return await super().list_containers(labels, *seconds)


@pytest.fixture
async def engine() -> SlowEngine:
    return SlowEngine()


@pytest.fixture
async def daemon(engine: SlowEngine, tmp_path: Path) -> AsyncIterator[Daemon]:
    async with Daemon(engine, tmp_path) as daemon:
        yield daemon


@pytest.fixture
async def services(daemon: Daemon) -> AsyncIterator[ServiceController]:
    book = AddressBook(daemon.journal, "10.77.0.0/16", busy=lambda: ())
    controller = ServiceController(
        daemon.store,
        book,
        daemon.networks,
        daemon.dataplane,
        daemon.hosts,
        daemon.recorder,
        daemon.manager.adopted,
        HostPorts(),
        lambda: "192.0.2.1",
        daemon.policies,
        Responder(book, Settings((), dns="off"), ()),
    )
    task = asyncio.create_task(controller.run())
    yield controller
    task.cancel()
    await asyncio.wait([task])


def told(daemon: Daemon) -> list[bool | None]:
    """Of each endpoint, whether it is ready."""
    found: list[EndpointSlice] = daemon.store.list("EndpointSlice")
    return [endpoint.conditions.ready for each in found for endpoint in each.endpoints]


async def test_N02_from_the_probes_word_to_the_endpoints_nothing_waits(
    daemon: Daemon, engine: SlowEngine, services: ServiceController
) -> None:
    answers: list[tuple[float, bool]] = []
    health = [True]

    def ready(argv: tuple[str, ...]) -> ExecResult:
        answers.append((asyncio.get_running_loop().time(), health[0]))
        return ExecResult(0 if health[0] else 1, b"")

    engine.program("web:1", Program(exec=ready))
    daemon.apply(SERVICE)
    daemon.pod(POD, labels={"app": "web"})
    await daemon.until(lambda: told(daemon) == [True])
    # From here on the engine tells nothing for half a minute: the probe's word is enough, both ways.
    engine.slow = True
    for health[0] in (False, True, False):
        answers.clear()
        await daemon.until(lambda: told(daemon) == health)
        (asked, answer), *others = answers
        assert (answer, others) == (health[0], [])
        assert asyncio.get_running_loop().time() - asked < 0.001


async def test_N02_a_deletion_reaches_the_endpoints_before_the_hook_begins(
    daemon: Daemon, engine: SlowEngine, services: ServiceController
) -> None:
    seen_by_hook: list[list[bool | None]] = []

    def program(argv: tuple[str, ...]) -> ExecResult:
        if argv == ("drain",):
            seen_by_hook.append(told(daemon))
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=program))
    daemon.apply(SERVICE)
    daemon.pod(POD, labels={"app": "web"})
    await daemon.until(lambda: told(daemon) == [True])
    begun = asyncio.get_running_loop().time()
    daemon.delete()
    await daemon.until(lambda: told(daemon) == [False])
    assert asyncio.get_running_loop().time() - begun < 0.001
    await daemon.gone()
    assert seen_by_hook == [[False]]
