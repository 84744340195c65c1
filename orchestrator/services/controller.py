"""Keeps EndpointSlices, the kernel's rules and the hosts files true to the store's Services and ready Pods.

Everything that has changed since the last round goes into one round, and a round changes the kernel in one
transaction.  Networks are made beside the rounds, so that a slow engine holds up no readiness.  A failure is told,
and tried again with growing waits.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress

from msgspec.structs import replace

from orchestrator.objects.service import Endpoints, Service
from orchestrator.services import nft
from orchestrator.services.addresses import AddressBook, has_address
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.dns_responder import Responder
from orchestrator.services.host_ports import HostPorts
from orchestrator.services.hosts import HostsFiles
from orchestrator.services.ledger import Ledger, Made
from orchestrator.services.networks import Networks
from orchestrator.services.policy_keeper import PolicyKeeper
from orchestrator.services.reach import RETRY_SECONDS, Reach
from orchestrator.services.upkeep import FIRST_RETRY, LAST_RETRY, Upkeep, attempt
from orchestrator.state.events import EventRecorder
from orchestrator.state.store import Change, Expired, Key, Object, Store, Watch, key_of

log = logging.getLogger(__name__)

OWNER = "endpoints"
ADOPTION_SECONDS = 10.0
WITHDRAWAL_SECONDS = 1.0


class ServiceController:
    """Run it in a task of its own; it ends only when it is cancelled."""

    def __init__(
        self,
        store: Store,
        book: AddressBook,
        networks: Networks,
        dataplane: DataPlane,
        hosts: HostsFiles,
        recorder: EventRecorder,
        adopted: asyncio.Event,
        host_ports: HostPorts,
        host_address: Callable[[], str],
        policies: PolicyKeeper,
        responder: Responder,
    ) -> None:
        """`adopted` is set once pods that run already are in the store; rules that stand are left alone until then.

        `host_address` gives the address that load balancers tell.
        """
        self._store = store
        self._book = book
        self._networks = networks
        self._dataplane = dataplane
        self._hosts = hosts
        self._responder = responder
        self._recorder = recorder
        self._adopted = adopted
        self._reach = Reach(store, recorder, dataplane, host_ports, host_address)
        self._ledger = Ledger(self._endpoints_of, by_name=dataplane.mode is Mode.NAMES)
        self._wake = asyncio.Event()
        self._policies = policies
        policies.attach(self._wake.set)
        self._upkeep = Upkeep(store, networks, dataplane, self._wake.set)
        self._moved = asyncio.Condition()
        self._seen = self._done = 0
        self._in_round = False
        self._making: set[str] = set()
        self._kept: frozenset[str] = frozenset()
        self._told: set[tuple[str, str]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._published: dict[Key, frozenset[Key]] = {}
        """Our Endpoints and EndpointSlices in the store, by Service."""

    async def run(self) -> None:
        """Follow the store until cancelled."""
        self._in_round = False
        self._making.clear()
        try:
            async with asyncio.timeout(ADOPTION_SECONDS):
                await self._adopted.wait()
        except TimeoutError:
            log.warning("running pods were not taken over within %.0f s; going on with those known", ADOPTION_SECONDS)
        watch = self._store.watch()
        self._list(watch)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(watch), name="services: watch")
            tasks.create_task(self._upkeep.prune(), name="services: prune")
            tasks.create_task(self._upkeep.guard(), name="services: guard")
            await self._rounds(tasks)

    async def settled(self) -> None:
        """Wait until all that is in the store now has reached the kernel and the hosts files."""
        target = self._store.version
        async with self._moved:
            await self._moved.wait_for(lambda: self._quiet() and self._done >= target)

    async def withdrawn(self) -> None:
        """Wait until what the store says now of pods that are to end is in the kernel and the hosts files.

        For a second at most: an end must not hang on a kernel that refuses.
        """
        target = self._store.version
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHDRAWAL_SECONDS), self._moved:
                await self._moved.wait_for(lambda: self._done >= target)

    def _quiet(self) -> bool:
        return not (self._in_round or self._making or self._wake.is_set())

    # --- what changed ---

    async def _follow(self, watch: Watch) -> None:
        while True:
            try:
                changes = await watch.next()
            except Expired:
                watch.restart()
                self._list(watch)
                continue
            matters = [self._note(change) for change in changes]
            self._seen = watch.version
            if any(matters):
                self._wake.set()
            elif self._quiet():
                await self._progress(self._seen)

    def _list(self, watch: Watch) -> None:
        """Start, or begin again after falling behind: what is not in the list any more was deleted."""
        services: dict[Key, Service] = {key_of(service): service for service in self._store.list("Service")}
        before = dict(self._ledger.services)
        slices = {key_of(each): each for each in self._store.list("EndpointSlice") if not self._is_ours(key_of(each))}
        self._ledger.begin(services, {key_of(pod): pod for pod in self._store.list("Pod")}, slices)
        for key, service in before.items():
            if key not in services or services[key].metadata.uid != service.metadata.uid:
                self._forget_told(service)
        for service in services.values():
            self._tell_what_is_missing(service)
        watch.restart()
        self._seen = watch.version
        self._wake.set()

    def _note(self, change: Change) -> bool:
        """Whether this change needs a round."""
        match change.key.kind, change.type:
            case "Service", "DELETED":
                self._ledger.drop_service(change.key)
                self._forget_told(change.object)
            case "Service", _:
                self._ledger.put_service(change.key, change.object)
                self._tell_what_is_missing(change.object)
            case "Pod", "DELETED":
                self._ledger.drop_pod(change.key)
            case "Pod", _:
                return self._ledger.put_pod(change.key, change.object)
            case "Endpoints" | "EndpointSlice", _ if self._is_ours(change.key):
                return False
            case "Endpoints", _:
                self._ledger.endpoints_changed(Key("Service", change.key.namespace, change.key.name))
            case "EndpointSlice", "DELETED":
                return self._ledger.drop_slice(change.key)
            case "EndpointSlice", _:
                self._ledger.put_slice(change.key, change.object)
            case "NetworkPolicy" | "Namespace", _:
                pass
            case _:
                return False
        return True

    def _is_ours(self, place: Key) -> bool:
        """Whether an object is one that this controller has published."""
        record = self._store.record(place)
        return record is not None and record.owner == OWNER

    def _forget_told(self, service: Service) -> None:
        self._told = {told for told in self._told if told[0] != service.metadata.uid}

    def _tell_what_is_missing(self, service: Service) -> None:
        for reason, text in _what_is_missing(service, self._dataplane.mode):
            self._tell(service, reason, text)

    def _tell_of_aliases(self) -> None:
        """An ExternalName is known by DNS alone."""
        if trouble := self._responder.trouble:
            for service in self._ledger.services.values():
                if service.spec.type == "ExternalName":
                    self._tell(service, "NotResolved", f"a hosts file has no aliases, and DNS is not served: {trouble}")

    def _tell(self, service: Service, reason: str, text: str) -> None:
        told = (service.metadata.uid, text)
        if told not in self._told:
            self._told.add(told)
            self._recorder.record(service, "Warning", reason, text)

    # --- rounds ---

    async def _rounds(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        retry = FIRST_RETRY
        while True:
            await self._wake.wait()
            self._wake.clear()
            seen, self._in_round = self._seen, True
            done = await attempt(self._round(tasks), retry)
            self._in_round = False
            if done:
                retry = FIRST_RETRY
                # What came meanwhile and did not ask for another round (our own Endpoints) is done too.
                await self._progress(seen if self._wake.is_set() else self._seen)
            else:
                loop.call_later(retry, self._wake.set)
                retry = min(2 * retry, LAST_RETRY)

    async def _progress(self, seen: int) -> None:
        async with self._moved:
            self._done = max(self._done, seen)
            self._moved.notify_all()

    async def _round(self, tasks: asyncio.TaskGroup) -> bool:
        ledger = self._ledger
        for service, made in ledger.refresh().items():
            self._publish(service, made)
        served, keep = ledger.served, ledger.keep
        self._responder.publish(ledger, keep, self._store.version)
        self._tell_of_aliases()
        shrunk, self._kept = bool(self._kept - keep), keep
        for namespace in served:
            if not self._networks.ready(namespace) and namespace not in self._making:
                self._making.add(namespace)
                tasks.create_task(self._make_network(namespace), name=f"services: network of {namespace}")
        try:
            await self._carry(served if self._dataplane.isolated else keep)
        finally:
            # Not before the kernel: many files take longer than it may take to follow readiness.
            self._hosts.publish(ledger.names)
        if shrunk:
            self._upkeep.shrunk()
        return True

    async def _carry(self, served: frozenset[str]) -> None:
        """Bring the kernel up to date, and tell how the Services are reached."""
        # Also for networks that are not there yet: rules do no harm, and a new daemon must not take down what stands.
        subnets = [self._book.subnet(namespace) for namespace in served]
        services = self._ledger.outward
        doors = self._reach.settle(services)
        await self._dataplane.apply(
            (nft.Network(subnet.bridge, str(subnet.services), str(subnet.pods)) for subnet in subnets),
            self._ledger.targets,
            doors,
            [subnet.bridge for subnet in self._book.subnets() if subnet.namespace not in served],
            self._policies.settle(),
        )
        await self._policies.tell()
        if self._again is not None:
            self._again.cancel()
        if self._reach.tell(services):
            self._again = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._wake.set)

    def _endpoints_of(self, service: Key) -> Endpoints | None:
        place = Key("Endpoints", service.namespace, service.name)
        found: Endpoints | None = None if self._is_ours(place) else self._store.get(place)
        return found

    def _publish(self, service: Key, made: Made) -> None:
        """Have the store hold exactly this of the Service's Endpoints and EndpointSlices that are ours."""
        now = {key_of(each): each for each in made}
        for place in self._published.pop(service, frozenset()) - now.keys():
            if self._is_ours(place):
                self._store.drop(place)
        for place, found in now.items():
            there = self._store.get(place)
            if there is None or not _says_the_same(there, found):
                self._store.put(OWNER, found)
        if now:
            self._published[service] = frozenset(now)

    # --- networks ---

    async def _make_network(self, namespace: str) -> None:
        retry = FIRST_RETRY
        while namespace in self._kept and not await attempt(self._ensure(namespace), retry):
            await asyncio.sleep(retry)
            retry = min(2 * retry, LAST_RETRY)
        self._making.discard(namespace)
        self._wake.set()

    async def _ensure(self, namespace: str) -> bool:
        await self._networks.ensure(namespace)
        return True


def _says_the_same(there: Object, found: Object) -> bool:
    version = there.metadata.resource_version
    return bool(replace(found, metadata=replace(found.metadata, resource_version=version)) == there)


def _what_is_missing(service: Service, mode: Mode) -> Iterator[tuple[str, str]]:
    """What this host cannot give a Service: reason and message of an Event each."""
    kind = service.spec.type
    if mode is Mode.NAMES and has_address(service):
        address = service.spec.cluster_ip
        ports = " nor ports of the host" if kind in ("NodePort", "LoadBalancer") else ""
        ports += " nor its externalIPs" if service.spec.external_ips else ""
        yield (
            "ServedByName",
            f"nothing carries {address}{ports} here: use the name, which leads to ready pods, and their port",
        )
