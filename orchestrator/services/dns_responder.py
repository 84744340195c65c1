"""Answers for pods: the names of Services and pods as the last round saw them; all else is for the host's servers.

Pods are given the gateway address of their network as first name server, and the host's servers after it.  What is not
ours is refused, and the engine's resolver asks the next one then.  Where pods cannot reach the host's servers (they
listen on its loopback), we ask these for them.  Of our own names nobody else is ever asked.
"""

import asyncio
import importlib
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Collection, Iterable
from typing import TYPE_CHECKING, Protocol

from orchestrator.errors import OrchestratorError
from orchestrator.objects.pod import Pod
from orchestrator.planning.host_ports import host_ports
from orchestrator.planning.resolver import reachable
from orchestrator.services.addresses import AddressBook
from orchestrator.services.dns_server import PORT, DnsSockets
from orchestrator.services.dns_upstream import look_up
from orchestrator.services.dns_zone import Answer, Served, Zone
from orchestrator.services.subnets import parse_pool
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from orchestrator.services.dns_wire import Question

log = logging.getLogger(__name__)

HOSTS_FILES_ALONE = "names are in hosts files alone, without SRV, PTR and ExternalName"
_AGAIN_SECONDS = 30.0
"""How long to wait before an address that could not be had is tried again."""
_WIRE = "orchestrator.services.dns_wire"


class Names(Protocol):
    """What the last round knows (`ledger.Ledger`)."""

    by_name: bool

    @property
    def places(self) -> tuple[Served, ...]:
        """Each Service with what serves it."""
        ...

    @property
    def pods(self) -> Collection[Pod]:
        """All pods."""
        ...


class Responder:
    """One daemon's DNS responder."""

    def __init__(self, book: AddressBook, settings: Settings, servers: tuple[str, ...], port: int = PORT) -> None:
        """`servers` are the host's own name servers."""
        pool = parse_pool(settings.pool)
        self._book = book
        self._servers = servers
        self._for_pods = not reachable(servers)
        self._off = _why_off(settings)
        self._sockets = DnsSockets(pool, self.answer, port)
        self._domain, self._pool = settings.cluster_domain, pool
        self._names: Names | None = None
        self._serial = 1
        self._zone: Zone | None = None
        self._ready = False
        self._holder = ""
        self._refused: dict[str, tuple[str, float]] = {}
        self._told: set[str] = set()

    @property
    def trouble(self) -> str:
        """Why names are served by hosts files alone, somewhere or everywhere; "" when all is well."""
        return self._off or self._holder or next((text for text, _ in self._refused.values()), "")

    async def run(self) -> None:
        """Answer what takes longer than a moment, until cancelled."""
        await self._sockets.run()

    def close(self) -> None:
        """Answer nowhere any more."""
        self._sockets.keep(())

    def server(self, namespace: str) -> str:
        """The name server that the namespace's pods are given, "" for none of ours."""
        if self._off or self._holder:
            return ""
        try:
            address = str(self._book.subnet(namespace).gateway)
        except OrchestratorError:  # the pod that needs the network is told
            return ""
        return address if self._open(address) else ""

    def publish(self, names: Names, namespaces: Iterable[str], serial: int) -> None:
        """From now on these names hold; `namespaces` have a network, `serial` grows."""
        if self._off:
            return
        self._names, self._serial, self._zone = names, serial, None
        self._holder = _holder_of_port(names)
        if self._holder:
            self._tell(self._holder)
        wanted = {self.server(namespace) for namespace in namespaces} - {""}
        self._sockets.keep(wanted)

    def _open(self, address: str) -> bool:
        now = time.monotonic()
        if address in self._refused and now - self._refused[address][1] < _AGAIN_SECONDS:
            return False
        try:
            self._sockets.open(address)
        except OrchestratorError as error:
            self._refused[address] = str(error), now
            self._tell(str(error))
            return False
        self._refused.pop(address, None)
        return True

    def _tell(self, why: str) -> None:
        if why not in self._told:
            self._told.add(why)
            log.warning("%s: %s", HOSTS_FILES_ALONE, why)

    # --- questions ---

    def answer(self, packet: bytes, stream: bool) -> Awaitable[bytes | None] | bytes | None:
        """The answer to a packet, see `dns_server.Answering`."""
        return self._answer(packet, stream) if self._ready else self._first(packet, stream)

    async def _first(self, packet: bytes, stream: bool) -> bytes | None:
        """Daemons that nobody asks do without the library, and its import must not hold up the loop."""
        await asyncio.to_thread(importlib.import_module, _WIRE)
        self._ready = True
        answer = self._answer(packet, stream)
        return answer if answer is None or isinstance(answer, bytes) else await answer

    def _answer(self, packet: bytes, stream: bool) -> Awaitable[bytes | None] | bytes | None:
        from orchestrator.services import dns_wire

        question = dns_wire.read(packet, stream=stream)
        if question is None or isinstance(question, bytes):
            return question
        zone = self._current()
        if self._names is None and zone.owns(question.name):
            return None
        answer = zone.answer(question.name, question.kind)
        if answer.outside:
            return self._follow(question, answer)
        if answer.rcode == "REFUSED" and self._for_pods and "." in question.name:
            return self._forward(question)
        return dns_wire.write(question, answer)

    def _current(self) -> Zone:
        """Made when somebody asks: most rounds are followed by another before that."""
        if self._zone is None:
            names = self._names
            addresses: defaultdict[str, set[str]] = defaultdict(set)
            for pod in names.pods if names else ():
                addresses[pod.metadata.namespace].add(pod.status.pod_ip)
            by_name = names is not None and names.by_name
            served = names.places if names else ()
            self._zone = Zone(self._domain, self._pool, served, addresses, by_name, self._serial)
        return self._zone

    async def _follow(self, question: "Question", answer: Answer) -> bytes:
        """Most clients do not follow an alias themselves.  Without the rest they are told the alias alone."""
        from orchestrator.services import dns_wire

        query = dns_wire.ask(answer.outside, question.kind)
        found = await look_up(query, self._servers, dns_wire.answers)
        return dns_wire.write(question, answer, found)

    async def _forward(self, question: "Question") -> bytes:
        from orchestrator.services import dns_wire

        found = await look_up(dns_wire.forwarded(question), self._servers, dns_wire.answers)
        return dns_wire.relayed(question, found) if found is not None else dns_wire.failure(question)


def _why_off(settings: Settings) -> str:
    if settings.dns == "off":
        return "--dns off asks for it"
    if not settings.engine_url.startswith("unix://"):
        return f"the engine at {settings.engine_url} may be another machine"
    return ""


def _holder_of_port(names: Names) -> str:
    """Who of our own asks for port 53 of all of the host's addresses: it counts more than the responder."""
    for pod in names.pods:
        if any(port.number == PORT and not port.ip for port in host_ports(pod)):
            return f"pod {pod.metadata.namespace}/{pod.metadata.name} asks for port {PORT} of the host"
    for each in names.places:
        spec, meta = each.service.spec, each.service.metadata
        if spec.type == "LoadBalancer" and any(port.port == PORT for port in spec.ports):
            return f"Service {meta.namespace}/{meta.name} asks for port {PORT} of the host"
    return ""
