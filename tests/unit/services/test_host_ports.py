"""Who gets a port of the host, on real sockets of this one."""

import random
import socket
from collections.abc import Iterator

import msgspec
import pytest

from orchestrator.objects.container import Container, ContainerPort
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodStatus
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services.host_ports import Granted, HostPorts, nobody_has
from orchestrator.services.listeners import listener
from orchestrator.services.nft import Address, Door, HostPort


@pytest.fixture
def ports() -> Iterator[HostPorts]:
    ports = HostPorts()
    yield ports
    ports.close()


@pytest.fixture
def free() -> int:
    """A port that nobody has by TCP nor by UDP."""
    numbers = random.sample(range(10000, 20000), 99)
    return next(number for number in numbers if nobody_has("TCP", number) and nobody_has("UDP", number))


def service(name: str, *ports: ServicePort, created: str = "2026-01-01T00:00:00Z", **spec: object) -> Service:
    base = ServiceSpec(type="LoadBalancer", cluster_ip="10.201.2.40", ports=ports)
    meta = ObjectMeta(name=name, namespace="default", uid=name, creation_timestamp=created)
    return Service(metadata=meta, spec=msgspec.structs.replace(base, **spec))


def told(granted: Granted) -> list[tuple[str, str]]:
    return [(refusal.service, refusal.text) for refusal in granted.refusals]


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_a_port_is_held_and_answers_nothing(ports: HostPorts, free: int, protocol: str) -> None:
    wanted = service("web", ServicePort(port=free, protocol=protocol))  # type: ignore[arg-type]
    kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
    door = Door(Address("10.201.2.40", protocol.lower(), free))  # type: ignore[arg-type]
    assert ports.settle([wanted], list) == Granted({HostPort(protocol.lower(), free): door}, ())  # type: ignore[arg-type]
    with socket.socket(socket.AF_INET, kind) as other, pytest.raises(OSError, match="in use"):
        other.bind(("", free))
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(5)
        with pytest.raises(ConnectionRefusedError):  # noqa: PT012
            client.connect(("127.0.0.1", free))
            client.send(b"?")
            client.recv(1)
    assert ports.settle([], list) == Granted({}, ())
    assert nobody_has("TCP", free)
    assert nobody_has("UDP", free)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")])
def test_a_port_that_a_process_has_is_named_and_taken_when_it_is_free(
    ports: HostPorts, free: int, family: socket.AddressFamily, address: str
) -> None:
    wanted = service("web", ServicePort(port=free), ServicePort(port=free, protocol="UDP"))
    with socket.create_server((address, free), family=family, dualstack_ipv6=family == socket.AF_INET6):
        granted = ports.settle([wanted], list)
        assert list(granted.doors) == [HostPort("udp", free)]
        ((name, text),) = told(granted)
        assert name == "default/web"
        assert f"port {free}/TCP of this host is held by {listener('TCP', free)}: " in text
        assert "(pid " in text
    assert set(ports.settle([wanted], list).doors) == {HostPort("tcp", free), HostPort("udp", free)}


def test_the_first_holds_it_then_the_older(ports: HostPorts, free: int) -> None:
    one = service("one", ServicePort(port=free), created="2026-01-02T00:00:00Z")
    older = service("older", ServicePort(port=free), created="2026-01-01T00:00:00Z")
    younger = service("a-younger", ServicePort(port=free), created="2026-01-03T00:00:00Z")
    ports.settle([one], list)
    words = f"port {free}/TCP of this host is held by Service default/one: not served there until it is free"
    assert told(ports.settle([older, younger, one], list)) == [("default/older", words), ("default/a-younger", words)]
    assert [name for name, _ in told(ports.settle([younger, older], list))] == ["default/a-younger"]


def test_a_node_port_comes_before_a_load_balancer(ports: HostPorts, free: int) -> None:
    balancer = service("balancer", ServicePort(port=free), created="2026-01-01T00:00:00Z")
    node = service("node", ServicePort(port=80, node_port=free), type="NodePort", created="2026-01-02T00:00:00Z")
    granted = ports.settle([balancer, node], list)
    assert granted.doors == {HostPort("tcp", free): Door(Address("10.201.2.40", "tcp", 80))}
    assert [refusal.service for refusal in granted.refusals] == ["default/balancer"]


def test_one_service_may_want_a_port_twice(ports: HostPorts, free: int) -> None:
    assert not ports.settle([service("web", ServicePort(port=free, node_port=free))], list).refusals


@pytest.mark.parametrize("is_sidecar", [False, True], ids=["container", "sidecar"])
def test_a_pods_host_port_stays_the_pods(ports: HostPorts, free: int, is_sidecar: bool) -> None:
    plain, published = Container(name="c", image="i"), ContainerPort(container_port=80, host_port=free)
    front = Container(name="front", image="i", ports=(published,), restart_policy="Always" if is_sidecar else None)
    pod = Pod(
        metadata=ObjectMeta(name="front", namespace="default"),
        spec=PodSpec(init_containers=(front,) if is_sidecar else (), containers=(plain,) if is_sidecar else (front,)),
        status=PodStatus(phase="Running", pod_ip="10.201.0.2"),
    )
    wanted = service("web", ServicePort(port=free))
    ((_, text),) = told(ports.settle([wanted], lambda: [pod]))
    assert "is held by Pod default/front (hostPort)" in text
    ended = msgspec.structs.replace(pod, status=PodStatus(phase="Succeeded", pod_ip="10.201.0.2"))
    assert not ports.settle([wanted], lambda: [ended]).refusals


@pytest.mark.parametrize(
    ("ranges", "clients"),
    [
        ((), ()),
        (("192.0.2.7/24", "192.0.2.128/25"), ("192.0.2.0/24",)),
        (("192.0.2.0/24", "0.0.0.0/0"), ()),
        (("2001:db8::/64",), ("255.255.255.255",)),
    ],
)
def test_clients_are_networks_that_do_not_overlap(
    ports: HostPorts, free: int, ranges: tuple[str, ...], clients: tuple[str, ...]
) -> None:
    granted = ports.settle([service("web", ServicePort(port=free), load_balancer_source_ranges=ranges)], list)
    assert [door.sources for door in granted.doors.values()] == [clients]


def test_only_services_that_are_for_others_want_ports(ports: HostPorts, free: int) -> None:
    inner = service("inner", ServicePort(port=free), type="ClusterIP")
    assert ports.settle([inner], list) == Granted({}, ())


AWAY = "192.0.2.7"
"""An address that is not this host's."""


def test_external_addresses_are_held_where_they_are_the_hosts_own(ports: HostPorts, free: int) -> None:
    wanted = service("web", ServicePort(port=free), type="ClusterIP", external_ips=(AWAY, "127.0.0.9", "2001:db8::1"))
    door = Door(Address("10.201.2.40", "tcp", free))
    with socket.create_server(("127.0.0.9", free)):
        granted = ports.settle([wanted], list)
        assert granted.doors == {HostPort("tcp", free, AWAY): door}
        ((who, text),) = told(granted)
        assert who == "default/web"
        assert f"port {free}/TCP at 127.0.0.9 is held by " in text
        assert "until it is free" in text
    granted = ports.settle([wanted], list)
    assert list(granted.doors) == [HostPort("tcp", free, "127.0.0.9"), HostPort("tcp", free, AWAY)]
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.9", free))
    with socket.socket() as other:
        other.bind(("127.0.0.8", free))


def test_one_service_may_have_a_port_everywhere_and_at_an_address_and_two_may_not(ports: HostPorts, free: int) -> None:
    here = {"external_ips": ("127.0.0.9",)}
    narrow = service("web", ServicePort(port=free), type="ClusterIP", **here)
    assert list(ports.settle([narrow], list).doors) == [HostPort("tcp", free, "127.0.0.9")]
    wide = service("web", ServicePort(port=free), **here)
    assert ports.settle([wide], list).doors.keys() == {HostPort("tcp", free), HostPort("tcp", free, "127.0.0.9")}
    thief = service("thief", ServicePort(port=free), type="ClusterIP", created="2026-02-01T00:00:00Z", **here)
    granted = ports.settle([service("web", ServicePort(port=free)), thief], list)
    assert list(granted.doors) == [HostPort("tcp", free)]
    text = f"port {free}/TCP at 127.0.0.9 is held by Service default/web: not served there until it is free"
    assert told(granted) == [("default/thief", text)]
    # The holder goes: the other has it at once.
    assert ports.settle([thief], list).doors.keys() == {HostPort("tcp", free, "127.0.0.9")}
