"""The range of a namespace is taken by others between a pod's plan and its network."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.planning import labels
from orchestrator.planning.surroundings import Surroundings
from orchestrator.services.addresses import AddressBook
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime


class Asking(Daemon):
    """One whose pods ask for names at their network's gateway."""

    @property
    def book(self) -> AddressBook:
        return self.networks._book

    def _surroundings(self, namespace: str) -> Surroundings:
        return replace(super()._surroundings(namespace), dns_server=lambda: str(self.book.subnet(namespace).gateway))


async def test_E05_a_sandbox_is_never_told_of_a_gateway_that_is_not_its_own(engine: Engine, tmp_path: Path) -> None:
    async with Asking(engine, tmp_path) as daemon:
        taken = daemon.book.subnet("default").cidr
        daemon.book._busy = lambda: (taken,)
        daemon.pod('containers: [{name: web, image: "web:1"}]')
        await daemon.ready()
        (network,) = await engine.list_networks({labels.NAMESPACE: "default"})
        assert network.subnet != str(taken)
        config = engine._containers[(await engine.newest(labels.SANDBOX_NAME)).id].config
        assert config.dns == (network.gateway,)
        assert not [event for event in daemon.store.list("Event") if event.type == "Warning"]
