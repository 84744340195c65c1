"""Builds the daemon and wires its rooms; the only place that knows them all.

Start: read the specs, take the lock, meet the engine, adopt what runs; then one root TaskGroup until a signal.  Where
the specs are empty and pods run, nothing is applied until that was told for a while.  Stop: with `--down-on-exit` the
pods in order; then the rooms; the API last, so that a client sees the end.  Pods are left running otherwise.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial

from orchestrator import __version__, logs
from orchestrator.admission import store_admission
from orchestrator.api.server import ApiServer
from orchestrator.api.status import DaemonStatus, EngineStatus, Problem, PullStatus
from orchestrator.complaints import complaints
from orchestrator.engine.base import EngineInfo
from orchestrator.engine.docker import DockerEngine
from orchestrator.engine.health import EngineHealth
from orchestrator.errors import OrchestratorError
from orchestrator.findings import Finding
from orchestrator.folder import SpecFolder
from orchestrator.garbage import keep_pauses_short
from orchestrator.locks import own_folders, own_instance
from orchestrator.metrics import Metrics
from orchestrator.node import mounts
from orchestrator.node.claims import ClaimKeeper
from orchestrator.node.executor import ENGINE_CALLS, Executor, Tools
from orchestrator.node.handlers import Handlers
from orchestrator.node.host import host_address
from orchestrator.node.host_rooms import host_rooms
from orchestrator.node.image_rooms import image_rooms
from orchestrator.node.inventory import list_instance, pods_left_behind, pods_running, remember_running
from orchestrator.node.limit_ranger import LimitRanger
from orchestrator.node.manager import NodeManager
from orchestrator.node.sandbox_image import ensure_sandbox_image
from orchestrator.node.tmpfs import ensure_in_memory, release
from orchestrator.node.volumes import VolumeStore
from orchestrator.node.worker import NodeRooms
from orchestrator.objects.node_ports import parse_range
from orchestrator.planning.backoff import BackoffSettings
from orchestrator.planning.endpoint_slices import written_slices
from orchestrator.planning.identity import object_identity
from orchestrator.planning.surroundings import Surroundings
from orchestrator.planning.sysctls import allowed_of
from orchestrator.rehearsal import Rehearsal
from orchestrator.roots import LoopTroubles, either, for_ever, leaves
from orchestrator.services import health
from orchestrator.services.addresses import AddressBook
from orchestrator.services.controller import ServiceController
from orchestrator.services.dataplane import DataPlane, Mode, settle_mode
from orchestrator.services.dns_responder import Responder
from orchestrator.services.host_ports import HostPorts, nobody_has
from orchestrator.services.hosts import HostsFiles
from orchestrator.services.networks import Networks, network_name
from orchestrator.services.node_ports import NodePortBook
from orchestrator.services.policy_keeper import PolicyKeeper
from orchestrator.settings import Settings
from orchestrator.signals import Signals
from orchestrator.sources.follower import Follower
from orchestrator.sources.last_good_files import LastGoodFiles
from orchestrator.sources.last_good_keeper import LastGoodKeeper
from orchestrator.sources.rules import Rules
from orchestrator.sources.watcher import Snapshot, SpecWatcher
from orchestrator.state.events import EventRecorder
from orchestrator.state.instance_key import instance_key
from orchestrator.state.journal import Journal
from orchestrator.state.store import Key, Store
from orchestrator.supervision import Supervision, summary
from orchestrator.systemd import notifier, watchdog_seconds

log = logging.getLogger(__name__)

_FIRST_LOOK = 2.0
"""Seconds that a reader may wait for the first look at what runs."""


class BadSpecs(OrchestratorError):
    """The specs have errors, and never had none: nothing is touched; the text has a line for each."""


def main(settings: Settings) -> int:
    """Run the daemon to its end; gives the exit code.  What went wrong is told in a sentence on standard error."""
    told: list[str] = []
    try:
        asyncio.run(run(settings))
    except* BadSpecs as group:
        told += (*map(str, leaves(group)), "orchestrator: cannot start: the specs have errors; nothing was touched")
    except* OrchestratorError as group:
        told += (f"orchestrator: {error}" for error in leaves(group))
    except* Exception as group:
        for error in leaves(group):
            log.debug("the daemon ends", exc_info=error)
            told.append(f"orchestrator: cannot go on: this should not happen: {logs.described(error)}")
    for line in dict.fromkeys(told):
        logs.last_words(line)
    return 1 if told else 0


async def run(settings: Settings) -> None:
    """Start, run until a signal, stop.  OrchestratorError when it cannot start."""
    signals = Signals()
    asyncio.get_running_loop().set_exception_handler(LoopTroubles())
    async with contextlib.AsyncExitStack() as stack:
        if begun := await signals.unless_ended(_begin(settings, stack)):
            await begun(signals)
        else:
            log.info("ended before it was running; what runs was not touched")


async def _begin(settings: Settings, stack: contextlib.AsyncExitStack) -> Callable[[Signals], Awaitable[None]]:
    """Read the specs, build the daemon and apply them; gives the rest of its life."""
    kept = LastGoodFiles(settings.state_dir / "last-good", settings.run_dir / "volumes" / "last-good")
    specs = Follower(SpecWatcher(settings.specs, empty_folder_delay=settings.empty_folder_delay, recall=kept.recall))
    first = await specs.first()
    if first.errors and not kept.remembers:
        raise BadSpecs("\n".join(problem.text for problem in first.errors))
    if first.errors:
        log.warning("the specs have errors: the files that have them go on as they were when they were last good")
    stack.enter_context(own_folders(settings))
    daemon = await _Daemon.build(settings, stack)
    kept.in_memory = daemon.secrets_in_memory
    if not daemon.folder.would_orphan(first):
        daemon.folder.apply(first)
    return partial(daemon.run, specs, first, LastGoodKeeper(kept))


class _Daemon:
    """The rooms of one running daemon."""

    def __init__(
        self, settings: Settings, engine: DockerEngine, info: EngineInfo, journal: Journal, metrics: Metrics
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.journal = journal
        self.metrics = metrics
        self.digest_key = instance_key(journal)
        self.health = EngineHealth(engine, info, lambda: self.manager.engine_is_back())
        stuck, late = (lambda: self.manager.stuck()), metrics.loop_lag.observe
        self.supervision = Supervision(notifier(), watchdog_seconds(), summary=self._summary, stuck=stuck, late=late)
        self.started_at = time.time()
        self.book = AddressBook(journal, settings.pool, settings.instance)
        allowed, ports = allowed_of(settings.allowed_unsafe_sysctls), parse_range(settings.node_port_range)
        self.node_ports = NodePortBook(journal, then=self.book.admit, free=nobody_has, ports=ports)
        self.limits = LimitRanger(journal, lambda namespace: self.store.list("LimitRange", namespace))
        admission = store_admission(self.node_ports, self.limits, settings.node_name)
        self.store = Store(journal, time.time, admission=admission, identity=object_identity)
        self.store.on_drop(self.book.release, self.node_ports.release, self.limits.release)
        self.recorder = EventRecorder(self.store, journal, time.time, settings.node_name)
        claims = settings.state_dir / "claims"
        self.claims = ClaimKeeper(self.store, journal, self.recorder, claims, time.time)
        self.claims.restore()
        delay, count = settings.empty_folder_delay, metrics.reloads
        rules = Rules(settings.policy, allowed, ports)
        self.folder = SpecFolder(settings.specs, rules, delay, self.store, self.claims, journal, self.recorder, count)
        node_name, around = settings.node_name, self._surroundings
        rehearsal = Rehearsal(self.store, journal, self.book, self.node_ports, node_name, rules, around)
        self.book.on_room(self.folder.room)
        self.binds_sub_paths = self.secrets_in_memory = False
        self.volumes = VolumeStore(settings.state_dir / "volumes", settings.run_dir / "volumes")
        self.hosts = HostsFiles(settings.run_dir, settings.cluster_domain)
        self.handlers = Handlers(engine)
        self.images = image_rooms(engine, info, settings, self.store, self.recorder, journal, metrics)
        self.host = host_rooms(settings, info, time.time, lambda: self.manager.workers(), self._surroundings)
        self.responder = Responder(self.book, settings, self.host.facts.nameservers)
        self.sandbox_image = ""
        self.api = ApiServer(
            self.store,
            engine,
            instance=settings.instance,
            clock=time.time,
            daemon=self._status,
            looked=self._looked,
            node=self.host,
            rehearse=rehearsal.begin,
            metrics=metrics,
        )

    @classmethod
    async def build(cls, settings: Settings, stack: contextlib.AsyncExitStack) -> "_Daemon":
        """Meet the engine and build every room; what was opened is closed by the stack."""
        metrics = Metrics()
        engine = DockerEngine(settings.engine_url, metrics)
        stack.push_async_callback(engine.close)
        info = await engine.info()
        asked = (info.name, info.version, info.api_version)
        log.info("orchestrator %s, instance %s, %s %s (API %s)", __version__, settings.instance, *asked)
        stack.enter_context(own_instance(settings.instance, info.id or settings.engine_url))
        journal = Journal(settings.state_dir / "journal.db")
        stack.callback(journal.close)
        daemon = cls(settings, engine, info, journal, metrics)
        stack.callback(daemon.supervision.close)
        daemon.secrets_in_memory = await ensure_in_memory(settings.run_dir / "volumes")
        daemon.binds_sub_paths = mounts.can_bind(settings.run_dir / "volumes")
        daemon.sandbox_image = await ensure_sandbox_image(engine)
        isolated = settings.namespace_isolation == "on"
        mode, why = await settle_mode(settings.service_mode, settings.engine_url, isolated=isolated)
        daemon.dataplane = DataPlane(settings.instance, mode, isolated=isolated)
        daemon.mode_finding = health.mode_finding(mode, why)
        daemon.networks = Networks(engine, daemon.book, daemon.dataplane, settings.instance)
        await daemon.networks.refresh()
        daemon.book.check()
        daemon.policies = daemon._policy_keeper()
        containers = await list_instance(engine, settings.instance)
        journal.containers_found(len(containers))
        daemon.policies.remember(pods_running(containers, journal))
        daemon.folder.left_behind = remember_running(containers, daemon.store) | pods_left_behind(journal)
        daemon.manager = NodeManager(engine, daemon._node_rooms(), lambda: daemon.folder.incomplete)
        daemon.folder.completed = daemon.manager.clear_up_soon
        daemon.services = ServiceController(
            daemon.store,
            daemon.book,
            daemon.networks,
            daemon.dataplane,
            daemon.hosts,
            daemon.recorder,
            daemon.manager.adopted,
            HostPorts(),
            host_address,
            daemon.policies,
            daemon.responder,
        )
        stack.push_async_callback(daemon.api.stop)
        await daemon.api.start(settings.socket, settings.socket_group)
        if settings.metrics_address:
            await daemon.api.serve_metrics(settings.metrics_address)
        return daemon

    dataplane: DataPlane
    mode_finding: Finding
    networks: Networks
    policies: PolicyKeeper
    manager: NodeManager
    services: ServiceController

    def _node_rooms(self) -> NodeRooms:
        tools = Tools(
            engine=self.engine,
            networks=self.networks,
            policies=self.policies,
            hosts=self.hosts,
            volumes=self.volumes,
            slots=asyncio.Semaphore(ENGINE_CALLS),
            clock=time.time,
            metrics=self.metrics,
            withdrawn=lambda: self.services.withdrawn(),
        )
        return NodeRooms(
            store=self.store,
            journal=self.journal,
            recorder=self.recorder,
            tools=tools,
            executor=Executor(tools),
            handlers=self.handlers,
            puller=self.images.puller,
            surroundings=self._surroundings,
            instance=self.settings.instance,
        )

    def _policy_keeper(self) -> PolicyKeeper:
        servers = self.host.facts.nameservers
        return PolicyKeeper(self.store, self.recorder, self.dataplane, self.book.gateways, servers)

    def _surroundings(self, namespace: str) -> Surroundings:
        """What a pod of this namespace can see now."""
        store, settings = self.store, self.settings
        names_only = self.dataplane.mode is Mode.NAMES
        return Surroundings(
            instance=settings.instance,
            node=self.host.facts,
            paths=lambda uid: self.volumes.paths(uid, self.hosts.path(uid)),
            sandbox_image=self.sandbox_image,
            network=network_name(settings.instance, namespace),
            config_maps={obj.metadata.name: obj for obj in store.list("ConfigMap", namespace)},
            secrets={obj.metadata.name: obj for obj in store.list("Secret", namespace)},
            services=tuple(store.list("Service", namespace)),
            claims=self.claims.of(namespace),
            claims_in=self.claims.of,
            pods=lambda: store.list("Pod"),
            runtime_classes={obj.metadata.name: obj for obj in store.list("RuntimeClass")},
            binds_sub_paths=self.binds_sub_paths,
            names_only=names_only,
            peers=tuple(store.list("Pod", namespace)) if names_only else (),
            slices=written_slices(lambda kind: store.list(kind, namespace)) if names_only else (),
            backoff=BackoffSettings(settings.backoff_base, settings.backoff_max),
            cluster_domain=settings.cluster_domain,
            dns_server=lambda: self.responder.server(namespace),
            seccomp_profiles=str(settings.state_dir / "seccomp"),
            allowed_unsafe_sysctls=allowed_of(settings.allowed_unsafe_sysctls),
            digest_key=self.digest_key,
        )

    # --- life ---

    async def run(self, specs: Follower, first: Snapshot, last_good: LastGoodKeeper, signals: Signals) -> None:
        """Until a signal; a second one ends an orderly stop at once."""
        async with asyncio.TaskGroup() as tasks:
            folder = [
                tasks.create_task(specs.run(), name="folder"),
                tasks.create_task(self.folder.follow(specs, first, last_good), name="specs"),
                tasks.create_task(for_ever("last good", last_good.run), name="last good"),
                tasks.create_task(for_ever("reloads", partial(self._announce, specs, signals)), name="reloads"),
            ]
            collect = partial(self.images.collect, self.manager.adopted)
            rooms = [
                tasks.create_task(self._once_applied("node", self.manager.run), name="node"),
                tasks.create_task(self._once_applied("claims", self.claims.run), name="claims"),
                tasks.create_task(self._once_applied("services", self.services.run), name="services"),
                tasks.create_task(for_ever("dns", self.responder.run), name="dns"),
                tasks.create_task(self._once_applied("images", collect), name="images"),
                tasks.create_task(self._once_applied("pressure", self.host.watch.run), name="pressure"),
                tasks.create_task(for_ever("engine watch", self.health.run), name="engine watch"),
                tasks.create_task(for_ever("old events", self.recorder.run), name="old events"),
                tasks.create_task(keep_pauses_short(self.folder.applied, self.manager.adopted), name="short pauses"),
                tasks.create_task(for_ever("supervision", self.supervision.run), name="supervision"),
                tasks.create_task(for_ever("socket", self.api.keep), name="socket"),
            ]
            log.info("running; the socket is %s", self.settings.socket)
            await signals.end()
            self.supervision.stopping()
            for task in folder:
                task.cancel()
            if self.settings.down_on_exit:
                await either(self._take_down(last_good), signals.end())
            for room in rooms:
                room.cancel()
        log.info("stopped; %s", "pods go on running" if self.store.list("Pod") else "no pods are left")

    async def _announce(self, specs: Follower, signals: Signals) -> None:
        """Tell that the folder was applied, for the first time and after each reload."""
        await self.folder.applied.wait()
        self.supervision.ready()
        await self.supervision.reload_for_ever(signals.reload, lambda: self.folder.reload(specs))

    async def _once_applied(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """A room that must not act before it is known what is wanted."""
        await self.folder.applied.wait()
        await for_ever(name, work)

    async def _take_down(self, last_good: LastGoodKeeper) -> None:
        """End every pod in order, then remove networks, rules and the tmpfs: nothing of ours stays on the host."""
        log.info("taking all pods down")
        self.folder.applied.set()
        await self.manager.adopted.wait()
        for kind in ("Pod", "Service"):
            for obj in self.store.list(kind):
                self.store.delete(Key(kind, obj.metadata.namespace, obj.metadata.name))
        await self.manager.idle()
        await self.services.settled()
        await self.networks.clean()
        last_good.files.forget_secrets()
        await release(self.settings.run_dir / "volumes")

    async def _looked(self) -> None:
        """Wait until what runs was looked at; not for long, and not where something is in the way."""
        if self.health.error or self.folder.problems:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_LOOK):
                await self.folder.applied.wait()
                await self.manager.adopted.wait()

    def _summary(self) -> str:
        return summary((pod.status.phase for pod in self.store.list("Pod")), self.folder.problems, self.health.error)

    def _status(self) -> DaemonStatus:
        settings, info = self.settings, self.health.info
        of_journal = (self.journal.notice, self.journal.trouble)
        losses = tuple(Problem("", told, "warning") for told in of_journal if told)
        return DaemonStatus(
            instance=settings.instance,
            specs=tuple(str(path) for path in settings.specs),
            state_dir=str(settings.state_dir),
            started_at=self.started_at,
            engine=EngineStatus(settings.engine_url, info.name, info.version, info.api_version, self.health.error),
            problems=(*self.folder.problems, *losses),
            syncing=not (self.folder.applied.is_set() and self.manager.adopted.is_set()),
            dns_trouble=self.responder.trouble,
            pulls=tuple(
                PullStatus(pull.request.image, pull.request.platform, pull.since, tuple(pull.layers.values()))
                for pull in self.images.puller.under_way()
            ),
            run_dir=str(settings.run_dir),
            pool=settings.pool,
            findings=tuple(
                complaints(self._services_health(), self.journal.trouble, self.folder.problems, settings.specs)
            ),
        )

    def _services_health(self) -> Iterator[Finding]:
        dns = self.responder.trouble if self.settings.dns == "on" else ""
        policies = self.dataplane.policies_trouble if self.store.list("NetworkPolicy") else ""
        yield self.mode_finding
        yield from health.troubles(self.dataplane.trouble, dns, policies)
