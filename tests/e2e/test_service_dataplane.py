"""Cases N01 (ClusterIP), N02, N03, N04, N07, N08 in this host's kernel, with the controller alone: no daemon, no specs.

No address of a Service is asked for before its network is there or after it is gone: nothing leaves this host.
"""

import asyncio
import os
import socket
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from orchestrator.engine.base import ContainerConfig
from orchestrator.engine.docker import DockerEngine
from orchestrator.objects.container import Container, ContainerPort
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodCondition, PodStatus
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services.addresses import AddressBook
from orchestrator.services.controller import ServiceController
from orchestrator.services.dataplane import DataPlane, Mode, choose_mode
from orchestrator.services.hosts import HostsFiles
from orchestrator.services.networks import Networks
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Store
from tests.images import DOCKER_SOCKET, busybox_image, engine_answers

pytestmark = pytest.mark.e2e

POOL = "10.222.0.0/16"
URL = f"unix://{DOCKER_SOCKET}"
PORTS = (
    ServicePort(name="http", port=80, target_port="web"),
    ServicePort(name="again", port=81, target_port=8080),
    ServicePort(name="udp", port=53, target_port=5353, protocol="UDP"),
)


@dataclass
class Life:
    """One life of a daemon, as far as Services go."""

    controller: ServiceController
    dataplane: DataPlane
    networks: Networks
    adopted: asyncio.Event
    task: asyncio.Task[None] | None = None

    async def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])


@dataclass
class Host:
    engine: DockerEngine
    store: Store
    book: AddressBook
    hosts: HostsFiles
    recorder: EventRecorder
    instance: str
    image: str
    life: Life | None = None
    pods: dict[str, str] = field(default_factory=dict)

    async def begin(self, *, adopted: bool = True) -> None:
        dataplane = DataPlane(self.instance, Mode.KERNEL)
        networks = Networks(self.engine, self.book, dataplane, self.instance)
        await networks.refresh()
        known = asyncio.Event()
        controller = ServiceController(self.store, self.book, networks, dataplane, self.hosts, self.recorder, known)
        self.life = Life(controller, dataplane, networks, known, asyncio.create_task(controller.run()))
        if adopted:
            known.set()

    async def settled(self) -> None:
        assert self.life is not None
        async with asyncio.timeout(20):
            await self.life.controller.settled()

    async def service(self, name: str = "web", **spec: object) -> str:
        """Apply a Service; gives its address once it is in the kernel."""
        wanted = msgspec.structs.replace(ServiceSpec(selector={"app": "web"}, ports=PORTS), **spec)
        meta = ObjectMeta(name=name, namespace="default")
        applied = self.store.apply("test", Desired(Service(metadata=meta, spec=wanted), {}))
        await self.settled()
        address = applied.spec.cluster_ip
        assert isinstance(address, str)
        return address

    async def pod(self, name: str) -> int:
        """Start a web server that says its name; gives the host's pid of its container.  It is not Ready yet."""
        assert self.life is not None
        network = await self.life.networks.ensure("default")
        script = f"mkdir /w && echo {name} >/w/index.html && exec httpd -f -p 8080 -h /w"
        config = ContainerConfig(
            name=f"{self.instance}-{name}",
            image=self.image,
            labels={"orchestrator.dev/instance": self.instance},
            network=network.name,
            command=("sh", "-c", script),
            init=True,
        )
        container = await self.engine.create(config)
        await self.engine.start(container)
        found = await self.engine.inspect(container)
        self.pods[name] = found.addresses[network.name]
        port = ContainerPort(name="web", container_port=8080)
        spec = PodSpec(containers=(Container(name="c", image="i", ports=(port,)),))
        meta = ObjectMeta(name=name, namespace="default", labels={"app": "web"})
        self.store.apply("test", Desired(Pod(metadata=meta, spec=spec), {}))
        async with asyncio.timeout(10):
            while "refused" in await say(self.pods[name], 8080):
                await asyncio.sleep(0.05)
        return found.pid

    async def ready(self, name: str, ready: bool = True) -> float:
        """Set the pod's readiness; gives the seconds until the kernel follows."""
        key = Key("Pod", "default", name)
        condition = PodCondition(type="Ready", status="True" if ready else "False")
        status = PodStatus(phase="Running", pod_ip=self.pods[name], conditions=(condition,))
        begin = time.perf_counter()
        self.store.update_status(key, self.store.get(key).metadata.uid, status)
        await self.settled()
        return time.perf_counter() - begin

    async def remove_everything(self) -> None:
        for name in self.pods:
            await self.engine.remove(f"{self.instance}-{name}")
            key = Key("Pod", "default", name)
            uid = self.store.get(key).metadata.uid
            self.store.delete(key, 0)
            self.store.finalize(key, uid)
        self.pods.clear()
        for service in self.store.list("Service"):
            self.store.delete(Key("Service", "default", service.metadata.name))


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    if not engine_answers():
        pytest.skip(f"no Docker Engine answers at {DOCKER_SOCKET}")
    mode, why = await choose_mode(URL)
    if mode is not Mode.KERNEL:
        pytest.skip(f"Services cannot be carried by this kernel: {why}")
    instance = f"e2e-{uuid.uuid4().hex[:8]}"
    journal = Journal(tmp_path / "journal.db")
    book = AddressBook(journal, POOL, instance)
    store = Store(journal, time.time, [book.admit])
    recorder = EventRecorder(store, journal, time.time, "node")
    engine = DockerEngine(URL)
    host = Host(engine, store, book, HostsFiles(tmp_path), recorder, instance, busybox_image())
    await host.begin()
    yield host
    await host.remove_everything()
    assert host.life is not None
    await host.life.end()
    await host.life.networks.clean()
    await engine.close()
    journal.close()


async def run(*argv: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(30):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def say(ip: str, port: int, pid: int = 0) -> str:
    """What a web server says, asked from the host, or from the pod that the pid lives in; or why it does not."""
    client = (
        "import socket, sys\n"
        "try:\n"
        " s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)\n"
        " s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n"
        " print(s.makefile('rb').read().split()[-1].decode())\n"
        "except TimeoutError: print('timeout')\n"
        "except ConnectionRefusedError: print('refused')\n"
    )
    inside = ("nsenter", "-t", str(pid), "-n") if pid else ()
    _, output = await run(*inside, sys.executable, "-c", client, ip, str(port))
    return output.strip()


async def many(ip: str, port: int, pid: int = 0, times: int = 16) -> Counter[str]:
    return Counter([await say(ip, port, pid) for _ in range(times)])


async def test_n01_every_port_leads_to_every_ready_pod(host: Host) -> None:
    address = await host.service()
    first = await host.pod("one")
    await host.pod("two")
    await host.ready("one")
    await host.ready("two")
    for port, pid in ((80, 0), (81, 0), (80, first), (81, first)):
        assert set(await many(address, port, pid)) == {"one", "two"}


async def test_n02_only_ready_pods_get_traffic_at_once(host: Host) -> None:
    address = await host.service()
    await host.pod("one")
    await host.pod("two")
    await host.ready("one")
    assert set(await many(address, 80)) == {"one"}
    await host.ready("two")
    took = min([await host.ready("one", flip) for flip in (False, True, False, True, False)])
    assert set(await many(address, 80)) == {"two"}
    assert took < 0.1


async def test_n03_a_pod_reaches_itself_and_another_network_is_refused(host: Host) -> None:
    address = await host.service()
    pid = await host.pod("one")
    await host.ready("one")
    assert await many(address, 80, pid, times=5) == {"one": 5}
    stranger = f"{host.instance}-stranger"
    config = ContainerConfig(
        name=stranger, image=host.image, labels={}, network="bridge", command=("sleep", "60"), init=True
    )
    try:
        await host.engine.start(await host.engine.create(config))
        assert await say(address, 80, (await host.engine.inspect(stranger)).pid) == "refused"
    finally:
        await host.engine.remove(stranger)


async def test_n04_without_endpoints_it_is_refused_at_once(host: Host) -> None:
    address = await host.service()
    pid = await host.pod("one")
    assert [await say(address, 80, who) for who in (0, pid)] == ["refused", "refused"]
    await host.ready("one")
    assert await say(address, 80) == "one"
    await host.ready("one", False)
    assert [await say(address, 80, who) for who in (0, pid)] == ["refused", "refused"]
    assert await say(address, 4711, pid) == "refused"


async def test_n04_a_server_of_the_host_is_never_reached_through_a_service(host: Host) -> None:
    address = await host.service()
    pid = await host.pod("one")
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        assert [await say(address, port, who) for who in (0, pid)] == ["refused", "refused"]


async def test_n02_udp_leaves_an_endpoint_that_is_gone(host: Host) -> None:
    address = await host.service()
    echo = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.bind(('', 5353))\n"
        "print('bound', flush=True)\n"
        "while True: s.sendto(sys.argv[1].encode(), s.recvfrom(99)[1])\n"
    )
    servers = []
    try:
        for name in ("one", "two"):
            inside = ("nsenter", "-t", str(await host.pod(name)), "-n")
            server = await asyncio.create_subprocess_exec(
                *inside, sys.executable, "-c", echo, name, stdout=asyncio.subprocess.PIPE
            )
            servers.append(server)
            assert server.stdout is not None
            assert await server.stdout.readline() == b"bound\n"
            await host.ready(name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((address, 53))
            client.settimeout(3)

            def ask() -> str:
                client.send(b"?")
                return client.recv(99).decode()

            before = await asyncio.to_thread(ask)
            await host.ready(before, False)
            assert {await asyncio.to_thread(ask) for _ in range(3)} == {"one", "two"} - {before}
    finally:
        for server in servers:
            server.kill()
            await server.communicate()


async def test_n07_services_work_through_a_restart_of_the_daemon(host: Host) -> None:
    address = await host.service()
    await host.pod("one")
    await host.ready("one")
    answers: Counter[str] = Counter()
    done = asyncio.Event()

    async def ask_on() -> None:
        while not done.is_set():
            answers[await say(address, 80)] += 1

    asking = asyncio.create_task(ask_on())
    assert host.life is not None
    await host.life.end()
    await host.begin(adopted=False)
    while answers.total() < 5:
        await asyncio.sleep(0.02)
    host.life.adopted.set()
    await host.settled()
    so_far = answers.total()
    while answers.total() < so_far + 5:
        await asyncio.sleep(0.02)
    done.set()
    await asking
    assert set(answers) == {"one"}


async def test_rules_that_someone_flushed_come_back(host: Host) -> None:
    address = await host.service()
    await host.pod("one")
    await host.ready("one")
    await run("nft", "delete", "table", "ip", f"orchestrator-{host.instance}")
    assert host.life is not None
    assert not await host.life.dataplane.check()
    await host.ready("one", False)
    await host.ready("one")
    assert await say(address, 80) == "one"


async def test_n08_nothing_is_left_on_the_host(host: Host) -> None:
    await host.service()
    await host.pod("one")
    await host.ready("one")
    bridge = host.book.subnet("default").bridge
    services = str(host.book.subnet("default").services)
    assert f"local {services} dev {bridge}" in (await run("ip", "route", "show", "table", "local"))[1]
    await host.remove_everything()
    await host.settled()
    async with asyncio.timeout(20):
        while os.path.exists(f"/sys/class/net/{bridge}"):
            await asyncio.sleep(0.05)
    assert host.instance not in (await run("nft", "list", "tables"))[1]
    assert services not in (await run("ip", "route", "show", "table", "all"))[1]
    ours = {"orchestrator.dev/instance": host.instance}
    assert await host.engine.list_networks(ours) == []
