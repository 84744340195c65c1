"""What names lead to, record by record of the specification, and what is said of those that lead nowhere."""

from ipaddress import IPv4Network

import msgspec
import pytest

from orchestrator.objects.endpoint_slice import Endpoint, EndpointConditions, EndpointSlice, SlicePort
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.service import Service, ServicePort, ServiceSpec
from orchestrator.services.dns_zone import REFUSED, Served, Zone

POOL = IPv4Network("10.201.0.0/16")
PORTS = (
    ServicePort(name="http", port=80, target_port=8080),
    ServicePort(name="dns", port=53, protocol="UDP"),
    ServicePort(name="", port=9),
)
SLICE_PORTS = (SlicePort(name="http", port=8080), SlicePort(name="dns", port=5353, protocol="UDP"))


def place(ip: str, hostname: str = "", *, ready: bool = True) -> Endpoint:
    return Endpoint(addresses=(ip,), hostname=hostname, conditions=EndpointConditions(ready=ready))


def slice_of(*places: Endpoint, ports: tuple[SlicePort, ...] = SLICE_PORTS) -> EndpointSlice:
    return EndpointSlice(metadata=ObjectMeta(name="slice"), address_type="IPv4", endpoints=places, ports=ports)


PLACES = (slice_of(place("10.201.0.2", "First"), place("10.201.0.3"), place("10.201.0.4", "late", ready=False)),)
POINTER = "{}.201.10.in-addr.arpa"


def served(name: str, places: tuple[EndpointSlice, ...] = PLACES, namespace: str = "shop", **spec: object) -> Served:
    base = ServiceSpec(cluster_ip="10.201.2.7", ports=PORTS)
    service = Service(metadata=ObjectMeta(name=name, namespace=namespace), spec=msgspec.structs.replace(base, **spec))
    return Served(service, places)


def alias(name: str, target: str) -> Served:
    return served(name, (), type="ExternalName", external_name=target, cluster_ip="", ports=())


SERVED = (
    served("web"),
    served("heads", cluster_ip="None"),
    served("empty", (), cluster_ip="None"),
    served("far", (slice_of(place("192.0.2.9"), ports=()),), cluster_ip="None", ports=()),
    alias("out", "Ext.Example.com"),
    alias("in", "web.shop.svc.cluster.local."),
    alias("lost", "nobody.shop.svc.cluster.local"),
    alias("ring", "ring.shop.svc.cluster.local"),
)
ZONE = Zone("cluster.local", POOL, SERVED, {"shop": frozenset({"10.201.0.2"}), "bare": frozenset()}, serial=7)


def said(name: str, kind: str = "A", zone: Zone = ZONE) -> list[str]:
    """An answer as lines: its code where it is not the usual one, records, "+" additional ones, "-" the zone's."""
    answer = zone.answer(name, kind)
    lines = [] if answer.rcode == "NOERROR" else [answer.rcode]
    lines += [f"{record.type} {record.data}" for record in answer.records]
    lines += [f"+ {record.name} {record.data}" for record in answer.additional]
    lines += [f"> {answer.outside}"] if answer.outside else []
    return lines + ([f"- {answer.soa.name}"] if answer.soa else [])


OWN = "- cluster.local"
SOA = "SOA ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5"


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        # 2.2 The version.
        ("dns-version.cluster.local", "TXT", ['TXT "1.1.0"']),
        # 2.3 Services with an address.
        ("web.shop.svc.cluster.local", "A", ["A 10.201.2.7"]),
        ("web.shop.svc.cluster.local", "AAAA", [OWN]),
        ("_http._tcp.web.shop.svc.cluster.local", "SRV", [
            "SRV 0 100 80 web.shop.svc.cluster.local.", "+ web.shop.svc.cluster.local 10.201.2.7"
        ]),
        ("_dns._udp.web.shop.svc.cluster.local", "SRV", [
            "SRV 0 100 53 web.shop.svc.cluster.local.", "+ web.shop.svc.cluster.local 10.201.2.7"
        ]),
        ("_dns._tcp.web.shop.svc.cluster.local", "SRV", ["NXDOMAIN", OWN]),
        ("_http._tcp.web.shop.svc.cluster.local", "A", [OWN]),
        ("_tcp.web.shop.svc.cluster.local", "SRV", [OWN]),
        ("_sctp.web.shop.svc.cluster.local", "SRV", ["NXDOMAIN", OWN]),
        ("first.web.shop.svc.cluster.local", "A", ["NXDOMAIN", OWN]),
        (POINTER.format("7.2"), "PTR", ["PTR web.shop.svc.cluster.local."]),
        # 2.4 Headless ones: ready places only.
        ("heads.shop.svc.cluster.local", "A", ["A 10.201.0.2", "A 10.201.0.3"]),
        ("first.heads.shop.svc.cluster.local", "A", ["A 10.201.0.2"]),
        ("10-201-0-3.heads.shop.svc.cluster.local", "A", ["A 10.201.0.3"]),
        ("late.heads.shop.svc.cluster.local", "A", ["NXDOMAIN", OWN]),
        ("_http._tcp.heads.shop.svc.cluster.local", "SRV", [
            "SRV 0 50 8080 10-201-0-3.heads.shop.svc.cluster.local.",
            "SRV 0 50 8080 first.heads.shop.svc.cluster.local.",
            "+ 10-201-0-3.heads.shop.svc.cluster.local 10.201.0.3",
            "+ first.heads.shop.svc.cluster.local 10.201.0.2",
        ]),
        (POINTER.format("2.0"), "PTR", ["PTR first.heads.shop.svc.cluster.local."]),
        (POINTER.format("3.0"), "PTR", ["PTR 10-201-0-3.heads.shop.svc.cluster.local."]),
        (POINTER.format("4.0"), "PTR", ["NXDOMAIN", "- 201.10.in-addr.arpa"]),
        ("9.2.0.192.in-addr.arpa", "PTR", ["PTR 192-0-2-9.far.shop.svc.cluster.local."]),
        ("empty.shop.svc.cluster.local", "A", ["NXDOMAIN", OWN]),
        # 2.5 Aliases are followed as far as we know; the rest is for the host's servers.
        ("out.shop.svc.cluster.local", "A", ["CNAME Ext.Example.com.", "> ext.example.com"]),
        ("out.shop.svc.cluster.local", "AAAA", ["CNAME Ext.Example.com.", "> ext.example.com"]),
        ("out.shop.svc.cluster.local", "CNAME", ["CNAME Ext.Example.com."]),
        ("in.shop.svc.cluster.local", "A", ["CNAME web.shop.svc.cluster.local.", "A 10.201.2.7"]),
        ("in.shop.svc.cluster.local", "AAAA", ["CNAME web.shop.svc.cluster.local.", OWN]),
        ("lost.shop.svc.cluster.local", "A", ["NXDOMAIN", "CNAME nobody.shop.svc.cluster.local.", OWN]),
        ("ring.shop.svc.cluster.local", "A", ["CNAME ring.shop.svc.cluster.local."]),
        ("x.out.shop.svc.cluster.local", "A", ["NXDOMAIN", OWN]),
        # 2.6 Pods, those that are there.
        ("10-201-0-2.shop.pod.cluster.local", "A", ["A 10.201.0.2"]),
        ("10-201-0-9.shop.pod.cluster.local", "A", ["NXDOMAIN", OWN]),
        ("10-201-0-2.bare.pod.cluster.local", "A", ["NXDOMAIN", OWN]),
        # Names that have others below them, and names that nobody has.
        ("cluster.local", "A", [OWN]),
        ("cluster.local", "SOA", [SOA]),
        ("svc.cluster.local", "A", [OWN]),
        ("shop.svc.cluster.local", "A", [OWN]),
        ("bare.svc.cluster.local", "A", [OWN]),
        ("nobody.svc.cluster.local", "A", ["NXDOMAIN", OWN]),
        ("web.shop.cluster.local", "A", ["NXDOMAIN", OWN]),
        ("example.com.shop.svc.cluster.local", "A", ["NXDOMAIN", OWN]),
        ("a.b.c.web.shop.svc.cluster.local", "A", ["NXDOMAIN", OWN]),
        ("201.10.in-addr.arpa", "SOA", [SOA]),
        ("0.201.10.in-addr.arpa", "PTR", ["- 201.10.in-addr.arpa"]),
        # Not ours.
        ("example.com", "A", ["REFUSED"]),
        ("web", "A", ["REFUSED"]),
        ("", "A", ["REFUSED"]),
        ("notcluster.local", "A", ["REFUSED"]),
        ("10.in-addr.arpa", "PTR", ["REFUSED"]),
        ("1.2.0.192.in-addr.arpa", "PTR", ["REFUSED"]),
        ("a.1.201.10.in-addr.arpa", "PTR", ["REFUSED"]),
        ("1.2.3.201.10.in-addr.arpa", "PTR", ["REFUSED"]),
    ],
)  # fmt: skip
def test_N01_what_names_lead_to(name: str, kind: str, answer: list[str]) -> None:
    assert said(name, kind) == answer


def test_N01_whatever_is_asked_for_all_that_there_is() -> None:
    assert said("web.shop.svc.cluster.local", "ANY") == ["A 10.201.2.7"]


def test_where_nothing_carries_addresses_every_service_leads_to_its_pods() -> None:
    zone = Zone("cluster.local", POOL, SERVED, by_name=True)
    assert said("web.shop.svc.cluster.local", zone=zone) == ["A 10.201.0.2", "A 10.201.0.3"]
    (first, *_) = said("_dns._udp.web.shop.svc.cluster.local", "SRV", zone)
    assert first == "SRV 0 50 5353 10-201-0-3.web.shop.svc.cluster.local."
    assert said(POINTER.format("7.2"), "PTR", zone) == ["NXDOMAIN", "- 201.10.in-addr.arpa"]


@pytest.mark.parametrize(
    ("pool", "name", "apex"),
    [
        ("10.0.0.0/8", "1.2.3.10.in-addr.arpa", "10.in-addr.arpa"),
        ("10.201.4.0/22", "1.5.201.10.in-addr.arpa", "5.201.10.in-addr.arpa"),
        ("10.201.4.0/22", "1.8.201.10.in-addr.arpa", None),
        ("10.192.0.0/12", "1.5.201.10.in-addr.arpa", "201.10.in-addr.arpa"),
    ],
)
def test_addresses_of_the_pool_are_nobody_elses(pool: str, name: str, apex: str | None) -> None:
    answer = Zone("cluster.local", IPv4Network(pool)).answer(name, "PTR")
    assert answer == REFUSED if apex is None else answer.soa is not None and answer.soa.name == apex


def test_a_ring_of_aliases_ends() -> None:
    ring = tuple(alias(f"r{index}", f"r{(index + 1) % 20}.shop.svc.cluster.local") for index in range(20))
    answer = Zone("cluster.local", POOL, ring).answer("r0.shop.svc.cluster.local", "A")
    assert answer.rcode == "NOERROR"
    assert {record.type for record in answer.records} == {"CNAME"}
