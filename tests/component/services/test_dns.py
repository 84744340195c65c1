"""The responder on real sockets: its network is a piece of the host's loopback, and so are the host's servers."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from orchestrator.objects.container import Container, ContainerPort
from orchestrator.objects.endpoint_slice import Endpoint, EndpointSlice, SlicePort
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodStatus
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services import dns_responder, dns_server, dns_upstream
from orchestrator.services.addresses import AddressBook
from orchestrator.services.dns_responder import Responder
from orchestrator.services.dns_zone import Served
from orchestrator.services.host_ports import nobody_has
from orchestrator.settings import Settings
from orchestrator.state.journal import Journal

POOL = "127.201.0.0/16"
SECONDS = 20.0
EXT = "ext.example.com"


def served(name: str, *ips: str, **spec: object) -> Served:
    """A headless Service, unless the spec says otherwise."""
    meta = ObjectMeta(name=name, namespace="shop")
    places = tuple(Endpoint(addresses=(ip,)) for ip in ips)
    ports = (SlicePort(name="http", port=80),)
    found = EndpointSlice(metadata=meta, address_type="IPv4", endpoints=places, ports=ports)
    base = {"cluster_ip": "None", "ports": (ServicePort(name="http", port=80),)}
    return Served(Service(metadata=meta, spec=ServiceSpec(**{**base, **spec})), (found,))  # type: ignore[arg-type]


@dataclass
class Known:
    """What a round knows."""

    places: tuple[Served, ...]
    pods: tuple[Pod, ...] = ()
    by_name: bool = False


def pod(name: str, *ports: ContainerPort, **spec: object) -> Pod:
    containers = (Container(name="c", image="i", ports=ports),)
    return Pod(
        metadata=ObjectMeta(name=name, namespace="shop"),
        spec=PodSpec(containers=containers, **spec),  # type: ignore[arg-type]
        status=PodStatus(pod_ip="127.201.0.9"),
    )


@dataclass
class Servers:
    """A name server of the host's, at an address of its own; what it was asked is kept."""

    address: str
    asked: list[str] = field(default_factory=list)
    large: bool = False

    def answer(self, packet: bytes, stream: bool) -> bytes:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        self.asked.append(f"{question.name} {'TCP' if stream else 'UDP'}")
        reply = dns.message.make_response(query)
        ips = [f"192.0.2.{index}" for index in range(100 if self.large else 1)]
        if question.name.to_text() == "nobody.example.com.":
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            reply.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", "A", ips))
        return reply.to_wire(max_size=65535 if stream else 512, prefer_truncation=True)


@dataclass
class Room:
    book: AddressBook
    servers: Servers
    port: int
    make: Callable[..., Responder]
    responder: Responder

    def publish(self, *places: Served, pods: tuple[Pod, ...] = (), namespaces: tuple[str, ...] = ("shop",)) -> None:
        self.responder.publish(Known(places, pods), namespaces, serial=1)

    @property
    def gateway(self) -> str:
        return str(self.book.subnet("shop").gateway)

    async def ask(self, name: str, kind: str = "A", *, tcp: bool = False, source: str = "") -> dns.message.Message:
        """The answer, asked for from within the network."""
        query = dns.message.make_query(name, kind)
        by = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        return await by(query, self.gateway, timeout=SECONDS, port=self.port, source=source or self.gateway)  # type: ignore[no-any-return, operator]


def said(reply: dns.message.Message) -> list[str]:
    lines = [] if reply.rcode() == dns.rcode.NOERROR else [dns.rcode.to_text(reply.rcode())]
    return lines + [str(each) for rrset in reply.answer for each in rrset]


@pytest.fixture
async def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    numbers = random.sample(range(10000, 20000), 99)
    port = next(number for number in numbers if nobody_has("TCP", number) and nobody_has("UDP", number))
    monkeypatch.setattr(dns_upstream, "PORT", port)
    book = AddressBook(journal := Journal(tmp_path / "journal.db"), POOL, busy=list)
    servers = Servers(f"127.{random.randrange(202, 250)}.7.7")
    host = dns_responder.DnsSockets(dns_responder.parse_pool("127.0.0.0/8"), servers.answer, port)
    host.open(servers.address)
    made: list[Responder] = []

    def make(*host_servers: str, **settings: object) -> Responder:
        made.append(Responder(book, Settings((), pool=POOL, **settings), host_servers, port))  # type: ignore[arg-type]
        return made[-1]

    room = Room(book, servers, port, make, make(servers.address))
    tasks = [asyncio.create_task(each.run()) for each in (host, room.responder)]
    await asyncio.sleep(0)
    yield room
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    host.keep(())
    for responder in made:
        responder.close()
    journal.close()


async def test_N01_questions_are_answered_by_UDP_and_TCP(room: Room) -> None:
    assert room.responder.server("shop") == room.gateway
    room.publish(served("heads", "127.201.0.2", "127.201.0.3"))
    name = "heads.shop.svc.cluster.local"
    assert sorted(said(await room.ask(name))) == sorted(said(await room.ask(name, tcp=True))) == [
        "127.201.0.2",
        "127.201.0.3",
    ]  # fmt: skip
    # At once after a change.
    room.publish(served("heads", "127.201.0.3"))
    assert said(await room.ask(name)) == ["127.201.0.3"]
    assert said(await room.ask("_http._tcp." + name, "SRV")) == [f"0 100 80 127-201-0-3.{name}."]
    many = [f"127.201.1.{index}" for index in range(200)]
    room.publish(served("heads", *many))
    assert (await room.ask(name)).flags & dns.flags.TC
    assert sorted(said(await room.ask(name, tcp=True))) == sorted(many)
    assert room.responder.trouble == ""


async def test_N01_an_alias_is_followed_to_the_hosts_servers_and_no_other_name_of_ours(room: Room) -> None:
    out = served("out", type="ExternalName", external_name=EXT, cluster_ip="")
    nobody = served("nobody", type="ExternalName", external_name="nobody.example.com", cluster_ip="")
    room.publish(out, nobody)
    assert said(await room.ask("out.shop.svc.cluster.local")) == [f"{EXT}.", "192.0.2.0"]
    assert said(await room.ask("nobody.shop.svc.cluster.local")) == ["NXDOMAIN", "nobody.example.com."]
    assert said(await room.ask("none.shop.svc.cluster.local")) == ["NXDOMAIN"]
    assert said(await room.ask("9.9.201.127.in-addr.arpa", "PTR")) == ["NXDOMAIN"]
    assert room.servers.asked == [f"{EXT}. UDP", "nobody.example.com. UDP"]
    # A long answer is asked for again by TCP.
    room.servers.large = True
    assert len(said(await room.ask("out.shop.svc.cluster.local", tcp=True))) == 101


async def test_other_names_are_refused_so_that_the_engine_asks_the_hosts_servers(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.publish()
    monkeypatch.setattr(room.responder, "_for_pods", False)
    assert said(await room.ask(EXT)) == ["REFUSED"]
    assert room.servers.asked == []


async def test_for_pods_that_cannot_reach_the_hosts_servers_we_ask_them(room: Room) -> None:
    """As here: they listen on the host's loopback."""
    room.publish()
    assert said(await room.ask(EXT)) == ["192.0.2.0"]
    assert said(await room.ask("nobody.example.com")) == ["NXDOMAIN"]
    assert said(await room.ask("web")) == ["REFUSED"]
    assert room.servers.asked == [f"{EXT}. UDP", "nobody.example.com. UDP"]


async def test_where_the_hosts_servers_are_silent_an_alias_is_told_alone(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.responder, "_servers", ("127.250.0.1",))
    room.publish(served("out", type="ExternalName", external_name=EXT, cluster_ip=""))
    assert said(await room.ask("out.shop.svc.cluster.local")) == [f"{EXT}."]
    assert said(await room.ask(EXT)) == ["SERVFAIL"]


async def test_before_the_first_round_our_own_names_wait_and_others_do_not(room: Room) -> None:
    assert room.responder.server("shop") == room.gateway
    assert said(await room.ask(EXT)) == ["192.0.2.0"]
    query = dns.message.make_query("heads.shop.svc.cluster.local", "A").to_wire()
    assert room.responder.answer(query, False) is None
    room.publish(served("heads", "127.201.0.2"))
    assert isinstance(room.responder.answer(query, False), bytes)


async def test_strangers_and_rubbish_get_nothing_and_do_no_harm(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of 127.0.0.0/8 is this host's own: here it is not."""
    monkeypatch.setattr(dns_server, "is_own", lambda _address: False)
    room.publish(served("heads", "127.201.0.2"))
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.bind(("127.77.0.1", 0))
        client.connect((room.gateway, room.port))
        client.send(dns.message.make_query("heads.shop.svc.cluster.local", "A").to_wire())
        # What was asked later by others is answered; the stranger has no answer by then.
        assert said(await room.ask("heads.shop.svc.cluster.local")) == ["127.201.0.2"]
        with pytest.raises(BlockingIOError):
            client.recv(512)
    reader, writer = await asyncio.open_connection(room.gateway, room.port, local_addr=("127.77.0.1", 0))
    assert await reader.read() == b""
    writer.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.bind((room.gateway, 0))
        client.connect((room.gateway, room.port))
        for length in range(40):
            client.send(random.randbytes(length))
        await loop.sock_sendall(client, b"\0\1\1\0\0\1" + bytes(6))
    # Someone who connects and says nothing, or half a word, keeps nobody waiting.
    talks = [await asyncio.open_connection(room.gateway, room.port, local_addr=(room.gateway, 0)) for _ in range(9)]
    for _, writer in talks:
        writer.write(b"\xff")
    assert said(await room.ask("heads.shop.svc.cluster.local", tcp=True)) == ["127.201.0.2"]
    for _, writer in talks:
        writer.close()


async def test_the_host_may_ask_from_whichever_of_its_addresses(room: Room) -> None:
    room.publish(served("heads", "127.201.0.2"))
    assert said(await room.ask("heads.shop.svc.cluster.local", source="127.0.0.1")) == ["127.201.0.2"]


async def test_a_port_that_is_taken_is_said_once_and_pods_are_not_told_of_us(
    room: Room, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((room.gateway, room.port))
        for _ in range(3):
            assert room.responder.server("shop") == ""
            room.publish()
        why = f"port {room.port}/UDP of {room.gateway} is taken by "
        assert room.responder.trouble.startswith(why)
        assert [why in record.getMessage() for record in caplog.records] == [True]
    monkeypatch.setattr(dns_responder, "_AGAIN_SECONDS", 0.0)
    assert room.responder.server("shop") == room.gateway
    assert room.responder.trouble == ""


async def test_a_pod_that_wants_the_port_on_the_host_gets_it(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_responder, "PORT", room.port)
    room.publish()
    own = pod("pihole", ContainerPort(container_port=53, host_port=room.port, protocol="UDP"))
    room.publish(pods=(own,))
    assert room.responder.server("shop") == ""
    assert room.responder.trouble == f"pod shop/pihole asks for port {room.port} of the host"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((room.gateway, room.port))
    balanced = served("dns", type="LoadBalancer", cluster_ip="127.201.2.3", ports=(ServicePort(port=room.port),))
    room.publish(balanced)
    assert room.responder.trouble == f"Service shop/dns asks for port {room.port} of the host"
    room.publish()
    assert (room.responder.trouble, room.responder.server("shop")) == ("", room.gateway)


async def test_a_namespace_that_needs_no_network_any_more_has_no_sockets(room: Room) -> None:
    room.publish()
    room.publish(namespaces=())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((room.gateway, room.port))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"dns": "off"}, "--dns off asks for it"),
        ({"engine_url": "tcp://192.0.2.1:2376"}, "the engine at tcp://192.0.2.1:2376 may be another machine"),
    ],
)
async def test_it_may_be_off(room: Room, settings: dict[str, str], why: str) -> None:
    off = room.make(**settings)
    off.publish(Known(()), ["shop"], serial=1)
    assert (off.server("shop"), off.trouble) == ("", why)
