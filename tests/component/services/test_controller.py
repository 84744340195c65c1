"""The controller on the simulated engine, by name alone: nothing of this host is touched."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.errors import Unavailable
from orchestrator.objects.container import Container
from orchestrator.objects.endpoint_slice import SERVICE_NAME, Endpoint, EndpointSlice, SlicePort
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodCondition, PodStatus
from orchestrator.objects.service import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Service,
    ServicePort,
    ServiceSpec,
)
from orchestrator.services import controller
from orchestrator.services.addresses import AddressBook
from orchestrator.services.controller import ServiceController
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.dns_responder import Responder
from orchestrator.services.host_ports import HostPorts
from orchestrator.services.hosts import HostsFiles
from orchestrator.services.networks import Networks
from orchestrator.services.policy_keeper import PolicyKeeper
from orchestrator.services.upkeep import CHECK_SECONDS
from orchestrator.settings import Settings
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Refused, Store

WEB = Key("Service", "default", "web")
OURS = {"orchestrator.dev/instance": "default"}


def wanted(name: str, **spec: object) -> Service:
    base = ServiceSpec(selector={"app": "web"}, ports=(ServicePort(port=80, target_port=8080),))
    return Service(metadata=ObjectMeta(name=name, namespace="default"), spec=msgspec.structs.replace(base, **spec))


@dataclass
class Host:
    store: Store
    engine: SimulatedEngine
    controller: ServiceController
    hosts: HostsFiles
    book: AddressBook
    adopted: asyncio.Event

    def service(self, name: str = "web", **spec: object) -> Service:
        applied = self.store.apply("test", Desired(wanted(name, **spec), {}))
        assert isinstance(applied, Service)
        return applied

    def folder(self, *services: Service) -> tuple[Refused, ...]:
        """What the spec folder says, all at once."""
        return self.store.sync("specs", [Desired(service, {}) for service in services])

    def pod(self, name: str, ip: str, *, ready: bool = True) -> Pod:
        spec = PodSpec(containers=(Container(name="c", image="i"),))
        pod = Pod(metadata=ObjectMeta(name=name, namespace="default", labels={"app": "web"}), spec=spec)
        applied = self.store.apply("test", Desired(pod, {}))
        condition = PodCondition(type="Ready", status="True" if ready else "False")
        status = PodStatus(phase="Running", pod_ip=ip, conditions=(condition,))
        self.store.update_status(Key("Pod", "default", name), applied.metadata.uid, status)
        assert isinstance(applied, Pod)
        return applied

    def serving(self, name: str = "web") -> list[str]:
        found = self.store.get(Key("Endpoints", "default", name))
        assert found is not None
        return [address.ip for subset in found.subsets for address in subset.addresses]

    def slices(self) -> list[EndpointSlice]:
        return self.store.list("EndpointSlice")

    async def settled(self) -> None:
        async with asyncio.timeout(5):
            await self.controller.settled()


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    clock = lambda: 1_750_000_000.0  # noqa: E731
    journal = Journal(tmp_path / "journal.db")
    engine = SimulatedEngine()
    book = AddressBook(journal, "10.201.0.0/16", busy=list)
    dataplane = DataPlane("default", Mode.NAMES)
    networks = Networks(engine, book, dataplane, "default")
    store = Store(journal, clock, [book.admit])
    store.on_drop(book.release)
    hosts = HostsFiles(tmp_path)
    recorder = EventRecorder(store, journal, clock, "node")
    adopted = asyncio.Event()
    adopted.set()
    policies = PolicyKeeper(store, recorder, dataplane, lambda: (), ())
    responder = Responder(book, Settings((), dns="off"), ())
    reach = HostPorts(), lambda: "192.0.2.7", policies, responder
    controller = ServiceController(store, book, networks, dataplane, hosts, recorder, adopted, *reach)
    task = asyncio.create_task(controller.run())
    yield Host(store, engine, controller, hosts, book, adopted)
    task.cancel()
    await asyncio.wait([task])
    journal.close()


async def test_endpoints_follow_readiness(host: Host) -> None:
    host.service()
    host.pod("a", "10.201.0.2")
    host.pod("b", "10.201.0.3", ready=False)
    await host.settled()
    assert host.serving() == ["10.201.0.2"]
    host.pod("b", "10.201.0.3")
    await host.settled()
    assert host.serving() == ["10.201.0.2", "10.201.0.3"]
    host.store.delete(Key("Pod", "default", "a"))
    await host.settled()
    assert host.serving() == ["10.201.0.3"]


async def test_names_lead_to_ready_pods_where_the_kernel_cannot_be_used(host: Host) -> None:
    host.service()
    client = host.pod("a", "10.201.0.2")
    path = host.hosts.prepare(client, "10.201.0.2")
    await host.settled()
    assert "10.201.0.2\tweb\tweb.default\t" in path.read_text()
    host.pod("a", "10.201.0.2", ready=False)
    await host.settled()
    assert "web.default" not in path.read_text()


async def test_a_namespace_with_a_service_has_a_network_until_nothing_is_left(host: Host) -> None:
    host.service()
    await host.settled()
    assert [network.name for network in await host.engine.list_networks(OURS)] == ["orchestrator_default"]
    host.store.delete(WEB)
    await host.settled()
    async with asyncio.timeout(5):
        while await host.engine.list_networks(OURS):
            await asyncio.sleep(0.01)
    assert not host.book.in_use("default")


@pytest.mark.looptime
async def test_a_network_that_someone_removed_is_made_again(host: Host) -> None:
    host.service()
    await host.settled()
    (first,) = await host.engine.list_networks(OURS)
    await host.engine.remove_network(first.id)
    await asyncio.sleep(CHECK_SECONDS + 1)
    await host.settled()
    (again,) = await host.engine.list_networks(OURS)
    assert (again.name, again.subnet) == (first.name, first.subnet)


async def test_an_engine_that_is_away_delays_the_network_and_nothing_else(host: Host) -> None:
    host.engine.fail_next("create_network", Unavailable("cannot reach the engine"))
    host.service()
    host.pod("a", "10.201.0.2")
    await host.settled()
    assert host.serving() == ["10.201.0.2"]
    assert [network.name for network in await host.engine.list_networks(OURS)] == ["orchestrator_default"]


async def test_a_deleted_service_leaves_no_endpoints_and_frees_its_address(host: Host) -> None:
    address = host.service().spec.cluster_ip
    await host.settled()
    host.store.delete(WEB)
    await host.settled()
    assert host.store.get(Key("Endpoints", "default", "web")) is None
    assert host.service("other", cluster_ip=address).spec.cluster_ip == address


async def test_a_service_with_a_fixed_address_may_be_renamed_in_one_edit(host: Host) -> None:
    host.pod("a", "10.201.0.2")
    fixed = str(host.book.subnet("default").services[7])
    assert host.folder(wanted("old", cluster_ip=fixed)) == ()
    await host.settled()
    # The new name sorts before the old one, and after it.
    for before, after in (("old", "new"), ("new", "renamed")):
        assert host.folder(wanted(after, cluster_ip=fixed)) == ()
        await host.settled()
        assert [(each.metadata.name, each.spec.cluster_ip) for each in host.store.list("Service")] == [(after, fixed)]
        assert host.serving(after) == ["10.201.0.2"]
        assert host.store.get(Key("Endpoints", "default", before)) is None
    (refused,) = host.folder(wanted("renamed", cluster_ip=fixed), wanted("thief", cluster_ip=fixed))
    assert "is held by Service default/renamed" in refused.reason


async def test_a_service_deleted_and_made_again_in_one_breath_keeps_address_and_endpoints(host: Host) -> None:
    host.pod("a", "10.201.0.2")
    address = host.service().spec.cluster_ip
    await host.settled()
    host.store.delete(WEB)
    assert host.service().spec.cluster_ip == address
    await host.settled()
    assert host.serving() == ["10.201.0.2"]
    assert host.book.in_use("default")


async def test_hand_written_endpoints_serve_a_service_without_a_selector(host: Host) -> None:
    host.service(selector={})
    given = Endpoints(
        metadata=ObjectMeta(name="web", namespace="default"),
        subsets=(EndpointSubset(addresses=(EndpointAddress(ip="10.201.0.77"),), ports=(EndpointPort(port=8080),)),),
    )
    host.store.apply("test", Desired(given, {}))
    path = host.hosts.prepare(host.pod("a", "10.201.0.2"), "10.201.0.2")
    await host.settled()
    assert "10.201.0.77\tweb\t" in path.read_text()
    assert host.serving() == ["10.201.0.77"]


async def test_slices_come_and_go_with_their_service(host: Host) -> None:
    host.service()
    host.pod("a", "10.201.0.2")
    await host.settled()
    (first,) = host.slices()
    assert [each.addresses for each in first.endpoints] == [("10.201.0.2",)]
    host.pod("b", "10.201.0.3", ready=False)
    await host.settled()
    (second,) = host.slices()
    assert second.metadata.name == first.metadata.name
    assert [each.conditions.ready for each in second.endpoints] == [True, False]
    # Another port is another slice; the one with the old port goes.
    host.service(ports=(ServicePort(port=80, target_port=9090),))
    await host.settled()
    (third,) = host.slices()
    assert (third.metadata.name != first.metadata.name, third.ports[0].port) == (True, 9090)
    # Without a selector nothing of ours is left, and nothing of it is taken for hand-written.
    host.service(selector={})
    await host.settled()
    assert host.slices() == []
    assert host.store.get(Key("Endpoints", "default", "web")) is None


async def test_hand_written_slices_serve_whomever_they_name(host: Host) -> None:
    host.service(selector={}, cluster_ip="None")
    path = host.hosts.prepare(host.pod("a", "10.201.0.2"), "10.201.0.2")

    def written(ip: str, of: str = "web") -> EndpointSlice:
        return EndpointSlice(
            metadata=ObjectMeta(name="mine", namespace="default", labels={SERVICE_NAME: of}),
            address_type="IPv4",
            endpoints=(Endpoint(addresses=(ip,)),),
            ports=(SlicePort(port=8080),),
        )

    for slice_, there in ((written("10.201.0.77"), True), (written("10.201.0.78"), True), (written("1", "x"), False)):
        host.store.apply("test", Desired(slice_, {}))
        await host.settled()
        assert (f"{slice_.endpoints[0].addresses[0]}\tweb\t" in path.read_text()) is there
    host.store.apply("test", Desired(written("10.201.0.79"), {}))
    await host.settled()
    assert "10.201.0.79\tweb\t" in path.read_text()
    host.store.delete(Key("EndpointSlice", "default", "mine"))
    await host.settled()
    assert "\tweb\t" not in path.read_text()


async def test_N01_the_hosts_files_of_all_pods_follow_in_place_within_a_second(host: Host) -> None:
    for number in range(100):
        host.service(f"other-{number}")
    host.service("heads", cluster_ip="None")
    host.pod("late", "10.201.0.99", ready=False)
    paths = [host.hosts.prepare(host.pod(f"pod-{n}", f"10.201.0.{n + 2}"), f"10.201.0.{n + 2}") for n in range(30)]
    await host.settled()
    inodes = [path.stat().st_ino for path in paths]
    forms = "10.201.0.99\theads\theads.default\theads.default.svc\theads.default.svc.cluster.local\n"
    assert not any(forms in path.read_text() for path in paths)
    host.pod("late", "10.201.0.99")
    async with asyncio.timeout(1):
        await host.controller.settled()
    assert all(forms in path.read_text() for path in paths)
    assert [path.stat().st_ino for path in paths] == inodes


async def test_an_alias_that_nobody_can_resolve_here_is_said(host: Host) -> None:
    host.service(type="ExternalName", external_name="example.org")
    await host.settled()
    (told,) = host.store.list("Event")
    assert (told.involved_object.name, told.reason) == ("web", "NotResolved")
    assert told.message == "a hosts file has no aliases, and DNS is not served: --dns off asks for it"
    found = host.store.get(WEB)
    assert (found.spec.cluster_ip, found.spec.cluster_ips) == ("", ())
    assert host.store.get(Key("Endpoints", "default", "web")) is None


async def test_by_name_alone_no_port_of_the_host_is_carried(host: Host) -> None:
    host.service(type="LoadBalancer")
    await host.settled()
    (told,) = host.store.list("Event")
    assert told.reason == "ServedByName"
    assert "nor ports of the host here: use the name" in told.message
    assert host.store.get(WEB).status.load_balancer.ingress == ()


async def test_an_end_waits_until_services_lead_elsewhere_but_not_for_a_kernel_that_refuses(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.service()
    host.pod("a", "10.201.0.2")
    host.pod("b", "10.201.0.3")
    await host.settled()
    host.store.end(Key("Pod", "default", "a"))
    await host.controller.withdrawn()
    assert host.serving() == ["10.201.0.3"]
    monkeypatch.setattr(controller, "WITHDRAWAL_SECONDS", 0.05)

    def refuse(_names: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host.hosts, "publish", refuse)
    host.store.end(Key("Pod", "default", "b"))
    async with asyncio.timeout(5):
        await host.controller.withdrawn()
