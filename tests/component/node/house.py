"""The node's rooms as `app` wires them, around the simulated engine; all on virtual time.

Real: store, journal, events, volumes, hosts files, networks, handlers.  `Daemon` is one life of a daemon: a second one
on the same engine and folder is what comes after a restart.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml

from orchestrator.engine.base import Container, ContainerConfig, PullProgress
from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.node.executor import Executor, Tools
from orchestrator.node.handlers import Handlers
from orchestrator.node.image_ledger import ImageLedger
from orchestrator.node.images import Puller
from orchestrator.node.manager import NodeManager
from orchestrator.node.progress import Progress
from orchestrator.node.sandbox_image import SANDBOX_IMAGE
from orchestrator.node.volumes import VolumeStore
from orchestrator.node.worker import NodeRooms
from orchestrator.objects import registry
from orchestrator.objects.image_reference import ImageReference
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import ContainerStatus
from orchestrator.planning import labels
from orchestrator.planning.backoff import BackoffSettings
from orchestrator.planning.identity import object_identity
from orchestrator.planning.registry_credentials import Credential
from orchestrator.planning.surroundings import NodeFacts, Surroundings
from orchestrator.services.addresses import AddressBook
from orchestrator.services.dataplane import DataPlane, Mode
from orchestrator.services.hosts import HostsFiles
from orchestrator.services.networks import Networks, network_name
from orchestrator.services.policy_keeper import PolicyKeeper
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Change, Desired, Key, Store

T = TypeVar("T")

WALL = 1_800_000_000.0


class Engine(SimulatedEngine):
    """The simulated engine, which counts the calls that change something, and can stop the world at one of them."""

    def __init__(self) -> None:
        super().__init__(wall=WALL)
        self.pull_seconds = 0.0
        self.changes: Counter[str] = Counter()
        self.sent: list[tuple[str, float, str]] = []
        """Signals that were sent: container id, when, which; it outlives the containers."""
        self.frozen = asyncio.Event()
        self._freeze_at = (0, False)
        for image in (SANDBOX_IMAGE, "web:1", "web:2", "log:1", "init:1"):
            self.images.add(image)

    def freeze_at(self, change: int, done: bool) -> None:
        """Let the call that is this change never come back; it is carried out (`done`) or not."""
        self._freeze_at = change, done

    def thaw(self) -> None:
        """Answer again."""
        self._freeze_at = 0, False
        self.frozen.clear()

    async def create(self, config: ContainerConfig) -> str:
        return await self._change("create", super().create(config))

    async def start(self, container: str) -> None:
        await self._change("start", super().start(container))

    async def kill(self, container: str, signal: str = "KILL") -> None:
        self.sent.append((container, self.now(), signal))
        await self._change("kill", super().kill(container, signal))

    async def remove(self, container: str) -> None:
        await self._change("remove", super().remove(container))

    async def _change(self, method: str, call: Coroutine[Any, Any, T]) -> T:
        self.changes[method] += 1
        change, done = self._freeze_at
        if self.frozen.is_set() or self.changes.total() == change:
            self.frozen.set()
            if done and self.changes.total() == change:
                await call
            call.close()
            await asyncio.Event().wait()
        return await call

    async def pull(
        self, name: str, auth: Mapping[str, str] | None = None, platform: str = ""
    ) -> AsyncIterator[PullProgress]:
        await asyncio.sleep(self.pull_seconds)
        async for step in super().pull(name, auth, platform):
            yield step

    async def of(self, name: str, pod: str = "web") -> list[Container]:
        """The attempts of one container of a pod, newest first."""
        wanted = {labels.CONTAINER: name, labels.POD: pod}
        return sorted(await self.list_containers(wanted), key=lambda c: int(c.labels[labels.ATTEMPT]), reverse=True)

    async def newest(self, name: str = "web", pod: str = "web") -> Container:
        return (await self.of(name, pod))[0]


class Daemon:
    """One life of a daemon: `async with` is its start, and its end, which leaves the pods running."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.journal = Journal(folder / "journal.db")
        self.store = Store(self.journal, engine.now, identity=object_identity)
        self.recorder = EventRecorder(self.store, self.journal, engine.now, "host")
        self.volumes = VolumeStore(folder / "volumes", folder / "memory")
        self.hosts = HostsFiles(folder)
        book = AddressBook(self.journal, "10.77.0.0/16", busy=lambda: ())
        self.dataplane = DataPlane("default", Mode.NAMES)
        self.networks = Networks(engine, book, self.dataplane, "default")
        self.policies = PolicyKeeper(self.store, self.recorder, DataPlane("default", Mode.KERNEL), lambda: (), ())
        self.handlers = Handlers(engine)
        self.backoff = BackoffSettings()
        self.host_credentials: tuple[Credential, ...] = ()
        self.puller = Puller(
            engine, engine.now, self.backoff, ImageLedger(self.journal), self._host_credentials, "linux/amd64"
        )
        self.withdrawn = asyncio.Event()
        """While it is clear, Services still lead to pods that are to end."""
        self.withdrawn.set()
        self.incomplete = False
        """Whether it is not known yet what is wanted."""
        self.manager = NodeManager(engine, self._rooms(), lambda: self.incomplete)
        self.changes: list[Change] = []
        self._watch = self.store.watch()
        self._news = asyncio.Event()

    def _rooms(self) -> NodeRooms:
        tools = Tools(
            self.engine,
            self.networks,
            self.policies,
            self.hosts,
            self.volumes,
            asyncio.Semaphore(8),
            self.engine.now,
            self._withdrawn,
            progress=Progress(self.engine.now),
        )
        return NodeRooms(
            store=self.store,
            journal=self.journal,
            recorder=self.recorder,
            tools=tools,
            executor=Executor(tools),
            handlers=self.handlers,
            puller=self.puller,
            surroundings=self._surroundings,
            instance="default",
        )

    async def _withdrawn(self) -> None:
        await self.withdrawn.wait()

    async def _host_credentials(self, _reference: ImageReference) -> tuple[Credential, ...]:
        return self.host_credentials

    def _surroundings(self, namespace: str) -> Surroundings:
        return Surroundings(
            instance="default",
            node=NodeFacts(name="host", ip="192.0.2.1", nano_cpus=4 * 10**9, memory_bytes=8 << 30),
            paths=lambda uid: self.volumes.paths(uid, self.hosts.path(uid)),
            sandbox_image=SANDBOX_IMAGE,
            network=network_name("default", namespace),
            config_maps={obj.metadata.name: obj for obj in self.store.list("ConfigMap", namespace)},
            secrets={obj.metadata.name: obj for obj in self.store.list("Secret", namespace)},
            services=tuple(self.store.list("Service", namespace)),
            backoff=self.backoff,
        )

    async def __aenter__(self) -> Self:
        await self.networks.refresh()
        self.hosts.publish(())
        self._tasks = [asyncio.create_task(self._chronicle()), asyncio.create_task(self.manager.run())]
        return self

    async def __aexit__(self, *failure: Any) -> None:
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        self.journal.close()
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

    async def _chronicle(self) -> None:
        """Keep all that happens in the store."""
        while True:
            self.changes += await self._watch.next()
            self._news.set()
            self._news = asyncio.Event()

    # --- what a user does ---

    def apply(self, text: str) -> None:
        """Apply documents, as `kubectl apply` does."""
        for document in yaml.safe_load_all(text):
            obj, problems = registry.decode(document)
            assert obj is not None, "\n".join(map(str, problems))
            self.store.apply("test", Desired(obj, document))

    def pod(self, spec: str, name: str = "web", **metadata: object) -> None:
        """Apply a pod from the YAML of its spec."""
        metadata["name"] = name
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": yaml.safe_load(spec)}
        self.apply(yaml.safe_dump(document))

    def delete(self, name: str = "web", grace: float | None = None) -> None:
        self.store.delete(Key("Pod", "default", name), grace)

    # --- what a user sees ---

    async def until(self, condition: Callable[[], object], seconds: float = 120.0) -> None:
        """Wait until something is so, which is looked at after each change in the store."""
        async with asyncio.timeout(seconds):
            while not condition() or self._watch.version < self.store.version:
                await self._news.wait()

    async def ready(self, name: str = "web") -> None:
        await self.until(lambda: self.condition("Ready", name) == "True")

    async def gone(self, name: str = "web") -> None:
        await self.until(lambda: self.find(name) is None)

    def find(self, name: str = "web") -> Pod | None:
        found: Pod | None = self.store.get(Key("Pod", "default", name))
        return found

    def get(self, name: str = "web") -> Pod:
        found = self.find(name)
        assert found is not None, f"there is no pod {name}"
        return found

    def condition(self, kind: str, name: str = "web") -> str:
        found = self.find(name)
        conditions = found.status.conditions if found else ()
        return next((c.status for c in conditions if c.type == kind), "")

    def container(self, name: str = "web", pod: str = "web") -> ContainerStatus:
        status = self.get(pod).status
        every = (*status.init_container_statuses, *status.container_statuses)
        return next(c for c in every if c.name == name)

    def state(self, name: str = "web", pod: str = "web") -> str:
        """A container's state in a word: "running", or the reason of another one."""
        found = self.container(name, pod).state if self.get(pod).status.container_statuses else None
        if found is None:
            return ""
        if found.running:
            return "running"
        other = found.terminated or found.waiting
        return other.reason if other else ""

    def history(self, what: Callable[[Pod], Any], name: str = "web") -> list[Any]:
        """What has been seen of a pod, one after another; the same twice is once."""
        result: list[Any] = []
        for change in self.changes:
            if change.key == Key("Pod", "default", name):
                value = what(change.object)
                if not result or result[-1] != value:
                    result.append(value)
        return result

    def phases(self, name: str = "web") -> list[str]:
        """The phases that a pod went through."""
        return [phase for phase in self.history(lambda pod: pod.status.phase, name) if phase]

    def reasons(self, pod: str = "web") -> list[str]:
        """The reasons of a pod's Events, in their order; a repetition counts again."""
        events = [c.object for c in self.changes if c.key.kind == "Event" and c.type != "DELETED"]
        return [event.reason for event in events if event.involved_object.name == pod]

    def message(self, reason: str, pod: str = "web") -> str:
        """The newest message of an Event with this reason."""
        events = [c.object for c in self.changes if c.key.kind == "Event"]
        return next(e.message for e in reversed(events) if (e.reason, e.involved_object.name) == (reason, pod))
