import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from orchestrator.engine.base import ContainerConfig
from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.errors import OrchestratorError, Unavailable
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.service import Service
from orchestrator.services.addresses import AddressBook
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.networks import Networks
from orchestrator.services.subnets import cut
from orchestrator.services.upkeep import HOUR, Upkeep
from orchestrator.state.journal import Journal
from orchestrator.state.store import Store

WEB = Service(metadata=ObjectMeta(name="web", namespace="default", uid="1"))


@dataclass
class Host:
    engine: SimulatedEngine
    book: AddressBook
    networks: Networks
    routes: list[IPv4Network]
    journal: Journal
    stands: set[IPv4Network]
    """Networks whose bridge, as the engine left it, has the host's route to them."""


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    journal = Journal(tmp_path / "journal.db")
    engine = SimulatedEngine(latencies={"create_network": 0.01})
    engine.images.add("busybox:1")
    routes: list[IPv4Network] = []
    stands: set[IPv4Network] = set()
    book = AddressBook(journal, "10.201.0.0/16", busy=lambda: routes, stands=lambda subnet: subnet.cidr in stands)
    networks = Networks(engine, book, DataPlane("default", Mode.NAMES), "default")
    yield Host(engine, book, networks, routes, journal, stands)
    journal.close()


async def foreign_network(host: Host, subnet: IPv4Network) -> None:
    lower = str(next(subnet.subnets()))
    await host.engine.create_network(
        "theirs", labels={}, subnet=str(subnet), ip_range=lower, gateway=str(subnet[1]), bridge="theirs0"
    )


async def test_many_callers_share_one_network(host: Host) -> None:
    found = await asyncio.gather(*(host.networks.ensure("default") for _ in range(10)))
    assert len({network.id for network in found}) == 1
    subnet = host.book.subnet("default")
    network = found[0]
    assert (network.name, network.bridge) == ("orchestrator_default", subnet.bridge)
    assert (network.subnet, network.ip_range) == (str(subnet.cidr), str(subnet.pods))
    assert network.labels["orchestrator.dev/namespace"] == "default"


async def test_a_new_daemon_takes_over_the_network_and_its_range_without_a_journal(host: Host, tmp_path: Path) -> None:
    made = await host.networks.ensure("default")
    journal = Journal(tmp_path / "lost.db")
    book = AddressBook(journal, "10.99.0.0/16", busy=lambda: [IPv4Network(made.subnet)])
    networks = Networks(host.engine, book, DataPlane("default", Mode.NAMES), "default")
    await networks.refresh()
    assert str(book.subnet("default").cidr) == made.subnet
    assert await networks.ensure("default") == made
    journal.close()


async def test_a_range_that_another_network_took_is_given_up_while_nobody_knows_it(host: Host) -> None:
    wanted = host.book.subnet("default").cidr
    await foreign_network(host, wanted)
    network = await host.networks.ensure("default")
    assert not IPv4Network(network.subnet).overlaps(wanted)
    assert network.subnet == str(host.book.subnet("default").cidr)


async def test_a_range_that_the_host_routes_elsewhere_is_given_up_while_nobody_knows_it(host: Host) -> None:
    wanted = host.book.subnet("default").cidr
    host.routes.append(wanted)
    assert (await host.networks.ensure("default")).subnet != str(wanted)


async def test_once_a_service_has_its_address_the_range_stays_and_the_error_says_what_to_do(host: Host) -> None:
    host.book.admit(WEB, None)
    await foreign_network(host, host.book.subnet("default").cidr)
    with pytest.raises(OrchestratorError, match="free that range, or delete its Services") as told:
        await host.networks.ensure("default")
    assert not isinstance(
        told.value, Unavailable
    )  # the node retries those in silence: the engine's absence is told once


async def test_a_network_of_ours_with_another_range_that_is_in_use_is_told(host: Host, tmp_path: Path) -> None:
    made = await host.networks.ensure("default")
    config = ContainerConfig(name="c", image="busybox:1", labels={}, network=made.name)
    await host.engine.start(await host.engine.create(config))
    journal = Journal(tmp_path / "other.db")
    book = AddressBook(journal, "10.99.0.0/16", busy=list)
    networks = Networks(host.engine, book, DataPlane("default", Mode.NAMES), "default")
    with pytest.raises(OrchestratorError, match=f"its range is {made.subnet}") as told:
        await networks.ensure("default")
    assert not isinstance(told.value, Unavailable)
    journal.close()


async def test_a_network_that_someone_removed_is_made_again_with_the_same_range(host: Host) -> None:
    first = await host.networks.ensure("default")
    await host.engine.remove_network(first.id)
    assert not await host.networks.repair()
    assert not host.networks.ready("default")
    again = await host.networks.ensure("default")
    assert again.id != first.id
    assert again.subnet == first.subnet
    assert await host.networks.repair()
    assert host.networks.ready("default")


async def test_an_engine_that_lost_its_disk_gets_the_network_with_the_same_range(host: Host) -> None:
    """The bridge still stands, and the host's route to it is no reason to give the addresses up."""
    first = await host.networks.ensure("default")
    host.book.admit(WEB, None)
    await host.engine.remove_network(first.id)
    host.networks.doubt("default")
    host.routes.append(IPv4Network(first.subnet))
    with pytest.raises(OrchestratorError, match="free that range"):
        await host.networks.ensure("default")
    host.stands.add(IPv4Network(first.subnet))
    assert (await host.networks.ensure("default")).subnet == first.subnet


async def test_ranges_and_addresses_of_what_went_while_the_daemon_was_away_are_free_again(host: Host) -> None:
    await host.networks.ensure("emptied")
    host.book.admit(Service(metadata=ObjectMeta(name="web", namespace="emptied", uid="1")), None)
    host.book.admit(WEB, None)
    # Another daemon of this instance, which finds nothing of this in its specs.
    book = AddressBook(host.journal, "10.201.0.0/16", busy=list)
    networks = Networks(host.engine, book, DataPlane("default", Mode.NAMES), "default")
    await networks.refresh()
    assert {subnet.namespace for subnet in book.subnets()} == {"default", "emptied"}
    assert await networks.prune(lambda: ())
    assert book.subnets() == []
    assert list(host.journal.items("addresses")) == []


async def test_only_networks_of_this_instance_that_nobody_needs_are_removed(host: Host) -> None:
    await foreign_network(host, IPv4Network("10.250.0.0/24"))
    other = Networks(host.engine, host.book, DataPlane("other", Mode.NAMES), "other")
    await other.ensure("theirs")
    for namespace in ("kept", "used", "unused"):
        await host.networks.ensure(namespace)
    config = ContainerConfig(name="c", image="busybox:1", labels={}, network="orchestrator_used")
    await host.engine.start(await host.engine.create(config))
    assert not await host.networks.prune(lambda: {"kept"})
    names = {network.name for network in await host.engine.list_networks()}
    assert {"orchestrator_kept", "orchestrator_used", "theirs", "orchestrator-other_theirs"} <= names
    assert "orchestrator_unused" not in names
    await host.engine.remove("c")
    assert await host.networks.prune(lambda: {"kept"})
    assert "orchestrator_used" not in {network.name for network in await host.engine.list_networks()}
    assert not host.book.known("used")


async def test_a_network_with_our_labels_and_another_name_is_not_ours(host: Host) -> None:
    """Somebody has copied one of ours, labels and all: it is left alone, and its range is avoided."""
    made = await host.networks.ensure("default")
    theirs = IPv4Network("10.202.0.0/22")
    await host.engine.create_network(
        "copy", labels=made.labels, subnet=str(theirs), ip_range="10.202.0.0/23", gateway="10.202.0.1", bridge="copy0"
    )
    book = AddressBook(host.journal, "10.202.0.0/16", "b", busy=list)
    networks = Networks(host.engine, book, DataPlane("default", Mode.NAMES), "default")
    await networks.refresh()
    assert book.blocked(cut("b", "default", theirs))
    assert not book.blocked(cut("b", "default", IPv4Network(made.subnet)))
    assert await networks.prune(lambda: ())
    assert [network.name for network in await host.engine.list_networks(made.labels)] == ["copy"]


@pytest.mark.looptime
async def test_networks_that_nobody_needs_are_looked_for_every_hour(host: Host, tmp_path: Path) -> None:
    store = Store(host.journal, time.time)
    upkeep = Upkeep(store, host.networks, DataPlane("default", Mode.NAMES), lambda: None)
    task = asyncio.create_task(upkeep.prune())
    await asyncio.sleep(1)
    await host.networks.ensure("lost")

    async def names() -> set[str]:
        return {network.name for network in await host.engine.list_networks()}

    await asyncio.sleep(HOUR - 60)
    assert "orchestrator_lost" in await names()
    await asyncio.sleep(120)
    assert "orchestrator_lost" not in await names()
    task.cancel()
