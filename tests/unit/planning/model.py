"""A world without an engine: it carries out plans on a picture of one pod, in no time.

It keeps what must hold at every instant of every history (`_check`), so each test that lives through something checks
it too.  Hooks and pulls end as soon as they begin; containers end at once on a signal, unless they are `deaf`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from orchestrator.objects import registry
from orchestrator.objects.pod import Pod
from orchestrator.planning.config_restart import consumed_now
from orchestrator.planning.labels import ATTEMPT, CONFIG, CONTAINER, HASH, SANDBOX_NAME, UID
from orchestrator.planning.observed import (
    Consumed,
    Hook,
    HookState,
    ImageState,
    Observed,
    Restarts,
    SeenContainer,
    Stop,
)
from orchestrator.planning.ops import (
    BeginStop,
    Create,
    EnsureNetwork,
    Forget,
    Isolate,
    KeepRestarts,
    Note,
    Op,
    Plan,
    PrepareVolume,
    PullImage,
    Remove,
    ResolveSubPath,
    RunHook,
    Signal,
    Start,
    Unpause,
    WriteHosts,
)
from orchestrator.planning.pod_plan import plan
from orchestrator.planning.probe_state import ProbeStatus
from orchestrator.planning.readiness import is_started
from orchestrator.planning.restart_policy import is_sidecar
from orchestrator.planning.runtime_config import joined_by
from orchestrator.planning.status import pod_status
from orchestrator.planning.stop_plan import begun
from orchestrator.planning.surroundings import Surroundings
from tests import statuses
from tests.unit.planning.builders import ADDRESS, AROUND, NETWORK, T0

MAX_ROUNDS = 20
"""Plans in a row until everything rests."""


@dataclass
class World:
    """One pod name on one host."""

    pod: Pod | None
    now: float = T0
    around: Surroundings = AROUND
    deaf: bool = False
    hooks_end: HookState = HookState.SUCCEEDED
    images: dict[str, ImageState] = field(default_factory=dict)
    containers: dict[str, SeenContainer] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    former: dict[str, Pod | None] = field(default_factory=dict)
    stops: dict[str, Stop] = field(default_factory=dict)
    post_starts: dict[str, Hook] = field(default_factory=dict)
    pre_stops: dict[str, Hook] = field(default_factory=dict)
    probes: dict[str, ProbeStatus] = field(default_factory=dict)
    restarts: dict[str, Restarts] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)
    consumed: dict[str, Consumed] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    """The Events' messages."""
    network: str = ""
    hosts_ip: str | None = None
    isolated_ip: str | None = None
    made: int = 0
    succeeded: set[tuple[str, str]] = field(default_factory=set)
    """(sandbox id, container) of what has ended with 0, and of sidecars that have started."""
    last_told: registry.Document = field(default_factory=dict)

    # --- the daemon ---

    def rest(self) -> Plan:
        """Plan and carry out until there is nothing to do now; gives the last plan."""
        for _ in range(MAX_ROUNDS):
            current = self.look()
            if not current.ops:
                return current
            for op in current.ops:
                self.do(op)
                self._check()
            if current.done and self.pod is not None and self.pod.metadata.deletion_timestamp:
                assert not statuses.wrong_last(self.last_told), self.last_told
                self.pod = None
        raise AssertionError(f"no rest after {MAX_ROUNDS} rounds:\n{current}")

    def look(self) -> Plan:
        """One plan, and the status that follows from it."""
        if self.pod is not None:
            self.consumed = consumed_now(self.pod, self.around, self.consumed, self.now)
        seen = Observed(
            containers=tuple(self.containers.values()),
            network=self.network,
            volumes=dict(self.volumes),
            hosts_ip=self.hosts_ip,
            isolated_ip=self.isolated_ip,
            images=self._images(),
            stops=dict(self.stops),
            post_starts=dict(self.post_starts),
            pre_stops=dict(self.pre_stops),
            probes=dict(self.probes),
            restarts=dict(self.restarts),
            consumed=self.consumed,
            noted=frozenset(self.noted),
        )
        self._note_sidecars(seen)
        current = plan(self.pod, self.former, seen, self.around, self.now)
        if self.pod is not None:
            before = self.pod.status
            status = pod_status(self.pod, seen, current, self.around, self.now)
            self._check_step(before.phase, status.phase)
            self.pod = msgspec.structs.replace(self.pod, status=status)
            self._check_status(self.pod)
        return current

    def do(self, op: Op) -> None:
        """Carry out one operation."""
        self.lines.append(op.line())
        if op.event is not None:
            self.events.append(op.event.reason)
            self.told.append(op.event.message)
        match op:
            case ResolveSubPath():
                pass
            case EnsureNetwork():
                self.network = NETWORK
            case PrepareVolume():
                self.volumes[op.volume] = op.content.digest
            case WriteHosts():
                self.hosts_ip = op.ip
            case Isolate():
                self.isolated_ip = op.ip
            case PullImage():
                self.images[op.image] = ImageState(present=True, pulled_at=self.now)
            case RunHook():
                hooks = self.post_starts if op.kind == "postStart" else self.pre_stops
                hooks[op.target] = Hook(self.hooks_end)
            case BeginStop():
                self.stops[op.target] = begun(self.stops.get(op.target), op, self.now)
            case KeepRestarts():
                self.restarts[op.name] = op.restarts
            case Note():
                assert op.key not in self.noted, f"told twice: {op.key}"
                self.noted.add(op.key)
            case Forget():
                self.former.pop(op.uid, None)
                self.restarts.clear()
                self.volumes.clear()
                self.hosts_ip = self.isolated_ip = None
            case Create():
                self._create(op)
            case Start():
                target = next(c for c in self.containers.values() if op.target in (c.id, self._engine_name(c)))
                self._check_may_start(target)
                ip = ADDRESS if target.is_sandbox else ""
                self.containers[target.id] = replace(target, phase="running", started_at=self.now, ip=ip)
            case Signal():
                self._signal(op)
            case Unpause():
                self.containers[op.target] = replace(self.containers[op.target], phase="running")
            case Remove():
                del self.containers[op.target]
            case _:
                raise AssertionError(f"the model does not know {op}")

    # --- what happens from outside ---

    def end(self, name: str, code: int = 1) -> None:
        """The container's process ends."""
        found = self.newest(name)
        self.containers[found.id] = replace(found, phase="exited", exit_code=code, finished_at=self.now, ip="")
        if code == 0:
            self.succeeded.add((found.joined, name))

    def vanish(self, name: str) -> None:
        """Somebody removes the newest attempt behind our back."""
        del self.containers[self.newest(name).id]

    def start_again(self, name: str) -> None:
        """`docker restart` of the newest attempt, or `docker start`."""
        found = self.newest(name)
        ip = ADDRESS if found.is_sandbox else ""
        again = replace(found, phase="running", started_at=self.now, finished_at=self.now, ip=ip)
        self.containers[found.id] = again

    def cut_off(self) -> None:
        """`docker network disconnect` of the sandbox."""
        found = self.newest(SANDBOX_NAME)
        self.containers[found.id] = replace(found, ip="")

    def pause(self, name: str) -> None:
        found = self.newest(name)
        self.containers[found.id] = replace(found, phase="paused")

    def advance(self, seconds: float) -> Plan:
        """Let time pass, waking whenever the plan asks for it."""
        until = self.now + seconds
        current = self.rest()
        while current.wake_at is not None and current.wake_at <= until:
            assert current.wake_at > self.now, "it asks to be woken in the past"
            self.now = current.wake_at
            current = self.rest()
        self.now = until
        return self.rest()

    def edit(self, change: Callable[[Pod], Pod]) -> None:
        """The user edits the pod."""
        assert self.pod is not None
        self.pod = change(self.pod)

    # --- questions ---

    def newest(self, name: str) -> SeenContainer:
        uid = self.pod.metadata.uid if self.pod else ""
        return max((c for c in self.containers.values() if (c.uid, c.name) == (uid, name)), key=lambda c: c.attempt)

    def alive(self, name: str) -> bool:
        return any(c.alive for c in self.containers.values() if c.name == name)

    # --- inside ---

    def _images(self) -> dict[str, ImageState]:
        if self.pod is None:
            return {}
        every = (*self.pod.spec.init_containers, *self.pod.spec.containers)
        return {c.image: self.images.get(c.image, ImageState(present=True)) for c in every}

    def _create(self, op: Create) -> None:
        labels = op.config.labels
        assert all(self._engine_name(c) != op.config.name for c in self.containers.values()), "the name is taken"
        self.made += 1
        made = SeenContainer(
            id=f"{labels[CONTAINER]}-{labels[ATTEMPT]}-{self.made}",
            name=labels[CONTAINER],
            uid=labels[UID],
            attempt=int(labels[ATTEMPT]),
            digest=labels[HASH],
            config=labels.get(CONFIG, ""),
            image=op.config.image,
            image_id="sha256:1",
            phase="created",
            # Like a real engine's, a later container's time of creation is later.
            created_at=self.now + self.made * 1e-6,
            joined=joined_by(op.config.network),
        )
        self.containers[made.id] = made

    def _engine_name(self, container: SeenContainer) -> str:
        uid = container.uid[:8]
        return f"orchestrator_default_web_{container.name}_{uid}_{container.attempt}"

    def _signal(self, op: Signal) -> None:
        target = self.containers[op.target]
        stop = self.stops.get(op.target)
        killed = op.signal == "KILL"
        if stop is not None:
            sent = replace(stop, signalled_at=stop.signalled_at or self.now)
            self.stops[op.target] = replace(sent, killed_at=self.now) if killed else sent
        if killed or not self.deaf:
            code = 137 if killed else 143
            self.containers[op.target] = replace(target, phase="exited", exit_code=code, finished_at=self.now)

    # --- what must always hold ---

    def _check(self) -> None:
        names = [c.name for c in self.containers.values() if c.alive]
        assert len(names) == len(set(names)), f"two alive of one name: {sorted(names)}"

    def _note_sidecars(self, seen: Observed) -> None:
        if self.pod is None or (sandbox := seen.sandbox(self.pod.metadata.uid)) is None:
            return
        for container in self.pod.spec.init_containers:
            newest = seen.newest(self.pod.metadata.uid, container.name)
            if is_sidecar(self.pod, container) and newest is not None and is_started(container, newest, seen):
                self.succeeded.add((sandbox.id, container.name))

    def _check_may_start(self, target: SeenContainer) -> None:
        """A container starts only after every init container before it has succeeded, or started, in this sandbox."""
        assert self.pod is not None
        if target.is_sandbox:
            return
        names = [c.name for c in self.pod.spec.init_containers]
        before = names[: names.index(target.name)] if target.name in names else names
        sandbox = self.newest(SANDBOX_NAME).id
        missing = [name for name in before if (sandbox, name) not in self.succeeded]
        assert not missing, f"{target.name} starts before {missing} have succeeded"

    def _check_status(self, pod: Pod) -> None:
        """What is told of a container is what it does, and is what Kubernetes allows, in an order that it allows."""
        told = registry.encode(pod)
        wrong = statuses.wrong(told)
        if self.last_told and self.last_told["metadata"]["uid"] == pod.metadata.uid:
            wrong += statuses.wrong_step(self.last_told, told)
        assert not wrong, wrong
        self.last_told = told
        alive = {c.name for c in self.containers.values() if c.uid == pod.metadata.uid and c.alive}
        over = pod.status.phase in ("Succeeded", "Failed")
        assert not over or alive <= {SANDBOX_NAME}, f"{pod.status.phase}, and {alive} run"
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            state = status.state
            assert [state.running, state.waiting, state.terminated].count(None) == 2, state
            assert not state.running or status.name in alive, f"{status.name} is told to run"
            assert not state.terminated or status.name not in alive, f"{status.name} is told to have ended"
            held = state.waiting.reason if state.waiting else ""
            hooked = _has_post_start(pod, status.name)
            assert status.name not in alive or hooked or held != "PodInitializing", f"{status.name} runs, and waits"
            assert not (status.ready or status.started) or state.running or state.terminated, status

    def _check_step(self, before: str | None, after: str | None) -> None:
        allowed = {"Pending": {"Running", "Succeeded", "Failed"}, "Running": {"Succeeded", "Failed"}}
        assert before in (None, after) or after in allowed.get(before or "", set()), f"phase {before} -> {after}"


def _has_post_start(pod: Pod, name: str) -> bool:
    every = (*pod.spec.init_containers, *pod.spec.containers)
    return any(c.name == name and c.lifecycle is not None and c.lifecycle.post_start is not None for c in every)
