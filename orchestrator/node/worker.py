"""One task a pod: observe, plan, execute; then wait for an event, a result or the plan's own time.

    wake -> observe (engine + memory) -> planning.pod_plan.plan -> status to the store -> executor -> again, until
    the plan is empty

The slot is the pod's place in the store: the newest object wins, and older wishes are never seen.  Nobody else touches
this pod's containers.  Whatever goes wrong here is recorded and tried again later; it never reaches another pod.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from orchestrator import logs
from orchestrator.engine.base import Container as EngineContainer
from orchestrator.engine.base import EngineRefused
from orchestrator.errors import OrchestratorError, Unavailable
from orchestrator.node.beats import Beats
from orchestrator.node.clock_steps import ClockSteps
from orchestrator.node.executor import Executor, PlanStopped, Tools, Work
from orchestrator.node.handlers import Handlers
from orchestrator.node.hooks import HookTarget, PodHooks
from orchestrator.node.images import Puller
from orchestrator.node.inventory import Hung, list_pod
from orchestrator.node.memory import PodMemory
from orchestrator.node.messages import not_executable, read_message
from orchestrator.node.observe import seen_container
from orchestrator.node.pod_counts import PodCounts
from orchestrator.node.pod_pulls import PodPulls
from orchestrator.node.prober import Prober, ProbeTarget
from orchestrator.node.shown import Shown
from orchestrator.objects.config import Secret
from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning import labels
from orchestrator.planning.config_restart import consumed_now
from orchestrator.planning.container import message_file
from orchestrator.planning.image_request import asked_platform, image_request
from orchestrator.planning.made_from import of_former_secret
from orchestrator.planning.observed import Observed, SeenContainer
from orchestrator.planning.ops import EventNote, Plan, ProbeKey, RunHook, Signal
from orchestrator.planning.pod_plan import plan as plan_pod
from orchestrator.planning.probe_state import ProbeKind, ProbeStatus
from orchestrator.planning.redaction import HIDDEN_ERROR, redacted
from orchestrator.planning.status import pod_status
from orchestrator.planning.surroundings import Surroundings
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Key, Store

log = logging.getLogger(__name__)

_MAX_ROUNDS = 50
"""Plans in a row without a pause; more means that plan and engine disagree, and the worker backs off."""
_FIRST_RETRY, _LONGEST_RETRY = 0.2, 2.0
_RESYNC = 60.0
"""Seconds after which a pod is looked at though nothing happened."""


@dataclass(frozen=True, slots=True)
class NodeRooms:
    """What all workers share."""

    store: Store
    journal: Journal
    recorder: EventRecorder
    tools: Tools
    executor: Executor
    handlers: Handlers
    puller: Puller
    surroundings: Callable[[str], Surroundings]
    instance: str
    beats: Beats = field(default_factory=Beats)


class PodWorker:
    """Looks after all containers that bear one pod's name."""

    def __init__(self, key: Key, rooms: NodeRooms, pulls: asyncio.TaskGroup) -> None:
        """`pulls` owns the image pulls, which outlive a worker when other pods wait for them too."""
        self.key = key
        self.memory = PodMemory(rooms.journal)
        self.synced = asyncio.Event()
        """Set once the pod was looked at for the first time."""
        self.listed: Sequence[EngineContainer] | None = None
        """What the engine has of this name, where that was just seen: the next look."""
        self._rooms = rooms
        self._pulls = PodPulls(rooms.puller, pulls, self._tell, self.wake)
        self._woken = asyncio.Event()
        self._counts = PodCounts(key.namespace, key.name, rooms.tools.metrics)
        self._last: Pod | None = None
        self._planned_with: Mapping[str, Secret] = {}
        self._engine_view: dict[str, EngineContainer] = {}
        self._shown: Shown | None = None
        clock, ran = rooms.tools.clock, self._counts.probe
        self._clock_steps = ClockSteps(clock)
        self._prober = Prober(rooms.handlers, rooms.beats, clock, self._probe_decided, self._tell, ran)
        self._hooks = PodHooks(rooms.handlers, self.memory, clock, self._hook_target, self._tell, self.wake)

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._counts.woken()
        self._woken.set()

    def containers(self) -> tuple[EngineContainer, ...]:
        """What the engine had of this name at the last look."""
        return tuple(self._engine_view.values())

    def running_pod(self) -> Pod | None:
        """The pod while it runs, and is not on its way out."""
        pod = self._last
        if pod is None or pod.status.phase != "Running" or pod.metadata.deletion_timestamp or self.memory.evicted:
            return None
        return pod

    def evict(self, pod: Pod, why: str) -> None:
        """End the pod, if it is still this one: it stays Failed."""
        if self.memory.uid == pod.metadata.uid:
            self.memory.evicted = why
            self.wake()

    async def run(self) -> None:
        """Until nothing of this pod is wanted and nothing is left."""
        async with asyncio.TaskGroup() as tasks:
            retry = _FIRST_RETRY
            while True:
                self._woken.clear()
                try:
                    with self._rooms.tools.metrics.sync_seconds.timed("sync"):
                        done, wake_at = await self._sync(tasks)
                    retry = _FIRST_RETRY
                except Exception as error:
                    self._tell_trouble(error, retry)
                    # Each look at what hangs leaves one more request waiting in the engine.
                    done, wake_at = False, self._now() + (_RESYNC if isinstance(error, Hung) else retry)
                    retry = min(retry * 2, _LONGEST_RETRY)
                self.synced.set()
                if done:
                    self._pulls.keep()
                    self._prober.keep(frozenset(), self._probe_target, tasks)
                    self._hooks.end_all()
                    self._counts.gone()
                    return
                await self._wait(wake_at)

    def _tell_trouble(self, error: Exception, retry: float) -> None:
        match error:
            case Unavailable():
                log.debug("%s: %s", self.key, error)
            case Hung():
                self._tell(EventNote("Warning", "FailedSync", f"error determining status: {error}"))
            case EngineRefused():
                # Told once: what follows is more of the same, and the engine's health tells how it goes on.
                level = logging.WARNING if retry == _FIRST_RETRY else logging.DEBUG
                log.log(level, "%s: %s; trying again", self.key, error)
            case _:
                logs.surprise(log, f"{self.key}: trying again in {retry:g} s", error)

    async def _wait(self, wake_at: float | None) -> None:
        seconds = _RESYNC if wake_at is None else min(max(wake_at - self._now(), 0.0), _RESYNC)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _sync(self, tasks: asyncio.TaskGroup) -> tuple[bool, float | None]:
        """Plan and execute until there is nothing to do now: (all over, when to look again)."""
        for _ in range(_MAX_ROUNDS):
            self._counts.looked()
            if step := self._clock_steps.since_last():
                self.memory.shift(step)
            pod = self._wanted()
            with self._rooms.tools.progress.step(f"{self.key}: look at what runs"):
                observed = await self._observe(pod)
            self._hooks.end_orphans(observed)
            around = self._rooms.surroundings(self.key.namespace)
            self._planned_with = around.secrets
            if pod is not None:
                self.memory.consumed = consumed_now(pod, around, self.memory.consumed, self._now())
                observed = replace(observed, consumed=self.memory.consumed)
            with self._rooms.tools.metrics.plan_seconds.timed():
                plan = plan_pod(pod, self.memory.former, observed, around, self._now())
            self._prober.keep(plan.probes, self._probe_target, tasks)
            self._publish(pod, observed, plan, around)
            self.synced.set()
            if not plan.ops:
                return plan.done, plan.wake_at
            try:
                await self._rooms.executor.execute(plan.ops, self._work(pod, tasks))
            except PlanStopped:
                continue
            if plan.done and pod is not None and pod.metadata.deletion_timestamp:
                self._hooks.end_all()
                self._last = None
                self._rooms.store.finalize(self.key, pod.metadata.uid)
        raise OrchestratorError(f"the plan of {self.key} does not come to rest")

    def _wanted(self) -> Pod | None:
        pod: Pod | None = self._rooms.store.get(self.key)
        if pod is None:
            return None
        last = self._last
        if last is not None and last.metadata.uid != pod.metadata.uid:
            self.memory.former[last.metadata.uid] = last
        if last is None or last.metadata.uid != pod.metadata.uid:
            self.memory.adopt(pod, self._rooms.tools.volumes.digests(pod.metadata.uid))
        elif last.metadata.generation != pod.metadata.generation:
            self.memory.adopt(pod, {})
            self.memory.forgive()
        self._last = pod
        return pod

    async def _observe(self, pod: Pod | None) -> Observed:
        rooms = self._rooms
        containers, self.listed = self.listed, None
        if containers is None:
            containers = await list_pod(rooms.tools.engine, rooms.instance, self.key)
        self._engine_view = {container.id: container for container in containers}
        seen = [self._seen(container) for container in containers]
        known = {pod.metadata.uid if pod else "", *self.memory.former}
        for uid in {container.uid for container in seen} - known:
            self.memory.former[uid] = None
        await self._read_messages(seen)
        self._note_pauses(seen)
        running = {container.name for container in seen if container.alive}
        if pod is not None and not pod.metadata.deletion_timestamp:
            every = pod.spec.every_container
            around = rooms.surroundings(self.key.namespace)
            due = {c.image: image_request(pod, c.image, around) for c in every if c.name not in running}
            self.memory.images = await self._pulls.states(due)
        else:
            self._pulls.keep()
        ready = rooms.tools.networks.ready(self.key.namespace)
        return self.memory.observed(seen, rooms.surroundings(self.key.namespace).network if ready else "", self._now())

    async def _read_messages(self, seen: list[SeenContainer]) -> None:
        """The last words of containers that have ended since the last look."""
        pod, memory = self._last, self.memory
        for ended in seen:
            if pod is None or not ended.ended or ended.is_sandbox or ended.id in memory.messages:
                continue
            spec = self._spec_of(self._engine_view[ended.id], ended.name)
            if spec is not None and ended.uid == pod.metadata.uid:
                path = Path(message_file(pod, ended.name, ended.attempt, self._rooms.surroundings(self.key.namespace)))
                engine = self._rooms.tools.engine
                text = await read_message(engine, path, spec, ended)
                platforms = asked_platform(pod), self._rooms.puller.platform
                if not text and (text := await not_executable(engine, spec, ended, *platforms)):
                    self._tell(EventNote("Warning", "Failed", f"Error: {text}", ended.name), ended.id)
                memory.messages[ended.id] = text

    def _seen(self, container: EngineContainer) -> SeenContainer:
        seen = seen_container(container)
        if not seen.error:
            return seen
        # The engine keeps an error for as long as the container, and what it quotes may be of no Secret any more.
        former = of_former_secret(seen.config, self.key.namespace, self._rooms.surroundings(self.key.namespace))
        return replace(seen, error=HIDDEN_ERROR if former else self._redact(seen.error))

    def _redact(self, text: str) -> str:
        """Hide the values that the last plan was made with, and those of today."""
        today = self._rooms.surroundings(self.key.namespace).secrets
        return redacted(text, (*self._planned_with.values(), *today.values()))

    def _note_pauses(self, seen: list[SeenContainer]) -> None:
        now, paused = self._now(), {container.id for container in seen if container.phase == "paused"}
        self.memory.paused = {container: self.memory.paused.get(container, now) for container in paused}

    def _publish(self, pod: Pod | None, observed: Observed, plan: Plan, around: Surroundings) -> None:
        self._shown = None
        if pod is None:
            return
        # While the engine was asked, a probe may have told its verdict: what is told now follows from that.
        before = self._rooms.store.get(self.key)
        if before is not None and before.metadata.uid == pod.metadata.uid:
            pod = msgspec.structs.replace(pod, status=before.status)
        self._shown = Shown(pod, observed, plan, around)
        status = pod_status(pod, observed, plan, around, self._now())
        self._rooms.store.update_status(self.key, pod.metadata.uid, status)

    def _publish_verdict(self) -> None:
        """Tell a probe's verdict at once, beside what was seen last: who sends traffic cannot wait for the engine."""
        shown, pod = self._shown, self._rooms.store.get(self.key)
        if shown is None or pod is None or not shown.is_of(pod):
            return
        self._publish(pod, replace(shown.observed, probes=dict(self.memory.probes)), shown.plan, shown.around)

    # --- what works on by itself and reports ---

    def _work(self, pod: Pod | None, tasks: asyncio.TaskGroup) -> Work:
        return Work(
            name=self.key.name,
            namespace=self.key.namespace,
            pod=pod,
            memory=self.memory,
            pull=self._pulls.begin,
            run_hook=lambda op: self._hooks.begin(op, tasks),
            tell=self._tell,
            stop_signal=self._stop_signal,
            redact=self._redact,
        )

    def _tell(self, note: EventNote, container: str = "") -> None:
        """Tell an Event about the pod, or about the former one that the container with this engine id belongs to."""
        seen = self._engine_view.get(container)
        about = self.memory.former.get(seen.labels.get(labels.UID, "")) if seen else None
        about = about or self._last
        if about is None:
            log.info("%s: %s: %s", self.key, note.reason, note.message)
            return
        init = any(c.name == note.container for c in about.spec.init_containers)
        named = note.container not in ("", labels.SANDBOX_NAME)
        path = f"spec.{'initContainers' if init else 'containers'}{{{note.container}}}" if named else ""
        self._rooms.recorder.record(about, note.type, note.reason, note.message, field_path=path)

    def _stop_signal(self, op: Signal) -> str:
        seen = self._engine_view.get(op.target)
        return (seen.stop_signal if seen else "") or "TERM"

    # --- what probes and hooks run against ---

    def _probe_decided(self, key: ProbeKey, verdict: bool) -> None:
        self.memory.keep_verdict(key.id, key.kind, verdict)
        if key.kind is ProbeKind.READINESS:
            self._publish_verdict()
        self.wake()

    def _probe_target(self, key: ProbeKey) -> ProbeTarget | None:
        seen = self._engine_view.get(key.id)
        spec = self._spec_of(seen, key.container)
        if seen is None or spec is None:
            return None
        verdict = self.memory.probes.get(key.id, ProbeStatus()).verdict(key.kind)
        return ProbeTarget(spec, self._address(key.id), seen.started_at, verdict)

    def _hook_target(self, op: RunHook) -> HookTarget | None:
        spec = self._spec_of(self._engine_view.get(op.target), op.name)
        return HookTarget(spec, self._address(op.target)) if spec else None

    def _spec_of(self, seen: EngineContainer | None, name: str) -> Container | None:
        """What a container was made from: the spec that an edit replaced, or its pod's, wanted or former."""
        own = seen.labels if seen else {}
        if replaced := self.memory.replaced.get(own.get(labels.HASH, "")):
            return replaced
        uid = own.get(labels.UID, "")
        last = self._last
        pod = last if last is not None and last.metadata.uid == uid else self.memory.former.get(uid)
        if pod is None:
            return None
        return next((c for c in pod.spec.every_container if c.name == name), None)

    def _address(self, container: str) -> str:
        """The address of the pod that a container belongs to: its sandbox's, or the host's."""
        uid = self._engine_view[container].labels.get(labels.UID) if container in self._engine_view else None
        for seen in map(seen_container, self._engine_view.values()):
            if seen.is_sandbox and seen.uid == uid and seen.phase == "running":
                return seen.ip or self._rooms.surroundings(self.key.namespace).node.ip
        return ""

    def _now(self) -> float:
        return self._rooms.tools.clock()
