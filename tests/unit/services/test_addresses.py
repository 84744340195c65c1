from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import msgspec
import pytest

from orchestrator.errors import Invalid, OrchestratorError
from orchestrator.objects.config import ConfigMap
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services.addresses import AddressBook
from orchestrator.state.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


def book_of(journal: Journal, pool: str = "10.201.0.0/16", busy: tuple[str, ...] = ()) -> AddressBook:
    return AddressBook(journal, pool, busy=lambda: [IPv4Network(each) for each in busy])


def service(name: str, uid: str = "1", namespace: str = "default", **spec: object) -> Service:
    return Service(
        metadata=ObjectMeta(name=name, namespace=namespace, uid=uid),
        spec=msgspec.structs.replace(ServiceSpec(ports=(ServicePort(port=80),)), **spec),
    )


def address(book: AddressBook, wanted: Service, old: Service | None = None) -> str:
    admitted = book.admit(wanted, old)
    assert isinstance(admitted, Service)
    assert admitted.spec.cluster_ips == ((admitted.spec.cluster_ip,) if admitted.spec.cluster_ip else ())
    return admitted.spec.cluster_ip


def test_namespaces_get_networks_of_their_own(journal: Journal) -> None:
    book = book_of(journal)
    found = [book.subnet(f"n{number}").cidr for number in range(64)]
    assert len(set(found)) == 64
    assert sorted(found) == list(IPv4Network("10.201.0.0/16").subnets(new_prefix=22))
    with pytest.raises(OrchestratorError, match="--pool"):
        book.subnet("n64")


def test_a_network_never_lies_on_one_of_the_host_or_the_engine(journal: Journal) -> None:
    book = book_of(journal, "10.201.0.0/20", busy=("10.201.0.0/21", "10.201.8.7/32"))
    book.avoid([IPv4Network("192.168.0.0/16")])
    assert book.subnet("default").cidr == IPv4Network("10.201.12.0/22")


def test_a_pool_inside_a_network_of_the_host_says_how_to_mend_it(journal: Journal) -> None:
    with pytest.raises(OrchestratorError, match=r"all of 10\.201\.0\.0/16 is used .* choose another range with --pool"):
        book_of(journal, busy=("10.0.0.0/8",)).subnet("default")


def test_a_pool_without_room_is_told_at_once_and_costs_no_network(journal: Journal) -> None:
    book_of(journal).check()
    assert book_of(journal).subnets() == []
    with pytest.raises(OrchestratorError, match="choose another range with --pool"):
        book_of(journal, busy=("10.0.0.0/8",)).check()
    book_of(journal).subnet("default")
    # The daemon's own bridges fill the pool: it goes on with what it has.
    book_of(journal, busy=("10.0.0.0/8",)).check()


def test_networks_and_addresses_outlive_the_daemon(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    first = book_of(journal)
    subnet = first.subnet("default")
    before = {name: address(first, service(name)) for name in ("web", "api")}
    journal.close()
    journal = Journal(tmp_path / "journal.db")
    again = book_of(journal, "10.99.0.0/16", busy=("10.0.0.0/8",))
    assert again.subnet("default") == subnet
    assert {name: address(again, service(name)) for name in ("api", "web")} == before
    journal.close()


def test_an_address_is_of_the_upper_half_and_nobody_elses(journal: Journal) -> None:
    book = book_of(journal)
    services = book.subnet("default").services
    given = [IPv4Address(address(book, service(f"s{number}", str(number)))) for number in range(510)]
    assert len(set(given)) == 510
    assert set(given) == set(services) - {services[0], services[-1]}
    with pytest.raises(Invalid, match=r"all of .* are held"):
        address(book, service("one-more"))


def test_an_address_stays_through_edits_and_is_free_after_the_service(journal: Journal) -> None:
    book = book_of(journal)
    old = book.admit(service("web"), None)
    assert address(book, service("web", selector={"app": "web"}), old) == old.spec.cluster_ip
    book.release(old)
    assert address(book, service("other", cluster_ip=old.spec.cluster_ip)) == old.spec.cluster_ip


def test_a_late_release_does_not_take_the_address_of_the_next_one_of_that_name(journal: Journal) -> None:
    book = book_of(journal)
    old = book.admit(service("web", "1"), None)
    new = book.admit(service("web", "2"), None)
    book.release(old)
    with pytest.raises(Invalid, match="is held by Service default/web"):
        book.admit(service("other", cluster_ip=new.spec.cluster_ip), None)


def test_a_fixed_address_is_honoured_or_refused_with_the_reason(journal: Journal) -> None:
    book = book_of(journal)
    services = book.subnet("default").services
    fixed = str(services[7])
    assert address(book, service("web", cluster_ip=fixed)) == fixed
    with pytest.raises(Invalid, match=f"range {services[1]}-{services[-2]}"):
        address(book, service("a", cluster_ip="10.0.0.1"))
    with pytest.raises(Invalid, match="must be an IPv4 address"):
        address(book, service("a", cluster_ip="here"))
    with pytest.raises(Invalid, match="is held by Service default/web"):
        address(book, service("a", cluster_ip=fixed))
    with pytest.raises(Invalid, match=f"field is immutable; the Service has {fixed}"):
        address(book, service("web", cluster_ip=str(services[8])))


def test_a_fixed_address_may_be_that_of_a_service_that_went_while_the_daemon_was_away(journal: Journal) -> None:
    gone = address(book_of(journal), service("gone"))
    assert address(book_of(journal), service("new", cluster_ip=gone)) == gone


def test_headless_and_external_names_have_no_address(journal: Journal) -> None:
    book = book_of(journal)
    assert address(book, service("web", cluster_ip="None")) == "None"
    assert address(book, service("far", type="ExternalName", external_name="example.org")) == ""
    assert not book.in_use("default")


def test_a_service_without_a_free_network_is_refused_alone(journal: Journal) -> None:
    with pytest.raises(Invalid, match="--pool"):
        book_of(journal, busy=("10.0.0.0/8",)).admit(service("web"), None)


def test_other_kinds_pass(journal: Journal) -> None:
    settings = ConfigMap(metadata=ObjectMeta(name="x", namespace="default"))
    assert book_of(journal).admit(settings, None) is settings


def test_a_network_is_given_back_only_without_services(journal: Journal) -> None:
    book = book_of(journal)
    web = book.admit(service("web"), None)
    book.forget("default")
    assert book.known("default")
    book.release(web)
    book.forget("default")
    assert not book.known("default")
