"""dnsPolicy and dnsConfig against what the host has (E05)."""

import pytest

from orchestrator.planning.resolver import ResolverSettings, resolver_settings
from orchestrator.planning.surroundings import NodeFacts
from tests.unit.planning.builders import pod

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
