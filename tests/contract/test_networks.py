"""Networks, as every engine makes them."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from orchestrator.engine.base import EngineRefused, Network
from orchestrator.errors import Conflict, NotFound
from tests.contract.bench import Bench
from tests.turns import one_at_a_time

pytestmark = pytest.mark.contract


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    """All of them ask for the same addresses, in whatever process they run."""
    with one_at_a_time("addresses"):
        yield


async def _network(bench: Bench, short: str = "net", subnet: str = "10.219.8.0/24", bridge: str = "") -> Network:
    hosts = ip_network(subnet)
    return await bench.engine.create_network(
        bench.name(short),
        labels=bench.labels,
        subnet=subnet,
        ip_range=str(next(hosts.subnets(1))),
        gateway=str(hosts[1]),
        bridge=bridge,
    )


async def test_a_network_is_told_as_it_was_asked_for(bench: Bench) -> None:
    made = await _network(bench, bridge="orch-contract0")
    assert (made.name, made.subnet, made.ip_range) == (bench.name("net"), "10.219.8.0/24", "10.219.8.0/25")
    assert (made.gateway, made.bridge) == ("10.219.8.1", "orch-contract0")
    assert await bench.engine.list_networks(bench.labels) == [made]
    assert made in await bench.engine.list_networks()


async def test_a_bridge_has_a_name_of_its_own_where_none_is_asked_for(bench: Bench) -> None:
    made = await _network(bench)
    assert made.bridge == f"br-{made.id[:12]}"


async def test_all_networks_are_more_than_ours(bench: Bench) -> None:
    names = {network.name for network in await bench.engine.list_networks()}
    assert {"bridge", "host", "none"} <= names


async def test_a_name_is_taken_once(bench: Bench) -> None:
    await _network(bench)
    with pytest.raises(Conflict, match="already exists"):
        await _network(bench, subnet="10.219.9.0/24")


async def test_subnets_may_not_overlap(bench: Bench) -> None:
    await _network(bench)
    with pytest.raises(EngineRefused, match="overlap"):
        await _network(bench, "other", subnet="10.219.8.128/25")


async def test_addresses_come_from_the_range_and_last_while_it_runs(bench: Bench) -> None:
    network = await _network(bench)
    first = await bench.run("first", network=network.name)
    second = await bench.run("second", network=network.name)
    addresses = {(await bench.engine.inspect(each)).addresses[network.name] for each in (first, second)}
    assert len(addresses) == 2
    assert all(ip_address(address) in ip_network(network.ip_range) for address in addresses)
    assert network.gateway not in addresses
    await bench.engine.kill(first)
    assert (await bench.until(first, "exited")).addresses == {}


async def test_a_network_in_use_stays(bench: Bench) -> None:
    network = await _network(bench)
    container = await bench.run(network=network.name)
    with pytest.raises(Conflict, match="active endpoints"):
        await bench.engine.remove_network(network.id)
    await bench.engine.remove(container)
    await bench.engine.remove_network(network.name)
    assert await bench.engine.list_networks(bench.labels) == []
    await bench.engine.remove_network(network.id)


async def test_starting_on_a_network_that_is_not_there(bench: Bench) -> None:
    container = await bench.engine.create(bench.config(network=bench.name("nowhere")))
    with pytest.raises(NotFound, match="not found"):
        await bench.engine.start(container)
