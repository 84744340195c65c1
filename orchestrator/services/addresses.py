"""The address book: which network a namespace has, and which address a Service.

Both are in the journal (buckets "subnets" and "addresses"), so they outlive the daemon, kill -9 included.  Choices
are made from a hash of the name, so the same names get the same addresses even where the journal was lost.
"""

from collections.abc import Callable, Iterable
from copy import copy
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

import msgspec

from orchestrator.errors import Invalid, OrchestratorError
from orchestrator.objects.service import Service
from orchestrator.services.subnets import (
    Subnet,
    candidates,
    cut,
    host_routes,
    leads_to_its_bridge,
    overlaps,
    parse_pool,
    spread,
)
from orchestrator.state.journal import Journal

_SUBNETS = "subnets"
_ADDRESSES = "addresses"
HEADLESS = "None"

_RESERVED = 32
"""The first addresses of a range are given last: they are for Services that name theirs, as in Kubernetes."""


class _Network(msgspec.Struct, frozen=True):
    cidr: str

    def __post_init__(self) -> None:
        cut("", "", IPv4Network(self.cidr))


class _Address(msgspec.Struct, frozen=True):
    ip: str
    uid: str

    def __post_init__(self) -> None:
        IPv4Address(self.ip)


class AddressBook:
    """Allots networks to namespaces and addresses to Services.  Never waits."""

    def __init__(
        self,
        journal: Journal,
        pool: str,
        instance: str = "default",
        busy: Callable[[], Iterable[IPv4Network]] = host_routes,
        stands: Callable[[Subnet], bool] = leads_to_its_bridge,
    ) -> None:
        """`busy` gives the host's own networks, `stands` says of ours that it is among them.

        OrchestratorError when the pool is not one.
        """
        self._journal = journal
        self._pool = parse_pool(pool)
        self._instance = instance
        self._busy, self._stands = busy, stands
        self._foreign: set[IPv4Network] = set()
        self._admitted: set[str] = set()
        self._on_room: list[Callable[[], None]] = []

    def draft(self, journal: Journal) -> "AddressBook":
        """A copy that is written into another journal, to try something out on."""
        book = copy(self)
        book._journal, book._admitted, book._on_room = journal, {*self._admitted}, []
        return book

    def on_room(self, call: Callable[[], None]) -> None:
        """Have this called when a network goes back to the pool: a namespace that found no room may have it now."""
        self._on_room.append(call)

    # --- networks ---

    def subnet(self, namespace: str) -> Subnet:
        """The namespace's network, allotted now if it has none.  OrchestratorError when the pool has no room."""
        known = self._journal.read(_SUBNETS, namespace, _Network)
        if known is not None:
            return cut(self._instance, namespace, IPv4Network(known.cidr))
        cidr = self._free(namespace)
        self.adopt(namespace, cidr)
        return cut(self._instance, namespace, cidr)

    def check(self) -> None:
        """OrchestratorError when the pool has no room for a first network: to be said once, before any pod meets it."""
        if not self.subnets():
            self._free("default")

    def _free(self, namespace: str) -> IPv4Network:
        own = [IPv4Network(entry.cidr) for _, entry in self._journal.all(_SUBNETS, _Network)]
        taken = [*own, *self._foreign, *self._busy()]
        for cidr in candidates(self._pool, f"{self._instance}/{namespace}"):
            if not overlaps(cidr, taken):
                return cidr
        raise OrchestratorError(
            f'cannot find a network for namespace "{namespace}": all of {self._pool} is used by the host or the engine;'
            " choose another range with --pool, or remove networks that nobody needs"
        )

    def adopt(self, namespace: str, cidr: IPv4Network) -> None:
        """The namespace has this network; what it had before is forgotten."""
        self._journal.put(_SUBNETS, namespace, {"cidr": str(cidr)})

    def subnets(self) -> list[Subnet]:
        """The networks of all namespaces that have one."""
        return [self.subnet(namespace) for namespace, _ in self._journal.all(_SUBNETS, _Network)]

    def gateways(self) -> list[str]:
        """The host's addresses in these networks."""
        return [str(subnet.gateway) for subnet in self.subnets()]

    def known(self, namespace: str) -> bool:
        """Whether the namespace has a network allotted."""
        return self._journal.read(_SUBNETS, namespace, _Network) is not None

    def in_use(self, namespace: str) -> bool:
        """Whether a Service of this namespace holds an address of its network; one that went meanwhile does not."""
        return any(key.startswith(f"{namespace}/") for key in self._admitted)

    def forget(self, namespace: str) -> None:
        """Give the namespace's network back to the pool; not while a Service holds an address of it."""
        if self.in_use(namespace):
            return
        self._journal.delete(_SUBNETS, namespace)
        for key in [key for key, _ in self._journal.items(_ADDRESSES) if key.startswith(f"{namespace}/")]:
            self._journal.delete(_ADDRESSES, key)
        for call in self._on_room:
            call()

    def avoid(self, networks: Iterable[IPv4Network]) -> None:
        """These networks of the engine belong to others."""
        self._foreign = set(networks)

    def blocked(self, subnet: Subnet) -> bool:
        """Whether the host or another's network now uses a part of this one."""
        own = {subnet.cidr} if self._stands(subnet) else set()
        return overlaps(subnet.cidr, [*self._foreign, *(each for each in self._busy() if each not in own)])

    # --- Services ---

    def admit(self, obj: Any, _old: Any) -> Any:
        """A `store.Admission`: fills in clusterIP and clusterIPs of a Service; Invalid when it cannot have its wish."""
        if not isinstance(obj, Service):
            return obj
        key = _key(obj)
        if not has_address(obj):
            self._give_back(key)
            headless = obj.spec.type != "ExternalName" and obj.spec.cluster_ip == HEADLESS
            return _with_address(obj, HEADLESS if headless else "")
        try:
            services = self.subnet(obj.metadata.namespace).services
        except Invalid:
            raise
        except OrchestratorError as error:
            raise Invalid(str(error)) from error
        wanted = obj.spec.cluster_ip
        address = self._fixed(key, wanted, services) if wanted else self._chosen(key, services)
        self._journal.put(_ADDRESSES, key, {"ip": str(address), "uid": obj.metadata.uid})
        self._admitted.add(key)
        return _with_address(obj, str(address))

    def release(self, obj: Any) -> None:
        """For `store.on_drop`: a Service is gone; a new one of the same name that was admitted keeps the address."""
        if not isinstance(obj, Service):
            return
        key = _key(obj)
        entry = self._journal.read(_ADDRESSES, key, _Address)
        if entry is not None and entry.uid == obj.metadata.uid:
            self._give_back(key)

    def _give_back(self, key: str) -> None:
        self._journal.delete(_ADDRESSES, key)
        self._admitted.discard(key)

    def _fixed(self, key: str, wanted: str, services: IPv4Network) -> IPv4Address:
        entry = self._journal.read(_ADDRESSES, key, _Address)
        if entry is not None and key in self._admitted and entry.ip != wanted:
            raise Invalid(
                f'spec.clusterIP: Invalid value: "{wanted}": field is immutable; the Service has {entry.ip}: '
                "delete it first, or leave the field out"
            )
        try:
            address = IPv4Address(wanted)
        except AddressValueError as error:
            raise Invalid(f'spec.clusterIP: Invalid value: "{wanted}": must be an IPv4 address or "None"') from error
        lowest, highest = services[1], services[-2]
        if not lowest <= address <= highest:
            raise Invalid(
                f'spec.clusterIP: Invalid value: "{wanted}": must lie in this namespace\'s range {lowest}-{highest}'
            )
        holder = self._holders().get(str(address))
        if holder is not None and holder != key:
            if holder in self._admitted:
                raise Invalid(f'spec.clusterIP: Invalid value: "{wanted}": is held by Service {holder}')
            self._journal.delete(_ADDRESSES, holder)
        return address

    def _chosen(self, key: str, services: IPv4Network) -> IPv4Address:
        entry = self._journal.read(_ADDRESSES, key, _Address)
        if entry is not None and IPv4Address(entry.ip) in services:
            return IPv4Address(entry.ip)
        holders = self._holders()
        free = next((address for address in _choices(key, services) if str(address) not in holders), None)
        if free is None:
            # Addresses of Services that went while the daemon was away are only taken back when nothing else is left.
            every = ((IPv4Address(ip), holder) for ip, holder in holders.items() if holder not in self._admitted)
            stale = [(ip, holder) for ip, holder in every if ip in services]
            if not stale:
                raise Invalid(f"cannot allot an address: all of {services} are held by Services of this namespace")
            free, holder = min(stale)
            self._journal.delete(_ADDRESSES, holder)
        return free

    def _holders(self) -> dict[str, str]:
        """Who has an address, by its text: to read all of them for each of many Services would take seconds."""
        return {entry.ip: key for key, entry in self._journal.all(_ADDRESSES, _Address)}


def has_address(service: Service) -> bool:
    """Whether it is a Service with a virtual address: not headless, not an alias for another name."""
    return service.spec.type != "ExternalName" and service.spec.cluster_ip != HEADLESS


def _choices(key: str, services: IPv4Network) -> Iterable[IPv4Address]:
    usable = range(_RESERVED, services.num_addresses - 1)
    first = spread(key, len(usable))
    for step in range(len(usable)):
        yield services[usable[(first + step) % len(usable)]]
    for index in range(1, _RESERVED):
        yield services[index]


def _key(service: Service) -> str:
    return f"{service.metadata.namespace}/{service.metadata.name}"


def _with_address(service: Service, address: str) -> Service:
    """As an API server fills it in: one address, of the only family that there is."""
    if not address:
        return msgspec.structs.replace(
            service, spec=msgspec.structs.replace(service.spec, cluster_ip="", cluster_ips=())
        )
    spec = msgspec.structs.replace(
        service.spec,
        cluster_ip=address,
        cluster_ips=(address,),
        ip_families=("IPv4",),
        ip_family_policy="SingleStack",
    )
    return msgspec.structs.replace(service, spec=spec)
