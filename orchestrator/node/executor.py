"""Carries out the operations of a plan: one call each, no opinion.

Operations without a lane run one after another; those that stand together and have lanes run lane by lane at the same
time.  A failed operation ends its lane and, after the others of its group, the plan: the worker observes and plans
again.  What failed is in the pod's memory, for the next plan, and in an Event, for the user.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from orchestrator import failpoints
from orchestrator.engine.base import ContainerConfig, Engine
from orchestrator.errors import Conflict, Invalid, NotFound, OrchestratorError, Unavailable
from orchestrator.metrics import Metrics
from orchestrator.node.memory import PodMemory
from orchestrator.node.messages import prepare_message
from orchestrator.node.ports import HostsFiles, PodNetworks, PodPolicies
from orchestrator.node.progress import Progress
from orchestrator.node.sandbox_image import ensure_sandbox_image
from orchestrator.node.seccomp import with_profile
from orchestrator.node.volumes import VolumeStore
from orchestrator.objects.pod import Pod
from orchestrator.planning.labels import SANDBOX_NAME
from orchestrator.planning.ops import (
    BeginStop,
    Create,
    EnsureNetwork,
    EventNote,
    Forget,
    Isolate,
    KeepRestarts,
    Note,
    Op,
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
from orchestrator.planning.stop_plan import begun

log = logging.getLogger(__name__)

ENGINE_CALLS = 8
"""How many creates, starts and removes run at once; more only queue in the engine."""
_MOUNT_RETRY = 4.0
"""Seconds between two looks, at most, for what a volume needs on the host."""


class PlanStopped(OrchestratorError):
    """An operation failed; it is recorded, and the next plan knows."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all pods' executors share."""

    engine: Engine
    networks: PodNetworks
    policies: PodPolicies
    hosts: HostsFiles
    volumes: VolumeStore
    slots: asyncio.Semaphore
    clock: Callable[[], float]
    withdrawn: Callable[[], Awaitable[None]]
    """Waits until no new connection is led to pods that are to end; never for long."""
    progress: Progress = field(default_factory=lambda: Progress(time.monotonic))
    metrics: Metrics = field(default_factory=Metrics)


@dataclass(frozen=True, slots=True)
class Work:
    """Whom a plan is for, and what works on by itself: pulls and hooks are begun, and report to the worker."""

    name: str
    namespace: str
    pod: Pod | None
    memory: PodMemory
    pull: Callable[[PullImage], None]
    run_hook: Callable[[RunHook], None]
    tell: Callable[..., None]
    """(note, engine id of the container that it is about, if any)"""
    stop_signal: Callable[[Signal], str]
    redact: Callable[[str], str]
    """A text of the engine's without values of Secrets."""


class Executor:
    """Executes plans, for every pod."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._one_import = asyncio.Lock()

    async def execute(self, ops: Sequence[Op], work: Work) -> None:
        """Do all of it; PlanStopped when something failed, Unavailable when the engine is away."""
        for together, group in groupby(ops, key=lambda op: bool(op.lane)):
            if together:
                await self._lanes(list(group), work)
            else:
                await self._one_by_one(group, work)

    async def _lanes(self, ops: Sequence[Op], work: Work) -> None:
        lanes: dict[str, list[Op]] = {}
        for op in ops:
            lanes.setdefault(op.lane, []).append(op)
        if len(lanes) == 1:
            await self._one_by_one(ops, work)
            return
        results = await asyncio.gather(
            *(self._one_by_one(lane, work) for lane in lanes.values()), return_exceptions=True
        )
        problems = [result for result in results if isinstance(result, BaseException)]
        for problem in sorted(problems, key=lambda p: isinstance(p, PlanStopped)):
            raise problem

    async def _one_by_one(self, ops: Iterable[Op], work: Work) -> None:
        metrics = self._tools.metrics
        for op in ops:
            name = type(op).__name__
            try:
                if failpoints.ARMED:
                    failpoints.reach(f"before {_point(op, work)}")
                with metrics.operation_seconds.timed(name):
                    await self._do(op, work)
                if failpoints.ARMED:
                    failpoints.reach(f"after {_point(op, work)}")
            except PlanStopped:
                raise
            except Unavailable:
                metrics.operation_errors.inc(name)
                raise
            except OrchestratorError as error:
                metrics.operation_errors.inc(name)
                self._failed(op, error, work)
                raise PlanStopped(str(error)) from error
            log.log(logging.DEBUG if op.quiet else logging.INFO, "%s/%s: %s", work.namespace, work.name, op.line())
            if op.event is not None:
                work.tell(op.event, getattr(op, "target", ""))

    async def _do(self, op: Op, work: Work) -> None:
        tools, memory = self._tools, work.memory
        match op:
            case EnsureNetwork():
                network = await tools.networks.ensure(work.namespace)
                if op.gateway and network.gateway and op.gateway != network.gateway:
                    # Someone took its range a moment ago: the sandbox would ask for names where nobody answers.
                    raise PlanStopped(f"the network is {network.subnet} now")
            case Isolate() if work.pod is not None:
                await tools.policies.guard(work.pod)
                memory.isolated_ip = op.ip
            case PrepareVolume():
                await tools.volumes.prepare(op.content)
                memory.volumes[op.volume] = op.content.digest
            case ResolveSubPath():
                await tools.volumes.resolve(op)
            case WriteHosts() if work.pod is not None:
                try:
                    tools.hosts.prepare(work.pod, op.ip)
                except OSError as error:
                    raise OrchestratorError(f"cannot write {error.filename}: {error.strerror}") from error
                memory.hosts_ip = op.ip
            case PullImage():
                work.pull(op)
            case RunHook():
                work.run_hook(op)
            case BeginStop():
                before = memory.stops.get(op.target)
                memory.keep_stop(op.target, begun(before, op, tools.clock()))
                if op.grace > 0 and before is None:
                    await tools.withdrawn()
            case KeepRestarts():
                memory.keep_restarts(op.name, op.restarts)
            case Note():
                memory.note(op.key)
            case Forget():
                await tools.volumes.remove(op.uid)
                tools.hosts.remove(op.uid)
                tools.policies.release(op.uid)
                memory.forget_pod(op.uid)
            case _:
                async with tools.slots:
                    with tools.progress.step(f"{work.namespace}/{work.name}: {op.line()}"):
                        await self._call(op, work)

    async def _call(self, op: Op, work: Work) -> None:
        """The operations that are calls to the engine about one container."""
        engine, memory = self._tools.engine, work.memory
        match op:
            case Create():
                await self._create(op)
            case Start():
                await engine.start(op.target)
                memory.succeed(op.name)
            case Signal():
                try:
                    await engine.kill(op.target, op.signal or work.stop_signal(op))
                except (Conflict, NotFound):
                    log.debug("%s/%s: %s has ended already", work.namespace, work.name, op.name)
                self._signalled(op, memory)
                memory.succeed(op.target)
            case Unpause():
                await engine.unpause(op.target)
                memory.succeed(op.target)
            case Remove():
                try:
                    await engine.remove(op.target)
                except Conflict:
                    log.debug("%s/%s: %s is being removed already", work.namespace, work.name, op.name)
                memory.forget_container(op.target)

    async def _create(self, op: Create) -> None:
        config = op.config
        if op.message_file and not await prepare_message(Path(op.message_file)):
            config = replace(config, mounts=tuple(each for each in config.mounts if each.source != op.message_file))
        try:
            if config.seccomp_file:
                config = replace(config, security_opt=await with_profile(config.security_opt, config.seccomp_file))
            await self._create_from_image(op.name, config)
        except Conflict:
            # The name holds uid and attempt: it is the container that we wanted, made before a crash of the daemon.
            log.debug("%s is there already", op.config.name)

    async def _create_from_image(self, name: str, config: ContainerConfig) -> None:
        """Where somebody removed the sandbox's image (`docker system prune -a`) it is made anew: no registry has it."""
        engine = self._tools.engine
        try:
            await engine.create(config)
        except NotFound:
            if name != SANDBOX_NAME:
                raise
            async with self._one_import:
                await ensure_sandbox_image(engine)
            await engine.create(config)

    def _signalled(self, op: Signal, memory: PodMemory) -> None:
        stop, now = memory.stops.get(op.target), self._tools.clock()
        if stop is not None and op.signal == "KILL":
            memory.keep_stop(op.target, replace(stop, killed_at=now, signalled_at=stop.signalled_at or now))
        elif stop is not None:
            memory.keep_stop(op.target, replace(stop, signalled_at=now))

    def _failed(self, op: Op, error: OrchestratorError, work: Work) -> None:
        """Remember it for the next plan, and tell the user in Kubernetes' words."""
        now, text = self._tools.clock(), work.redact(str(error))
        log.warning("%s/%s: cannot %s: %s", work.namespace, work.name, op.line(), text)
        match op:
            case Create() if op.name != SANDBOX_NAME:
                self._doubt_files(work)
                work.memory.fail(op.name, "CreateContainerError", text, now)
                work.tell(EventNote("Warning", "Failed", f"Error: {text}", op.name))
            case Start() if op.name != SANDBOX_NAME:
                work.memory.fail(op.name, "RunContainerError", text, now)
                work.tell(EventNote("Warning", "Failed", f"Error: failed to start container: {text}", op.name))
            case ResolveSubPath():
                reason = "CreateContainerConfigError" if isinstance(error, Invalid) else "CreateContainerError"
                work.memory.fail(op.lane, reason, text, now)
                work.tell(EventNote("Warning", "Failed", f"Error: {text}", op.lane))
            case Remove() | Signal() | Unpause():
                work.memory.fail(op.target, "FailedKillPod", text, now)
                work.tell(EventNote("Warning", "FailedKillPod", f"error killing pod: {text}", op.name), op.target)
            case PrepareVolume():
                work.memory.fail(SANDBOX_NAME, "ContainerCreating", text, now, _MOUNT_RETRY)
                message = f'MountVolume.SetUp failed for volume "{op.volume}" : {text}'
                work.tell(EventNote("Warning", "FailedMount", message))
            case _:
                if isinstance(op, Start):
                    self._tools.networks.doubt(work.namespace)
                work.memory.fail(SANDBOX_NAME, "ContainerCreating", text, now)
                message = f"Failed to create pod sandbox: {text}"
                work.tell(EventNote("Warning", "FailedCreatePodSandBox", message))

    def _doubt_files(self, work: Work) -> None:
        """What the container mounts may have been removed from the run folder: what is not there is written again."""
        if work.pod is not None:
            work.memory.hosts_ip = None
            with suppress(OSError):
                work.memory.volumes = self._tools.volumes.digests(work.pod.metadata.uid)


def _point(op: Op, work: Work) -> str:
    """The name of an operation's failpoint: "Start web/main"."""
    return f"{type(op).__name__} {work.name}/{getattr(op, 'name', '') or op.lane}"
