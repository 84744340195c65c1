"""What Services get of the host's ports is told: on real sockets and a real store, without the kernel's rules."""

import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.host_ports import HostPorts, nobody_has
from orchestrator.services.reach import Reach
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Store


@dataclass
class Host:
    store: Store
    reach: Reach
    free: int

    def service(self, name: str, **spec: object) -> None:
        base = ServiceSpec(type="LoadBalancer", cluster_ip="10.201.2.40", ports=(ServicePort(port=self.free),))
        meta = ObjectMeta(name=name, namespace="default")
        self.store.apply("test", Desired(Service(metadata=meta, spec=msgspec.structs.replace(base, **spec)), {}))

    def round(self) -> bool:
        services = self.store.list("Service")
        self.reach.settle(services)
        return self.reach.tell(services)

    def ingress(self, name: str = "web") -> list[str]:
        found = self.store.get(Key("Service", "default", name))
        assert found is not None
        return [each.ip for each in found.status.load_balancer.ingress]

    def events(self) -> list[tuple[str, str, int]]:
        return [(e.involved_object.name, e.reason, e.count) for e in self.store.list("Event")]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    clock = lambda: 1_750_000_000.0  # noqa: E731
    journal = Journal(tmp_path / "journal.db")
    store = Store(journal, clock)
    recorder = EventRecorder(store, journal, clock, "node")
    ports = HostPorts()
    # Never applied: only its word for the mode is asked.
    dataplane = DataPlane("reach", Mode.KERNEL)
    free = next(number for number in random.sample(range(10000, 20000), 99) if nobody_has("TCP", number))
    yield Host(store, Reach(store, recorder, dataplane, ports, lambda: "192.0.2.7"), free)
    ports.close()
    journal.close()


def test_a_load_balancer_tells_the_hosts_address_while_it_is_one(host: Host) -> None:
    host.service("web")
    assert not host.round()
    assert host.ingress() == ["192.0.2.7"]
    host.service("web", type="ClusterIP")
    assert not host.round()
    assert host.ingress() == []
    assert nobody_has("TCP", host.free)


def test_a_port_that_another_has_is_told_once_each_time_and_asked_for_again(host: Host) -> None:
    host.service("web")
    with socket.create_server(("", host.free)):
        assert host.round()
        assert host.round()
        assert host.ingress() == []
        assert host.events() == [("web", "PortNotAvailable", 1)]
    assert not host.round()
    assert host.ingress() == ["192.0.2.7"]
    host.service("late")
    assert host.round()
    assert host.ingress("late") == []
    assert ("late", "PortNotAvailable", 1) in host.events()


def test_a_node_port_that_another_has_leaves_the_load_balancer_served(host: Host) -> None:
    taken = next(number for number in random.sample(range(10000, 20000), 99) if nobody_has("TCP", number))
    host.service("web", ports=(ServicePort(port=host.free, node_port=taken),))
    with socket.create_server(("", taken)):
        assert host.round()
        assert host.ingress() == ["192.0.2.7"]
        assert host.events() == [("web", "PortNotAvailable", 1)]
