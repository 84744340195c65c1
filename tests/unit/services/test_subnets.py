from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from orchestrator.errors import OrchestratorError
from orchestrator.services import subnets


def test_a_subnet_has_pods_below_and_services_above() -> None:
    subnet = subnets.cut("default", "shop", IPv4Network("10.201.4.0/22"))
    assert subnet.pods == IPv4Network("10.201.4.0/23")
    assert subnet.services == IPv4Network("10.201.6.0/23")
    assert subnet.gateway == IPv4Address("10.201.4.1")


def test_bridge_names_fit_the_kernel_and_differ_by_instance_and_namespace() -> None:
    names = {subnets.bridge_name(i, n) for i in ("a", "b") for n in ("x", "a-namespace-with-a-name-of-many-letters")}
    assert len(names) == 4
    assert all(len(name) <= 15 for name in names)


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("10.201.0.0", "larger"),
        ("10.201.0.0/24", "must be a /22 or larger"),
        ("10.201.0.1/16", "has host bits set"),
        ("fd00::/48", "10.201.0.0/16"),
        ("lots", "--pool"),
    ],
)
def test_a_pool_that_is_none_is_refused_with_a_proposal(pool: str, words: str) -> None:
    with pytest.raises(OrchestratorError, match=r'cannot use the network pool "') as refused:
        subnets.parse_pool(pool)
    assert words in str(refused.value)


def test_candidates_are_the_whole_pool_once() -> None:
    pool = IPv4Network("10.201.0.0/20")
    found = list(subnets.candidates(pool, "default/default"))
    assert sorted(found) == list(pool.subnets(new_prefix=22))
    assert found == list(subnets.candidates(pool, "default/default"))


def test_host_routes_leave_out_the_default_route(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    assert subnets.host_routes(table) == [IPv4Network("172.17.0.0/16"), IPv4Network("192.0.2.0/24")]


def test_a_route_to_our_own_bridge_is_told_from_those_of_others(tmp_path: Path) -> None:
    ours = subnets.cut("default", "default", IPv4Network("10.201.0.0/22"))
    table = tmp_path / "route"
    head, row = "Iface\tDestination\tGateway\tFlags\n", "{}\t{}\t00000000\t0001\t0\t0\t0\t{}\t0\t0\t0\n"
    for bridge, address, mask, found in (
        (ours.bridge, "0000C90A", "00FCFFFF", True),
        ("br-other", "0000C90A", "00FCFFFF", False),
        (ours.bridge, "0000C90A", "00FEFFFF", False),
        (ours.bridge, "0004C90A", "00FCFFFF", False),
    ):
        table.write_text(head + row.format(bridge, address, mask))
        assert subnets.leads_to_its_bridge(ours, table) is found
