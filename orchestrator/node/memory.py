"""What one pod's worker knows and the engine cannot tell; what must survive a kill -9 is in the journal.

Journalled: restart counts and back-offs, verdicts of probes and postStart hooks that are over (so that adopting a
running container repeats nothing), terminations that have begun and their preStop hooks that are over, the specs of
pods that may still have containers, and those of containers that an edit is replacing: their hooks are the old ones.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any, Literal

import msgspec

from orchestrator.errors import Invalid
from orchestrator.objects import registry
from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.identity import container_digest
from orchestrator.planning.observed import (
    Consumed,
    Failure,
    Hook,
    HookState,
    ImageState,
    Observed,
    Restarts,
    SeenContainer,
    Stop,
)
from orchestrator.planning.probe_state import ProbeKind, ProbeStatus
from orchestrator.state.journal import Journal

RESTARTS, CONTAINERS, PODS, REPLACED = "restarts", "containers", "pods", "replaced"
_MAX_NOTED = 256
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 60.0


class _Known(msgspec.Struct, frozen=True):
    """What the journal has of a container."""

    started: bool | None = None
    ready: bool | None = None
    post_start: bool | Literal["", "succeeded", "failed"] = ""
    post_start_output: str = ""
    pre_stop: Literal["", "succeeded", "failed"] = ""
    """How its hooks ended, "" while they have not."""
    stop: Stop | None = None


class PodMemory:
    """One pod name's memory.  `former` are the pods, by uid, that may have containers and are not the wanted one."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.uid = ""
        self.former: dict[str, Pod | None] = {}
        self.volumes: dict[str, str] = {}
        self.hosts_ip: str | None = None
        self.isolated_ip: str | None = None
        self.stops: dict[str, Stop] = {}
        self.post_starts: dict[str, Hook] = {}
        self.pre_stops: dict[str, Hook] = {}
        self.probes: dict[str, ProbeStatus] = {}
        self.restarts: dict[str, Restarts] = {}
        self.failures: dict[str, Failure] = {}
        self._tries: dict[str, int] = {}
        self.replaced: dict[str, Container] = {}
        self.noted: dict[str, None] = {}
        self.paused: dict[str, float] = {}
        self.consumed: dict[str, Consumed] = {}
        self.evicted = ""
        self.images: dict[str, ImageState] = {}
        self.messages: dict[str, str] = {}
        """Termination messages by container id."""

    def adopt(self, pod: Pod, volumes: dict[str, str]) -> None:
        """Turn to this pod; another one than before becomes a former one."""
        uid = pod.metadata.uid
        self._keep_replaced(pod)
        self._journal.put(PODS, uid, registry.encode(pod))
        if uid == self.uid:
            return
        if self.uid:
            self.former.setdefault(self.uid, None)
        self.uid = uid
        self.evicted = ""
        self.former.pop(uid, None)
        self.volumes = dict(volumes)
        self.consumed = {}
        self.hosts_ip = self.isolated_ip = None
        self.failures.clear()
        self._tries.clear()
        prefix = f"{uid}/"
        entries = ((key, value) for key, value in self._journal.all(RESTARTS, Restarts) if key.startswith(prefix))
        self.restarts = {key.removeprefix(prefix): restarts for key, restarts in entries}

    def observed(self, seen: Iterable[SeenContainer], network: str, now: float) -> Observed:
        """All of it as the plan's input, with what the engine says now (Unix seconds)."""
        containers = tuple(replace(c, message=self.messages.get(c.id, "")) for c in seen)
        self._forget_gone({container.id for container in containers})
        for container in containers:
            self._recall(container, now)
        self._forget_replaced(containers)
        return Observed(
            containers=containers,
            network=network,
            volumes=dict(self.volumes),
            hosts_ip=self.hosts_ip,
            isolated_ip=self.isolated_ip,
            images=dict(self.images),
            stops=dict(self.stops),
            post_starts=dict(self.post_starts),
            pre_stops=dict(self.pre_stops),
            probes=dict(self.probes),
            restarts=dict(self.restarts),
            failures=dict(self.failures),
            replaced=dict(self.replaced),
            paused=dict(self.paused),
            evicted=self.evicted,
            noted=frozenset(self.noted),
        )

    def shift(self, seconds: float) -> None:
        """The host's clock was set by so many seconds: what began, and what is due, is as far from now as it was."""
        for container, stop in self.stops.items():
            self.keep_stop(container, _shifted(stop, seconds))
        for hooks in (self.post_starts, self.pre_stops):
            hooks.update({container: replace(hook, since=hook.since + seconds) for container, hook in hooks.items()})
        self.failures = {name: replace(each, retry_at=each.retry_at + seconds) for name, each in self.failures.items()}
        self.consumed = {name: replace(each, since=each.since + seconds) for name, each in self.consumed.items()}
        self.paused = {container: since + seconds for container, since in self.paused.items()}

    def note(self, key: str) -> None:
        """An Event was told; the oldest are forgotten, and would at worst be told again."""
        self.noted[key] = None
        while len(self.noted) > _MAX_NOTED:
            del self.noted[next(iter(self.noted))]

    def keep_restarts(self, name: str, restarts: Restarts) -> None:
        """A container's history, in the journal too."""
        self.restarts[name] = restarts
        self._journal.put(RESTARTS, f"{self.uid}/{name}", asdict(restarts))

    def keep_verdict(self, container: str, kind: ProbeKind, verdict: bool) -> None:
        """What a probe has decided about a container id."""
        status = self.probes.get(container, ProbeStatus()).with_verdict(kind, verdict)
        self.probes[container] = status
        self._keep_container(container)

    def keep_post_start(self, container: str, hook: Hook) -> None:
        """How far a postStart hook is; one that is over is not run again, and one that failed is told of to the end."""
        self.post_starts[container] = hook
        if hook.state is not HookState.RUNNING:
            self._keep_container(container)

    def keep_stop(self, container: str, stop: Stop) -> None:
        """How far a termination is; its grace period goes on though the daemon does not."""
        self.stops[container] = stop
        self._keep_container(container)

    def keep_pre_stop(self, container: str, hook: Hook) -> None:
        """How far a preStop hook is; one that is over is not delivered again."""
        self.pre_stops[container] = hook
        if hook.state is not HookState.RUNNING:
            self._keep_container(container)

    def fail(self, name: str, reason: str, message: str, now: float, longest: float = _LONGEST_RETRY) -> None:
        """An operation on a container (or the sandbox) failed; each time in a row it waits longer, up to `longest`."""
        tries = self._tries.get(name, 0)
        self._tries[name] = tries + 1
        delay = min(_FIRST_RETRY * 2**tries, longest)
        self.failures[name] = Failure(reason, message, now + delay)

    def succeed(self, name: str) -> None:
        """An operation worked: the next failure waits shortly again."""
        self.failures.pop(name, None)
        self._tries.pop(name, None)

    def forgive(self) -> None:
        """The spec changed: what failed may work now."""
        self.failures.clear()
        self._tries.clear()

    def forget_container(self, container: str) -> None:
        """The container is gone from the engine."""
        for facts in self._by_container():
            facts.pop(container, None)
        self.succeed(container)
        self._journal.delete(CONTAINERS, container)

    def forget_pod(self, uid: str) -> None:
        """Nothing of a pod is left in the engine."""
        self.former.pop(uid, None)
        forget_records(self._journal, uid)
        self._journal.delete(PODS, uid)
        if uid == self.uid:
            self.uid = ""
            self.restarts.clear()
            self.volumes.clear()
            self.hosts_ip = self.isolated_ip = None

    def _keep_replaced(self, pod: Pod) -> None:
        """Before this version of a pod takes the place of the last one: what containers may still be made from."""
        document = self._journal.get(PODS, pod.metadata.uid)
        try:
            before = registry.convert(document) if document else None
        except Invalid:
            return
        wanted = {container_digest(container) for container in pod.spec.containers}
        for container in before.spec.containers if isinstance(before, Pod) else ():
            if (digest := container_digest(container)) not in wanted:
                self.replaced[digest] = container
                document = msgspec.to_builtins(container, str_keys=True)
                self._journal.put(REPLACED, f"{pod.metadata.uid}/{digest}", document)

    def _forget_replaced(self, containers: Iterable[SeenContainer]) -> None:
        """Keep the specs of what still runs, from the journal where they are not of this life."""
        kept = {f"{seen.uid}/{seen.digest}": seen.digest for seen in containers if not seen.ended}
        self.replaced = {digest: spec for digest, spec in self.replaced.items() if digest in kept.values()}
        for key, document in self._journal.items(REPLACED):
            if key in kept:
                with contextlib.suppress(msgspec.ValidationError):
                    self.replaced.setdefault(kept[key], msgspec.convert(document, Container))
            elif key.split("/", 1)[0] in (self.uid, *self.former):
                self._journal.delete(REPLACED, key)

    def _by_container(self) -> tuple[dict[str, Any], ...]:
        return (self.stops, self.post_starts, self.pre_stops, self.probes, self.messages, self.paused)

    def _forget_gone(self, present: set[str]) -> None:
        """Containers that somebody else removed."""
        for container in {key for facts in self._by_container() for key in facts} - present:
            self.forget_container(container)

    def _recall(self, seen: SeenContainer, now: float) -> None:
        """At adoption: what the journal knows of a container that we have not met in this life."""
        if any(seen.id in facts for facts in (self.probes, self.post_starts, self.stops)):
            return
        known = self._journal.read(CONTAINERS, seen.id, _Known)
        if known is None:
            return
        stop = known.stop
        if not seen.alive:
            # Why it was ended says whether it is to run again.
            if stop is not None:
                self.stops[seen.id] = stop
            return
        self.probes[seen.id] = ProbeStatus(started=known.started, ready=known.ready)
        if known.post_start:
            # Earlier daemons noted success only, as true.
            post_start = HookState.SUCCEEDED if known.post_start is True else HookState(known.post_start)
            self.post_starts[seen.id] = Hook(post_start, known.post_start_output)
        if stop is not None:
            # One from the future was noted before the clock was set back: it begins now.
            self.stops[seen.id] = _shifted(stop, min(now - stop.since, 0.0))
        if known.pre_stop:
            self.pre_stops[seen.id] = Hook(HookState(known.pre_stop))

    def _keep_container(self, container: str) -> None:
        status = self.probes.get(container, ProbeStatus())
        hook, stop = self.post_starts.get(container), self.stops.get(container)
        document = {
            "started": status.started,
            "ready": status.ready,
            "post_start": _over(hook),
            "post_start_output": hook.output if hook is not None else "",
            "pre_stop": _over(self.pre_stops.get(container)),
            "stop": asdict(stop) if stop is not None else None,
        }
        self._journal.put(CONTAINERS, container, document)


def _over(hook: Hook | None) -> str:
    """How a hook ended, "" for one that has not."""
    return hook.state if hook is not None and hook.state is not HookState.RUNNING else ""


def _shifted(stop: Stop, seconds: float) -> Stop:
    sent = {name: at + seconds for name in ("signalled_at", "killed_at") if (at := getattr(stop, name))}
    return replace(stop, since=stop.since + seconds, **sent)


def recorded_containers(journal: Journal) -> set[str]:
    """The engine's ids of all containers that something is known of."""
    return {container for container, _ in journal.items(CONTAINERS)}


def forget_containers(journal: Journal, gone: Iterable[str]) -> None:
    """What is known of containers that have gone from the engine while nobody looked."""
    for container in gone:
        journal.delete(CONTAINERS, container)


def recorded_pods(journal: Journal) -> set[str]:
    """The uids of all pods whose containers something is known of."""
    return {key.split("/", 1)[0] for bucket in (RESTARTS, REPLACED) for key, _ in journal.items(bucket)}


def forget_records(journal: Journal, uid: str) -> None:
    """What is known of the containers of a pod that is gone."""
    for bucket in (RESTARTS, REPLACED):
        for key, _ in journal.items(bucket):
            if key.startswith(f"{uid}/"):
                journal.delete(bucket, key)
