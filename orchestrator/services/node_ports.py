"""The book of node ports: which port of the host each port of a Service of type NodePort or LoadBalancer has.

Like the address book it is in the journal (bucket "nodeports"), so that a port outlives the daemon, kill -9 included,
and is chosen from a hash of the name, so that a lost journal usually gives the same ports again.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, cast

import msgspec

from orchestrator.errors import Invalid
from orchestrator.objects.node_ports import NODE_PORTS, already_allocated, out_of_range, range_text
from orchestrator.objects.problem import FieldPath
from orchestrator.objects.service import Protocol, Service, ServicePort
from orchestrator.services.subnets import spread
from orchestrator.state.journal import Journal

_BUCKET = "nodeports"

Taken = tuple[Protocol, int]


class _Entry(msgspec.Struct, frozen=True):
    uid: str
    ports: dict[str, int]


class NodePortBook:
    """Allots node ports.  Never waits."""

    def __init__(
        self,
        journal: Journal,
        then: Callable[[Any, Any], Any],
        free: Callable[[Protocol, int], bool],
        ports: range = NODE_PORTS,
    ) -> None:
        """`then` is the admission that follows and may still refuse; `free` says whether nobody on the host has a port.

        `free` is asked before a port is chosen, never of one that a Service has or names.  `ports` are all there are;
        a Service keeps one that it was given out of another range.
        """
        self._ports = ports
        self._journal = journal
        self._then = then
        self._free = free
        self._admitted: set[str] = set()

    def draft(self, journal: Journal, then: Callable[[Any, Any], Any]) -> "NodePortBook":
        """A copy that is written into another journal, to try something out on."""
        book = copy(self)
        book._journal, book._then, book._admitted = journal, then, {*self._admitted}
        return book

    def admit(self, obj: Any, old: Any) -> Any:
        """A `store.Admission`: fills in the nodePorts of a Service; Invalid when it cannot have what it names."""
        if not isinstance(obj, Service):
            return self._then(obj, old)
        key = f"{obj.metadata.namespace}/{obj.metadata.name}"
        chosen = self._choose(key, obj)
        ports = tuple(
            msgspec.structs.replace(port, node_port=chosen.get(_name(port), port.node_port)) for port in obj.spec.ports
        )
        obj = msgspec.structs.replace(obj, spec=msgspec.structs.replace(obj.spec, ports=ports))
        admitted = self._then(obj, old)
        # Only now is it sure that the Service comes.
        self._keep(key, obj.metadata.uid, chosen)
        return admitted

    def release(self, obj: Any) -> None:
        """For `store.on_drop`: a Service is gone; a new one of the same name that was admitted keeps the ports."""
        if not isinstance(obj, Service):
            return
        key = f"{obj.metadata.namespace}/{obj.metadata.name}"
        entry = self._journal.read(_BUCKET, key, _Entry)
        if entry is not None and entry.uid == obj.metadata.uid:
            self._keep(key, "", {})

    def _keep(self, key: str, uid: str, chosen: Mapping[str, int]) -> None:
        if not chosen:
            self._journal.delete(_BUCKET, key)
            self._admitted.discard(key)
            return
        mine = _taken(chosen)
        for holder, entry in self._journal.all(_BUCKET, _Entry):
            # Of a Service that went while the daemon was away: `_choose` took nothing from others.
            if holder != key and mine & _taken(entry.ports):
                self._journal.delete(_BUCKET, holder)
        self._journal.put(_BUCKET, key, {"uid": uid, "ports": dict(chosen)})
        self._admitted.add(key)

    # --- choosing ---

    def _choose(self, key: str, service: Service) -> dict[str, int]:
        """The node ports of a Service by "TCP/80"."""
        holders = {
            taken: holder
            for holder, entry in self._journal.all(_BUCKET, _Entry)
            if holder != key
            for taken in _taken(entry.ports)
        }
        chosen: dict[str, int] = {}
        for index, port in enumerate(service.spec.ports):
            if port.node_port:
                path = ("spec", "ports", index, "nodePort")
                self._check_fixed(key, path, port, holders)
                chosen[_name(port)] = port.node_port
                holders[port.protocol, port.node_port] = key
        if not gets_node_ports(service):
            return chosen
        entry = self._journal.read(_BUCKET, key, _Entry)
        known: Mapping[str, int] = entry.ports if entry is not None else {}
        for port in service.spec.ports:
            if not port.node_port:
                number = known.get(_name(port), 0)
                if not number or (port.protocol, number) in holders:
                    number = self._next(f"{key}:{port.port}", port.protocol, holders)
                chosen[_name(port)] = number
                holders[port.protocol, number] = key
        return chosen

    def _check_fixed(self, key: str, path: FieldPath, port: ServicePort, holders: Mapping[Taken, str]) -> None:
        if port.node_port not in self._ports:
            raise Invalid(str(out_of_range(path, port.node_port, self._ports)))
        holder = holders.get((port.protocol, port.node_port))
        if holder is not None and (holder == key or holder in self._admitted):
            raise Invalid(str(already_allocated(path, port.node_port, f"Service {holder}")))

    def _next(self, seed: str, protocol: Protocol, holders: Mapping[Taken, str]) -> int:
        stale = 0
        for number in _choices(seed, self._ports):
            holder = holders.get((protocol, number))
            if holder is None and self._free(protocol, number):
                return number
            if holder is not None and holder not in self._admitted:
                stale = stale or number
        if not stale:
            raise Invalid(f"cannot allot a node port: all of {range_text(self._ports)} are held")
        return stale


def gets_node_ports(service: Service) -> bool:
    """Whether each of its ports gets a node port, named or not."""
    spec = service.spec
    return spec.type == "NodePort" or (
        spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is not False
    )


def _choices(seed: str, ports: range) -> Iterator[int]:
    # The first of the range are given last: they are for Services that name theirs.  Kubernetes keeps as many.
    reserved = min(max(16, len(ports) // 32), 128) if len(ports) > 16 else 0
    usable = ports[reserved:]
    # Without the protocol in the seed, a port that is served by TCP and UDP has one number for both where it can.
    first = spread(seed, len(usable))
    yield from (*usable[first:], *usable[:first], *ports[:reserved])


def _name(port: ServicePort) -> str:
    return f"{port.protocol}/{port.port}"


def _taken(chosen: Mapping[str, int]) -> set[Taken]:
    return {(cast(Protocol, name.partition("/")[0]), number) for name, number in chosen.items()}
