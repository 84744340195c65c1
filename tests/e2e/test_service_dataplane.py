"""Case N02 by the clock, and rules that others flush: in this host's kernel, with the controller alone.

All else of Services is asked of a whole daemon, in `test_services` and `test_service_traffic`.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from orchestrator.engine.base import ContainerConfig
from orchestrator.engine.docker import DockerEngine
from orchestrator.node.host import host_address
from orchestrator.objects.container import Container
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodCondition, PodStatus
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services import upkeep
from orchestrator.services.addresses import AddressBook
from orchestrator.services.controller import ServiceController
from orchestrator.services.dataplane import DataPlane, Mode, choose_mode
from orchestrator.services.dns_responder import Responder
from orchestrator.services.host_ports import HostPorts, nobody_has
from orchestrator.services.hosts import HostsFiles
from orchestrator.services.networks import Networks
from orchestrator.services.nft import table_name
from orchestrator.services.policy_keeper import PolicyKeeper
from orchestrator.settings import Settings
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Store
from tests.e2e.host import admitted, clear
from tests.e2e.traffic import ask
from tests.images import DOCKER_SOCKET, busybox_image

URL = f"unix://{DOCKER_SOCKET}"


@dataclass
class Host:
    engine: DockerEngine
    store: Store
    networks: Networks
    controller: ServiceController
    instance: str
    pods: dict[str, str] = field(default_factory=dict)

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            await self.controller.settled()

    async def service(self, node_port: int = 0) -> str:
        """Apply a Service on port 80, and on a port of the host; gives its address once it is in the kernel."""
        port = ServicePort(port=80, target_port=8080, node_port=node_port)
        kind: Literal["NodePort", "ClusterIP"] = "NodePort" if node_port else "ClusterIP"
        spec = ServiceSpec(type=kind, selector={"app": "web"}, ports=(port,))
        meta = ObjectMeta(name="web", namespace="default")
        applied = self.store.apply("test", Desired(Service(metadata=meta, spec=spec), {}))
        await self.settled()
        return str(applied.spec.cluster_ip)

    async def pod(self, name: str) -> None:
        """Start a server that says its name.  It is not Ready yet."""
        network = await self.networks.ensure("default")
        config = ContainerConfig(
            name=f"{self.instance}-{name}",
            image=busybox_image(),
            labels={"orchestrator.dev/instance": self.instance},
            network=network.name,
            command=("nc", "-ll", "-p", "8080", "-e", "echo", name),
            init=True,
        )
        container = await self.engine.create(config)
        await self.engine.start(container)
        self.pods[name] = (await self.engine.inspect(container)).addresses[network.name]
        spec = PodSpec(containers=(Container(name="c", image="i"),))
        meta = ObjectMeta(name=name, namespace="default", labels={"app": "web"})
        self.store.apply("test", Desired(Pod(metadata=meta, spec=spec), {}))
        async with asyncio.timeout(20):
            while await asyncio.to_thread(ask, self.pods[name], 8080) != {name: 1}:
                await asyncio.sleep(0.02)

    async def ready(self, name: str, ready: bool = True) -> float:
        """Set the pod's readiness; gives the seconds until the kernel follows."""
        key = Key("Pod", "default", name)
        condition = PodCondition(type="Ready", status="True" if ready else "False")
        status = PodStatus(phase="Running", pod_ip=self.pods[name], conditions=(condition,))
        pod = self.store.get(key)
        assert pod is not None
        begin = time.perf_counter()
        self.store.update_status(key, pod.metadata.uid, status)
        await self.settled()
        return time.perf_counter() - begin


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    mode, why = await choose_mode(URL)
    if mode is not Mode.KERNEL:
        pytest.skip(f"Services cannot be carried by this kernel: {why}")
    monkeypatch.setattr(upkeep, "CHECK_SECONDS", 1.0)
    instance = f"e2e-{uuid.uuid4().hex[:8]}"
    journal = Journal(tmp_path / "journal.db")
    book = AddressBook(journal, "10.222.0.0/16", instance)
    store = Store(journal, time.time, [book.admit])
    store.on_drop(book.release)
    engine = DockerEngine(URL)
    dataplane = DataPlane(instance, mode)
    networks = Networks(engine, book, dataplane, instance)
    await networks.refresh()
    adopted = asyncio.Event()
    adopted.set()
    recorder = EventRecorder(store, journal, time.time, "node")
    hosts, ports = HostsFiles(tmp_path), HostPorts()
    policies = PolicyKeeper(store, recorder, dataplane, lambda: (), ())
    responder = Responder(book, Settings((), dns="off"), ())
    rest = recorder, adopted, ports, host_address, policies, responder
    controller = ServiceController(store, book, networks, dataplane, hosts, *rest)
    running = asyncio.create_task(controller.run())
    yield Host(engine, store, networks, controller, instance)
    running.cancel()
    await asyncio.wait([running])
    ports.close()
    await engine.close()
    journal.close()
    await asyncio.to_thread(clear, instance, tmp_path)


async def test_N02_the_kernel_follows_readiness_within_100_ms(host: Host) -> None:
    address = await host.service()
    await host.pod("one")
    await host.pod("two")
    await host.ready("two")
    took = min([await host.ready("one", flip) for flip in (True, False, True, False, True, False)])
    assert await asyncio.to_thread(ask, address, times=10) == {"two": 10}
    assert took < 0.1


async def test_rules_that_someone_flushed_come_back(host: Host) -> None:
    address = await host.service()
    await host.pod("one")
    await host.ready("one")
    table = "ip", table_name(host.instance)
    # What is left of a table looks like a table.
    for words in (("delete", "table", *table), ("flush", "table", *table), ("flush", "map", *table, "services")):
        flush = await asyncio.create_subprocess_exec("nft", *words)
        assert await flush.wait() == 0
        async with asyncio.timeout(60):
            while await asyncio.to_thread(ask, address, limit=0.5) != {"one": 1}:
                await asyncio.sleep(0.02)


async def test_what_the_daemon_changes_itself_is_not_put_back(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    await host.service()
    await host.pod("one")
    for flip in (True, False, True):
        await host.ready("one", flip)
    await asyncio.create_task(host.controller.settled())
    assert "putting them back" not in caplog.text


async def test_what_admits_other_machines_comes_back(host: Host) -> None:
    await host.service(next(port for port in range(30900, 32000) if nobody_has("TCP", port)))
    rules = await asyncio.to_thread(admitted, host.instance)
    assert len(rules) == 2
    for rule in rules:
        flush = await asyncio.create_subprocess_exec("iptables", "-w", "10", *rule)
        assert await flush.wait() == 0
    async with asyncio.timeout(20):
        while await asyncio.to_thread(admitted, host.instance) != rules:
            await asyncio.sleep(0.02)
