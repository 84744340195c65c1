"""One bridge network for each namespace: made when first needed, removed when nothing of the namespace is left."""

import asyncio
import logging
from collections.abc import Callable, Collection
from ipaddress import IPv4Network
from weakref import WeakValueDictionary

from orchestrator.engine.base import Engine, EngineRefused, Network
from orchestrator.errors import Conflict, OrchestratorError
from orchestrator.planning import labels
from orchestrator.services.addresses import AddressBook
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.subnets import Subnet

log = logging.getLogger(__name__)

ROLE = "network"
_ATTEMPTS = 4


def network_name(instance: str, namespace: str) -> str:
    """What the engine calls a namespace's network ("orchestrator_default")."""
    return f"{labels.prefix_of(instance)}_{namespace}"


class Networks:
    """The namespaces' networks in the engine.  Safe for concurrent calls: one creation serves all who wait for it."""

    def __init__(self, engine: Engine, book: AddressBook, dataplane: DataPlane, instance: str) -> None:
        self._engine = engine
        self._book = book
        self._dataplane = dataplane
        self._instance = instance
        self._own = {labels.INSTANCE: instance, labels.ROLE: ROLE}
        self._ready: dict[str, Network] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def refresh(self) -> None:
        """See which networks the engine has.  Call it once before addresses are given out."""
        foreign = []
        for network in await self._engine.list_networks():
            namespace = self._namespace_of(network)
            if not network.subnet or ":" in network.subnet:
                continue
            cidr = IPv4Network(network.subnet)
            if namespace:
                if not self._book.known(namespace):
                    self._book.adopt(namespace, cidr)
            else:
                foreign.append(cidr)
        self._book.avoid(foreign)

    async def ensure(self, namespace: str) -> Network:
        """The namespace's network, made now if it is not there, with its addresses at home on this host.

        Unavailable when the engine does not answer; OrchestratorError when there is no range for it, or when its range
        is taken and cannot be changed any more.
        """
        async with self._lock(namespace):
            if not self.ready(namespace):
                self._ready.pop(namespace, None)
                network = await self._find(namespace) or await self._create(namespace)
                await self._dataplane.attach(self._book.subnet(namespace))
                self._ready[namespace] = network
            return self._ready[namespace]

    def ready(self, namespace: str) -> bool:
        """Whether `ensure` has succeeded for this namespace, and its bridge is still there where that can be seen."""
        return namespace in self._ready and self._dataplane.attached(self._book.subnet(namespace))

    def doubt(self, namespace: str) -> None:
        """A sandbox could not join it: an engine that lost its disk has no network though the bridge still stands."""
        self._ready.pop(namespace, None)

    async def repair(self) -> bool:
        """Give the networks back what the host may have lost (an engine that restarts makes its bridges anew).

        False when someone removed some of them: the next `ensure` makes them anew.
        """
        gone = await self._gone()
        for namespace in gone:
            log.warning("%s: someone removed its network", namespace)
            self._ready.pop(namespace, None)
        for namespace in list(self._ready):
            await self._dataplane.attach(self._book.subnet(namespace))
        return not gone

    async def _gone(self) -> list[str]:
        """The namespaces whose network we have made or found, and someone else has removed."""
        if self._dataplane.mode is Mode.KERNEL:
            return [namespace for namespace in self._ready if not self.ready(namespace)]
        known = dict(self._ready)
        there = {network.id for network in await self._engine.list_networks(self._own)}
        return [namespace for namespace, network in known.items() if network.id not in there]

    def _lock(self, namespace: str) -> asyncio.Lock:
        return self._locks.setdefault(namespace, asyncio.Lock())

    async def clean(self) -> bool:
        """Take everything back that this room made on the host.  False when containers still use a network."""
        await self._dataplane.clean(self._book.subnets())
        return await self.prune(lambda: ())

    async def prune(self, keep: Callable[[], Collection[str]]) -> bool:
        """Remove the networks of all namespaces but those that `keep` gives at the moment of removal.

        Ranges of namespaces whose network someone else has removed go back to the pool too.  False when containers
        still use some of the networks: call again later.
        """
        all_gone = True
        networks = {self._namespace_of(each): each for each in await self._engine.list_networks(self._own)}
        there = networks.keys()
        for namespace in {subnet.namespace for subnet in self._book.subnets()} - there:
            async with self._lock(namespace):
                if namespace not in keep() and namespace not in self._ready:
                    self._book.forget(namespace)
        for namespace, network in networks.items():
            async with self._lock(namespace):
                if not namespace or namespace in keep():
                    continue
                # A pod that comes while the engine removes it must not count on it: it waits here, in `ensure`.
                ready = self._ready.pop(namespace, None)
                try:
                    await self._engine.remove_network(network.id)
                except Conflict:
                    all_gone = False
                    if ready is not None:
                        self._ready[namespace] = ready
                    continue
                self._book.forget(namespace)
                log.info("%s: removed network %s: nothing is left in the namespace", namespace, network.name)
        return all_gone

    def _namespace_of(self, network: Network) -> str:
        """Whose network it is, "" for one that is not ours: its name has to agree with its labels."""
        namespace = network.labels.get(labels.NAMESPACE, "")
        ours = self._own.items() <= network.labels.items() and network.name == network_name(self._instance, namespace)
        return namespace if ours else ""

    async def _find(self, namespace: str) -> Network | None:
        """The network that is there; one with another range than ours is removed, which only works while unused."""
        subnet = self._book.subnet(namespace)
        for network in await self._engine.list_networks({**self._own, labels.NAMESPACE: namespace}):
            if not self._namespace_of(network):
                continue
            if network.subnet == str(subnet.cidr):
                return network
            try:
                await self._engine.remove_network(network.id)
            except Conflict as error:
                raise OrchestratorError(
                    f"cannot use network {network.name}: its range is {network.subnet}, the addresses of namespace "
                    f'"{namespace}" were given out of {subnet.cidr}; remove the containers on it'
                ) from error
        return None

    async def _create(self, namespace: str) -> Network:
        for _ in range(_ATTEMPTS):
            subnet = self._book.subnet(namespace)
            trouble: OrchestratorError | None = None
            if not self._book.blocked(subnet):
                try:
                    return await self._make(subnet)
                except EngineRefused as error:
                    trouble = error
            # Another daemon or a new route of the host was faster.  Nobody knows our addresses yet? Then move.
            await self._move(subnet, trouble)
        raise OrchestratorError(
            f'cannot make a network for namespace "{namespace}": every range that was tried is taken'
        )

    async def _make(self, subnet: Subnet) -> Network:
        network = await self._engine.create_network(
            network_name(self._instance, subnet.namespace),
            labels={**self._own, labels.NAMESPACE: subnet.namespace},
            subnet=str(subnet.cidr),
            ip_range=str(subnet.pods),
            gateway=str(subnet.gateway),
            bridge=subnet.bridge,
        )
        log.info("%s: made network %s, %s: first needed now", subnet.namespace, network.name, subnet.cidr)
        return network

    async def _move(self, subnet: Subnet, trouble: OrchestratorError | None) -> None:
        await self.refresh()
        if not self._book.blocked(subnet) and trouble is not None:
            raise trouble
        if self._book.in_use(subnet.namespace):
            raise OrchestratorError(
                f'cannot make the network of namespace "{subnet.namespace}": the host or another network now uses '
                f"{subnet.cidr}, where its Services have their addresses; free that range, or delete its Services"
            ) from trouble
        self._book.forget(subnet.namespace)
