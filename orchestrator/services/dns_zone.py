"""What the names of Services and pods lead to: Kubernetes' DNS-based service discovery 1.1.0.  Pure.

Source: https://github.com/kubernetes/dns/blob/master/docs/specification.md; where it leaves a choice, CoreDNS's.  Names
are lower case and have no final dot.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Literal

from orchestrator.objects.endpoint_slice import EndpointSlice
from orchestrator.objects.service import EndpointAddress, Service
from orchestrator.planning.endpoints import backends, serving_addresses

TTL = 5
"""Seconds that an answer may be kept, also one that says there is nothing."""
VERSION = "1.1.0"
_REVERSE = "in-addr.arpa"
_ALIASES = 8
"""Aliases in a row that are followed."""

RecordType = Literal["A", "CNAME", "PTR", "SOA", "SRV", "TXT"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `data` is as a zone file writes it ("10.201.2.7", "0 50 80 web.default.svc.cluster.local.")."""

    name: str
    type: RecordType
    data: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `soa` is the zone that says that there is nothing, None where there is something.

    `outside` is a name at which the records end and which only the host's servers know, "" for none.
    """

    rcode: Literal["NOERROR", "NXDOMAIN", "REFUSED"]
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    soa: Record | None = None
    outside: str = ""


REFUSED = Answer("REFUSED")
"""Not ours: the engine's resolver asks the host's servers then."""


@dataclass(frozen=True, slots=True)
class Served:
    """A Service and what serves it; an ExternalName has none."""

    service: Service
    slices: tuple[EndpointSlice, ...]


@dataclass(frozen=True, eq=False)
class Zone:
    """All names of one moment.  Indexes are made when the first question comes."""

    domain: str
    pool: IPv4Network
    """Addresses whose names are ours alone: nobody else is asked for them."""
    served: tuple[Served, ...] = ()
    pods: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The addresses of each namespace's pods."""
    by_name: bool = False
    """Nothing carries virtual addresses: every Service leads to its pods, as a headless one does."""
    serial: int = 1

    def answer(self, name: str, kind: str) -> Answer:
        """What to say of a name; `kind` is the type that is asked for ("A", "AAAA", "ANY")."""
        records: list[Record] = []
        while len(records) < _ALIASES:
            apex = self._apex(name)
            if not apex:
                return Answer("NOERROR", tuple(records), outside=name) if records else REFUSED
            found = self._records(name)
            alias = next((record for record in found or () if record.type == "CNAME"), None)
            if alias is None:
                return self._final(records, name, kind, found, apex)
            if alias in records:
                break
            records.append(alias)
            if kind in ("CNAME", "ANY"):
                break
            name = alias.data.rstrip(".").lower()
        return Answer("NOERROR", tuple(records))

    def owns(self, name: str) -> bool:
        """Whether nobody else may be asked for this name."""
        return bool(self._apex(name))

    def _final(self, before: list[Record], name: str, kind: str, found: tuple[Record, ...] | None, apex: str) -> Answer:
        if name == apex:
            found = (*(found or ()), self._soa(apex))
        fitting = tuple(record for record in found or () if kind in (record.type, "ANY"))
        if not fitting:
            return Answer("NXDOMAIN" if found is None else "NOERROR", tuple(before), soa=self._soa(apex))
        targets = dict.fromkeys(record.data.split()[-1].rstrip(".") for record in fitting if record.type == "SRV")
        more = (record for target in targets for record in self._records(target) or () if record.type == "A")
        return Answer("NOERROR", (*before, *fitting), tuple(more))

    def _soa(self, apex: str) -> Record:
        people = f"ns.dns.{self.domain}. hostmaster.{self.domain}."
        return Record(apex, "SOA", f"{people} {self.serial % 2**32} 7200 1800 86400 {TTL}")

    def _apex(self, name: str) -> str:
        """The zone of ours that a name belongs to, "" for none."""
        if name == self.domain or name.endswith(f".{self.domain}"):
            return self.domain
        octets = _octets(name)
        if octets is None:
            return ""
        # A zone of addresses ends at a dot, so a pool of any size is a row of them.
        whole = -(-self.pool.prefixlen // 8)
        if len(octets) >= whole and IPv4Address(_padded(octets)) in self.pool:
            return f"{'.'.join(map(str, reversed(octets[:whole])))}.{_REVERSE}"
        return name if _dotted(octets) in self._pointers else ""

    # --- records by name; None for a name that is not there, empty for one with others below it ---

    def _records(self, name: str) -> tuple[Record, ...] | None:
        octets = _octets(name)
        if octets is not None:
            if len(octets) < 4:
                return ()
            return self._pointers_of(name, _dotted(octets))
        if name == self.domain:
            return ()
        match name.removesuffix(f".{self.domain}").split("."):
            case ["dns-version"]:
                return (Record(name, "TXT", f'"{VERSION}"'),)
            case ["svc" | "pod"]:
                return ()
            case [namespace, "svc" | "pod"]:
                return () if namespace in self._namespaces else None
            case [address, namespace, "pod"]:
                return self._pod(name, address, namespace)
            case [*below, service, namespace, "svc"]:
                served = self._by_name.get((namespace, service))
                return self._service(name, below, served) if served else None
            case _:
                return None

    def _pod(self, name: str, dashed: str, namespace: str) -> tuple[Record, ...] | None:
        address = dashed.replace("-", ".")
        return (Record(name, "A", address),) if address in self.pods.get(namespace, ()) else None

    def _service(self, name: str, below: list[str], served: Served) -> tuple[Record, ...] | None:
        service = served.service
        if service.spec.type == "ExternalName":
            target = service.spec.external_name.rstrip(".")
            return (Record(name, "CNAME", f"{target}."),) if not below else None
        places = serving_addresses(served.slices)
        carried = self._carried(service)
        if not (carried or places):
            return None
        match below:
            case []:
                addresses = (service.spec.cluster_ip,) if carried else tuple(place.ip for place in places)
                return tuple(Record(name, "A", address) for address in addresses)
            case [one] if one.startswith("_"):
                protocols = {f"_{port.protocol.lower()}" for port in service.spec.ports if port.name}
                return () if one in protocols else None
            case [one] if not carried:
                own = tuple(Record(name, "A", place.ip) for place in places if hostname_of(place) == one)
                return own or None
            case [port, protocol]:
                return self._ports(name, port, protocol, served) or None
            case _:
                return None

    def _ports(self, name: str, port: str, protocol: str, served: Served) -> tuple[Record, ...]:
        service, full = served.service, self._full(served.service)
        asked = [
            each for each in service.spec.ports if (f"_{each.name}", f"_{each.protocol.lower()}") == (port, protocol)
        ]
        if self._carried(service):
            wanted = [(each.port, full) for each in asked if each.name]
        else:
            known = {place.ip: hostname_of(place) for place in serving_addresses(served.slices)}
            wanted = [
                (place.port, f"{known.get(place.ip) or _dashed(place.ip)}.{full}")
                for each in asked
                if each.name
                for place in backends(each, served.slices)
            ]
        weight = max(100 // len(wanted), 1) if wanted else 0
        return tuple(Record(name, "SRV", f"0 {weight} {number} {target}.") for number, target in sorted(set(wanted)))

    def _pointers_of(self, name: str, address: str) -> tuple[Record, ...] | None:
        found = self._pointers.get(address)
        return tuple(Record(name, "PTR", f"{target}.") for target in found) if found else None

    def _carried(self, service: Service) -> bool:
        """Whether it has a virtual address, and something that carries it."""
        return not self.by_name and service.spec.type != "ExternalName" and service.spec.cluster_ip not in ("", "None")

    def _full(self, service: Service) -> str:
        return f"{service.metadata.name}.{service.metadata.namespace}.svc.{self.domain}"

    # --- indexes ---

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str], Served]:
        return {(each.service.metadata.namespace, each.service.metadata.name): each for each in self.served}

    @cached_property
    def _namespaces(self) -> frozenset[str]:
        return frozenset(self.pods) | frozenset(namespace for namespace, _ in self._by_name)

    @cached_property
    def _pointers(self) -> Mapping[str, tuple[str, ...]]:
        """The names of each address: of a Service that has one, and of the places of a headless one."""
        names: defaultdict[str, list[str]] = defaultdict(list)
        for each in self.served:
            full = self._full(each.service)
            if self._carried(each.service):
                names[each.service.spec.cluster_ip].append(full)
            else:
                for place in serving_addresses(each.slices):
                    names[place.ip].append(f"{hostname_of(place)}.{full}")
        return {address: tuple(sorted(targets)) for address, targets in names.items()}


def hostname_of(place: EndpointAddress) -> str:
    """What a place is called below its Service: its own hostname, else its address with dashes."""
    return place.hostname.lower() or _dashed(place.ip)


def _dashed(ip: str) -> str:
    return ip.replace(".", "-")


def _octets(name: str) -> list[int] | None:
    """The first octets of an address whose reverse name this is ("7.2.201.10.in-addr.arpa": 10, 201, 2, 7)."""
    if not name.endswith(f".{_REVERSE}"):
        return None
    words = name.removesuffix(f".{_REVERSE}").split(".")
    try:
        IPv4Address(_padded(words[::-1]))
    except AddressValueError:
        return None
    return [int(word) for word in reversed(words)]


def _padded(octets: Iterable[str | int]) -> str:
    words = [str(octet) for octet in octets]
    return ".".join(words + ["0"] * (4 - len(words)))


def _dotted(octets: list[int]) -> str:
    return ".".join(map(str, octets))
