"""dnsPolicy and dnsConfig against what the host has (E05)."""

from dataclasses import replace

import pytest

from orchestrator.planning.container import sandbox_config
from orchestrator.planning.resolver import ClusterDNS, ResolverSettings, resolver_settings
from orchestrator.planning.surroundings import NodeFacts
from tests.unit.planning.builders import AROUND, pod

HOST = NodeFacts(
    name="host",
    ip="192.0.2.1",
    nano_cpus=1,
    memory_bytes=1,
    nameservers=("127.0.0.53", "192.0.2.2"),
    searches=("host.example",),
    resolver_options=("ndots:1", "edns0"),
)
_CONFIG = "nameservers: [192.0.2.9], searches: [own.example], options: [{name: ndots, value: '5'}, {name: rotate}]"
OWN = f"dnsConfig: {{{_CONFIG}}}"


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        # Nothing said: the engine takes the host's by itself.
        ("", ResolverSettings()),
        ("dnsPolicy: Default", ResolverSettings()),
        # Added to the host's, whose loopback is out of reach; an option of the same name wins.
        (
            OWN,
            ResolverSettings(
                ("192.0.2.2", "192.0.2.9"), ("host.example", "own.example"), ("ndots:5", "edns0", "rotate")
            ),
        ),
        (f"hostNetwork: true\n{OWN}", ResolverSettings(
            ("127.0.0.53", "192.0.2.2", "192.0.2.9"), ("host.example", "own.example"), ("ndots:5", "edns0", "rotate")
        )),
        ("dnsConfig: {searches: [own.example]}", ResolverSettings((), ("host.example", "own.example"))),
        # None: not a word of the host's, and no search where none is given.
        (f"dnsPolicy: None\n{OWN}", ResolverSettings(("192.0.2.9",), ("own.example",), ("ndots:5", "rotate"))),
        ("dnsPolicy: None\ndnsConfig: {nameservers: [192.0.2.9]}", ResolverSettings(("192.0.2.9",), (".",))),
    ],
)  # fmt: skip
def test_E05_resolver_settings(spec: str, settings: ResolverSettings) -> None:
    made = pod(f"{spec}\ncontainers: [{{name: web, image: 'web:1'}}]")
    assert resolver_settings(made.spec, HOST) == settings


def test_E05_no_more_nameservers_than_a_resolver_asks() -> None:
    made = pod("dnsConfig: {nameservers: [192.0.2.3, 192.0.2.4, 192.0.2.5]}\ncontainers: [{name: web, image: 'web:1'}]")
    assert resolver_settings(made.spec, HOST).nameservers == ("192.0.2.2", "192.0.2.3", "192.0.2.4")


CLUSTER = ClusterDNS("10.201.0.1", "shop", "cluster.local")
SEARCHES = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "host.example")
FIRST = ResolverSettings(("10.201.0.1", "192.0.2.2"), SEARCHES, ("ndots:5",))


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ("", FIRST),
        # On the host's network only the one that says so; there the host's loopback is its own.
        ("hostNetwork: true", ResolverSettings()),
        (
            "hostNetwork: true\ndnsPolicy: ClusterFirstWithHostNet",
            ResolverSettings(("10.201.0.1", "127.0.0.53", "192.0.2.2"), SEARCHES, ("ndots:5",)),
        ),
        ("dnsPolicy: Default", ResolverSettings()),
        ("dnsPolicy: None\ndnsConfig: {nameservers: [192.0.2.9]}", ResolverSettings(("192.0.2.9",), (".",))),
        (
            "dnsConfig: {nameservers: [192.0.2.8, 192.0.2.9], searches: [own.example], options: [{name: rotate}]}",
            ResolverSettings(
                ("10.201.0.1", "192.0.2.2", "192.0.2.8"), (*SEARCHES, "own.example"), ("ndots:5", "rotate")
            ),
        ),
        (
            "dnsConfig: {options: [{name: ndots, value: '2'}]}",
            ResolverSettings(("10.201.0.1", "192.0.2.2"), SEARCHES, ("ndots:2",)),
        ),
    ],
)  # fmt: skip
def test_E05_a_responder_is_asked_before_the_hosts_servers(spec: str, settings: ResolverSettings) -> None:
    made = pod(f"{spec}\ncontainers: [{{name: web, image: 'web:1'}}]")
    assert resolver_settings(made.spec, HOST, CLUSTER) == settings


def test_a_responder_that_comes_or_goes_replaces_no_pod() -> None:
    made = pod("containers: [{name: web, image: 'web:1'}]")
    without, asked = (
        sandbox_config(made, 0, replace(AROUND, dns_server=lambda ip=ip: ip)) for ip in ("", "10.201.0.1")
    )
    assert (without.dns, asked.dns) == ((), ("10.201.0.1",))
    assert without.labels == asked.labels


def test_E05_a_server_that_the_pod_names_is_not_crowded_out_by_the_hosts() -> None:
    busy = replace(HOST, nameservers=("192.0.2.2", "192.0.2.3", "192.0.2.4"))
    plain = pod("containers: [{name: web, image: 'web:1'}]")
    assert resolver_settings(plain.spec, busy, CLUSTER).nameservers == ("10.201.0.1", "192.0.2.2", "192.0.2.3")
    own = pod("dnsConfig: {nameservers: [192.0.2.9]}\ncontainers: [{name: web, image: 'web:1'}]")
    assert resolver_settings(own.spec, busy, CLUSTER).nameservers == ("10.201.0.1", "192.0.2.2", "192.0.2.9")
