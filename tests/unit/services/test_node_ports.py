import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orchestrator.errors import Invalid
from orchestrator.objects.config import ConfigMap
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.node_ports import NODE_PORTS
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services.node_ports import NodePortBook
from orchestrator.state.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


def book_of(journal: Journal, busy: tuple[int, ...] = ()) -> NodePortBook:
    return NodePortBook(journal, then=lambda obj, _old: obj, free=lambda _protocol, number: number not in busy)


def service(name: str, *ports: ServicePort, uid: str = "1", type_: str = "NodePort", **spec: object) -> Service:
    base = ServiceSpec(type=type_, ports=ports or (ServicePort(port=80),))  # type: ignore[arg-type]
    meta = ObjectMeta(name=name, namespace="default", uid=uid)
    return Service(metadata=meta, spec=msgspec.structs.replace(base, **spec))


def numbers(book: NodePortBook, wanted: Service) -> list[int]:
    return [port.node_port for port in book.admit(wanted, None).spec.ports]


def test_ports_are_of_the_range_and_stay_through_edits_and_daemons(journal: Journal) -> None:
    book = book_of(journal)
    (first,) = numbers(book, service("web"))
    assert first in NODE_PORTS[86:]
    assert numbers(book, service("web", ServicePort(port=443), ServicePort(port=80)))[1] == first
    assert numbers(book_of(journal), service("web", selector={"app": "web"})) == [first]


def test_the_range_is_a_setting(journal: Journal) -> None:
    book = NodePortBook(journal, then=lambda obj, _old: obj, free=lambda *_: True, ports=range(20000, 20004))
    first = numbers(book, service("web"))
    assert first[0] in range(20000, 20004)
    assert numbers(book, service("fixed", ServicePort(port=80, node_port=20003 if first != [20003] else 20002)))
    rule = "Invalid value: 30080: provided port is not in the valid range. The range of valid ports is 20000-20003"
    with pytest.raises(Invalid, match=rule):
        book.admit(service("late", ServicePort(port=80, node_port=30080)), None)
    # Whoever was given a port of another range keeps it.
    assert numbers(book_of(journal), service("web")) == first
    for number in range(2):
        book.admit(service(f"more{number}", uid=str(number)), None)
    with pytest.raises(Invalid, match="all of 20000-20003 are held"):
        book.admit(service("last"), None)


def test_a_lost_journal_gives_the_same_ports_again(journal: Journal, tmp_path: Path) -> None:
    lost = Journal(tmp_path / "lost.db")
    assert numbers(book_of(journal), service("web")) == numbers(book_of(lost), service("web"))
    lost.close()


def test_two_protocols_of_one_port_have_one_number(journal: Journal) -> None:
    tcp, udp = numbers(book_of(journal), service("dns", ServicePort(port=53), ServicePort(port=53, protocol="UDP")))
    assert tcp == udp


def test_what_someone_on_the_host_has_is_not_chosen_but_may_be_named(journal: Journal, tmp_path: Path) -> None:
    (first,) = numbers(book_of(journal), service("web"))
    other = Journal(tmp_path / "other.db")
    busy = book_of(other, busy=(first,))
    assert numbers(busy, service("web")) != [first]
    assert numbers(busy, service("fixed", ServicePort(port=80, node_port=first))) == [first]
    other.close()


def test_a_named_port_is_honoured_or_refused_with_its_holder(journal: Journal) -> None:
    book = book_of(journal)
    fixed = ServicePort(port=80, node_port=30080)
    assert numbers(book, service("web", fixed)) == [30080]
    words = (
        r"^spec.ports\[1\].nodePort: Invalid value: 30080: provided port is already allocated, to Service default/web$"
    )
    late = service("late", ServicePort(port=81, name="a"), ServicePort(port=80, name="b", node_port=30080), uid="2")
    with pytest.raises(Invalid, match=words):
        book.admit(late, None)
    assert numbers(book, service("udp", msgspec.structs.replace(fixed, protocol="UDP"))) == [30080]
    with pytest.raises(Invalid, match="already allocated, to Service default/twice"):
        book.admit(service("twice", *(ServicePort(port=port, node_port=30081) for port in (80, 81))), None)
    # The holder may move, and is followed.
    assert numbers(book, service("web", ServicePort(port=80, node_port=30082))) == [30082]
    assert numbers(book, service("late", fixed, uid="2")) == [30080]


def test_a_port_of_a_service_that_went_while_the_daemon_was_away_may_be_named(journal: Journal) -> None:
    numbers(book_of(journal), service("gone", ServicePort(port=80, node_port=30080)))
    again = book_of(journal)
    assert numbers(again, service("new", ServicePort(port=80, node_port=30080))) == [30080]
    assert numbers(again, service("gone")) != [30080]


def test_a_service_that_is_refused_after_all_takes_nothing(journal: Journal) -> None:
    def refuse(_obj: Any, _old: Any) -> Any:
        raise Invalid("no address")

    with pytest.raises(Invalid, match="no address"):
        NodePortBook(journal, then=refuse, free=lambda *_: True).admit(service("web"), None)
    assert list(journal.items("nodeports")) == []


def test_who_gets_node_ports(journal: Journal) -> None:
    book = book_of(journal)
    assert numbers(book, service("a", type_="LoadBalancer"))[0] in NODE_PORTS
    without = {"allocate_load_balancer_node_ports": False}
    named = (ServicePort(port=80), ServicePort(port=81, node_port=30081))
    assert numbers(book, service("b", *named, type_="LoadBalancer", **without)) == [0, 30081]
    # A Service that is for the inside again gives its port back.
    assert numbers(book, service("a", type_="ClusterIP")) == [0]
    assert [key for key, _ in journal.items("nodeports")] == ["default/b"]
    settings = ConfigMap(metadata=ObjectMeta(name="x", namespace="default"))
    assert book.admit(settings, None) is settings


def test_when_the_range_is_full_the_last_places_are_those_of_services_that_went(journal: Journal) -> None:
    every = {f"TCP/{number}": number for number in NODE_PORTS}
    journal.put("nodeports", "default/gone", {"uid": "0", "ports": every})
    book = book_of(journal)
    assert numbers(book, service("web"))[0] in NODE_PORTS
    assert journal.get("nodeports", "default/gone") is None
    full = book_of(journal, busy=tuple(NODE_PORTS))
    full.admit(service("web"), None)
    with pytest.raises(Invalid, match="all of 30000-32767 are held"):
        full.admit(service("late"), None)


class Book(RuleBasedStateMachine):
    """Services come, go, and want what they like, the daemon is killed: no two ever have one port, none ever moves."""

    @initialize(folder=st.uuids())
    def begin(self, folder: object) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "journal.db")
        self.book = book_of(self.journal)
        self.there: dict[str, Service] = {}
        self.uids = 0

    @rule(name=st.sampled_from("abcd"), port=st.sampled_from([80, 81]), number=st.sampled_from([0, 0, 30000, 30001]))
    def apply(self, name: str, port: int, number: int) -> None:
        before = self.there.get(name)
        self.uids += before is None
        uid = before.metadata.uid if before else str(self.uids)
        try:
            admitted = self.book.admit(service(name, ServicePort(port=port, node_port=number), uid=uid), before)
        except Invalid:
            assert number in {each.spec.ports[0].node_port for other, each in self.there.items() if other != name}
            return
        (given,) = admitted.spec.ports
        assert given.node_port == number or not number
        if before and not number and before.spec.ports[0].port == port:
            assert given.node_port == before.spec.ports[0].node_port
        self.there[name] = admitted

    @rule(name=st.sampled_from("abcd"))
    def remove(self, name: str) -> None:
        if name in self.there:
            self.book.release(self.there.pop(name))

    @rule()
    def come_back(self) -> None:
        self.book = book_of(self.journal)
        for name, before in self.there.items():
            wanted = service(name, ServicePort(port=before.spec.ports[0].port), uid=before.metadata.uid)
            assert numbers(self.book, wanted) == [before.spec.ports[0].node_port]

    @invariant()
    def nobody_shares(self) -> None:
        held = [each.spec.ports[0].node_port for each in getattr(self, "there", {}).values()]
        assert len(held) == len(set(held))
        assert all(number in NODE_PORTS for number in held)

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


TestBook = Book.TestCase
