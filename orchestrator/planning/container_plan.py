"""What to do about one container of a pod whose sandbox stands.

      (none) --create, start--> running --ends--> ended --back-off--> create, start (next attempt)
                                   |                |
                          BeginStop (see stop_plan) `--policy says no--> stays

A restarted container is a new one with the next attempt number.  Whether it restarts is the policy's word, when is the
back-off's; every reason to stop it (spec edit, probe, hook, sandbox) ends it first and then takes the same path.
"""

from dataclasses import replace

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.attempt_plan import Role, attempt_plan, start_made
from orchestrator.planning.backoff import BackoffSettings, earned, following
from orchestrator.planning.config_restart import ConfigRestart, config_restart
from orchestrator.planning.identity import container_digest
from orchestrator.planning.made_from import sentence
from orchestrator.planning.observed import HookState, Observed, Restarts, SeenContainer, Stop, StopReason
from orchestrator.planning.ops import (
    EventNote,
    Note,
    Op,
    Plan,
    ProbeKey,
    Remove,
    RunHook,
    Signal,
    Unpause,
    Waiting,
    earliest,
    together,
)
from orchestrator.planning.probe_state import ProbeKind, ProbeStatus
from orchestrator.planning.restart_policy import is_sidecar, restarts_when_killed, should_restart
from orchestrator.planning.scene import Scene, told_again
from orchestrator.planning.stop_plan import begin_stop, grace_of, stop_steps
from orchestrator.planning.terminated import last_state, lost_end

PAUSE_COUNTS = 2.0
"""Seconds after which a pause from outside counts as an exit; `docker commit` pauses for less."""


def container_plan(scene: Scene, container: Container, role: Role) -> Plan:
    """The next steps of one container."""
    newest = scene.observed.newest(scene.pod.metadata.uid, container.name)
    if newest is None:
        return _first_start(scene, container, role)
    if newest.alive:
        return _running(scene, container, newest)
    if newest.ended:
        return _ended(scene, container, newest, role)
    if newest.phase == "created" and _is_current(scene, container, newest):
        return start_made(scene, container, newest)
    cause = "it was made and not started, for what is no more" if newest.phase == "created" else f"it is {newest.phase}"
    return Plan((Remove(name=newest.name, target=newest.id, lane=newest.name, cause=cause),))


def _is_current(scene: Scene, container: Container, seen: SeenContainer) -> bool:
    """Whether it was made for this sandbox and from the spec as it is now."""
    return seen.joined == scene.sandbox.id and seen.digest == container_digest(container)


def _config_restart(scene: Scene, container: Container, seen: SeenContainer) -> ConfigRestart | None:
    return config_restart(scene.pod, container, seen, scene.observed, scene.around, scene.now)


def _first_start(scene: Scene, container: Container, role: Role) -> Plan:
    history = scene.observed.restarts.get(container.name, Restarts())
    if history.next_attempt:
        last = lost_end(scene.pod, container.name, scene.observed, scene.now) or history.last
        history = replace(history, last=last)
        return attempt_plan(scene, container, role, history.next_attempt, history, "it is gone from the engine")
    return attempt_plan(scene, container, role, 0, history, "first start")


def _running(scene: Scene, container: Container, newest: SeenContainer) -> Plan:
    stop = scene.observed.stops.get(newest.id)
    if stop is not None and not _is_taken_back(stop):
        grace = _grace(scene.pod, container, stop.reason)
        if grace < stop.grace:
            return Plan((begin_stop(newest, stop.reason, grace, "its grace period was shortened"),))
        made_from = scene.observed.replaced.get(newest.digest, container)
        steps = stop_steps(newest, made_from, stop, scene.observed, scene.now)
        waiting = _post_start_failed(container, newest, scene.observed)
        return replace(steps, probes=probes_while_stopping(scene.observed, container, newest), waiting=waiting)
    if newest.phase == "paused":
        lane, counts_at = newest.name, scene.observed.paused.get(newest.id, scene.now) + PAUSE_COUNTS
        if scene.now < counts_at:
            return Plan(wake_at=counts_at, probes=_probes(scene.observed, container, newest))
        resume = Unpause(name=lane, target=newest.id, lane=lane, cause="it was paused from outside")
        kill = Signal(name=lane, target=newest.id, lane=lane, signal="KILL", cause="a pause counts as an exit")
        # In this order no kill of the daemon leaves it running: on its way again, it ends.
        return Plan((kill, resume))
    reason = _reason_to_stop(scene, container, newest)
    if reason is not None:
        kind, cause, message = reason
        begin = begin_stop(newest, kind, _grace(scene.pod, container, kind), cause, message)
        waiting = _post_start_failed(container, newest, scene.observed)
        return Plan((begin,), probes=probes_while_stopping(scene.observed, container, newest), waiting=waiting)
    going_on = _post_start(scene, container, newest)
    restart = _config_restart(scene, container, newest)
    return going_on if restart is None else _outdated(scene, container, newest, restart, going_on)


def _outdated(
    scene: Scene, container: Container, newest: SeenContainer, restart: ConfigRestart, going_on: Plan
) -> Plan:
    """It is to be restarted for an edit of its config: once that has settled, and while it could start again."""
    name, what = container.name, sentence(restart.changes)
    if scene.now < restart.due:
        return replace(going_on, wake_at=earliest((going_on.wake_at, restart.due)))
    if restart.obstacle:
        text = f"Container {name} is not restarted though {what}: it could not start again ({restart.obstacle})"
        event = EventNote("Warning", "RestartHeld", text, name)
        told = told_again(f"config-held/{newest.id}/{text}", event, scene.observed, scene.now, lane=name)
        return together([told, going_on])
    message = f"Container {name} will be restarted: {what}"
    begin = begin_stop(newest, StopReason.CONFIG, grace_of(scene.pod), what, message)
    return Plan((begin,), probes=probes_while_stopping(scene.observed, container, newest), waiting=going_on.waiting)


def _is_taken_back(stop: Stop) -> bool:
    """A deletion that was begun by a daemon that died, of a pod that is wanted after all."""
    return stop.reason is StopReason.DELETED and not stop.signalled_at


def _reason_to_stop(scene: Scene, container: Container, newest: SeenContainer) -> tuple[StopReason, str, str] | None:
    """Why a running container must end: the reason, the cause for the log, and the Event's words."""
    name = container.name
    if newest.started_again:
        return StopReason.STARTED_AGAIN, "someone else started it again", f"Stopping container {name}"
    if newest.joined != scene.sandbox.id:
        return StopReason.SANDBOX, "its sandbox is gone", f"Stopping container {name}"
    if newest.digest != container_digest(container):
        changed = f"Container {name} definition changed, will be restarted"
        return StopReason.REPLACED, "its spec changed", changed
    hook = scene.observed.post_starts.get(newest.id)
    if hook is not None and hook.state is HookState.FAILED:
        return StopReason.POST_START, "its postStart hook failed", "FailedPostStartHook"
    verdicts = scene.observed.probes.get(newest.id, ProbeStatus())
    if container.startup_probe and verdicts.started is False:
        return StopReason.STARTUP, "startup probe failed", _failed_probe(scene.pod, container, "startup")
    if container.liveness_probe and verdicts.alive is False:
        return StopReason.LIVENESS, "liveness probe failed", _failed_probe(scene.pod, container, "liveness")
    return None


def _failed_probe(pod: Pod, container: Container, probe: str) -> str:
    """The kubelet's words, which for a sidecar do not say that it restarts."""
    if is_sidecar(pod, container):
        return f"Init container {container.name} failed {probe} probe"
    suffix = ", will be restarted" if restarts_when_killed(pod, container) else ""
    return f"Container {container.name} failed {probe} probe{suffix}"


def _grace(pod: Pod, container: Container, reason: StopReason) -> float:
    """A probe may have its own grace period."""
    probes = {StopReason.LIVENESS: container.liveness_probe, StopReason.STARTUP: container.startup_probe}
    probe = probes.get(reason)
    if probe is not None and probe.termination_grace_period_seconds is not None:
        return float(max(probe.termination_grace_period_seconds, 2))
    return grace_of(pod)


def _post_start(scene: Scene, container: Container, newest: SeenContainer) -> Plan:
    if container.lifecycle is not None and container.lifecycle.post_start is not None:
        hook = scene.observed.post_starts.get(newest.id)
        waiting = {container.name: Waiting("ContainerCreating")}
        if hook is None:
            run = RunHook(
                kind="postStart",
                name=newest.name,
                target=newest.id,
                lane=newest.name,
                seconds=None,
                cause="it has started",
            )
            return Plan((run,), waiting=waiting)
        if hook.state is HookState.RUNNING:
            return Plan(waiting=waiting)
    return Plan(probes=_probes(scene.observed, container, newest))


def _post_start_failed(container: Container, newest: SeenContainer, observed: Observed) -> dict[str, Waiting]:
    """A container whose postStart hook failed was never Running: until its end it waits, with the hook's output."""
    hook = observed.post_starts.get(newest.id)
    if hook is None or hook.state is not HookState.FAILED:
        return {}
    return {container.name: Waiting("PostStartHookError", hook.output)}


def _probes(observed: Observed, container: Container, newest: SeenContainer) -> frozenset[ProbeKey]:
    """Those that should be running: the startup probe alone until it has succeeded (P05)."""
    verdicts = observed.probes.get(newest.id, ProbeStatus())
    if container.startup_probe is not None and not verdicts.started:
        return frozenset({ProbeKey(container.name, newest.id, ProbeKind.STARTUP)})
    kinds = set()
    if container.readiness_probe is not None:
        kinds.add(ProbeKind.READINESS)
    if container.liveness_probe is not None:
        kinds.add(ProbeKind.LIVENESS)
    return frozenset(ProbeKey(container.name, newest.id, kind) for kind in kinds)


def probes_while_stopping(observed: Observed, container: Container, newest: SeenContainer) -> frozenset[ProbeKey]:
    """Readiness goes on, to see it go unready; the others have nothing to decide any more (P08)."""
    return frozenset(key for key in _probes(observed, container, newest) if key.kind is ProbeKind.READINESS)


def _ended(scene: Scene, container: Container, newest: SeenContainer, role: Role) -> Plan:
    stale = role == "init" and newest.joined != scene.sandbox.id and not is_sidecar(scene.pod, container)
    respecified = newest.digest != container_digest(container)
    edited = respecified or _ended_for_config(scene, container, newest)
    if not stale and not edited and not should_restart(scene.pod, container, newest):
        return Plan()
    history = _caught_up(scene.observed.restarts.get(container.name, Restarts()), newest, scene.around.backoff)
    delay = 0.0 if edited or stale else earned(history.delay, newest.started_at, newest.finished_at)
    over_since = max(newest.finished_at, newest.created_at)
    due = over_since + delay
    # An end far in the future was noted before the clock was set back: nobody knows how long ago that is.
    if scene.now < due and over_since < scene.now + scene.around.backoff.cap:
        return _backing_off(scene, container, newest, delay, due)
    following_delay = 0.0 if edited or stale else following(delay, scene.around.backoff)
    last = lost_end(scene.pod, container.name, scene.observed, scene.now) or last_state(newest)
    history = replace(history, delay=following_delay, last=last)
    code = last_state(newest).exit_code
    cause = "its spec changed" if respecified else "its config changed" if edited else f"it ended with {code}"
    return attempt_plan(scene, container, role, history.next_attempt, history, cause, due)


def _caught_up(history: Restarts, newest: SeenContainer, settings: BackoffSettings) -> Restarts:
    """The history with the last restarts in it, where a kill has taken the journal's word of them: the engine knows."""
    delay = history.delay
    for _attempt in range(history.next_attempt or newest.attempt + 1, newest.attempt + 1):
        delay = following(delay, settings)
    return replace(history, next_attempt=max(history.next_attempt, newest.attempt + 1), delay=delay)


def _ended_for_config(scene: Scene, container: Container, newest: SeenContainer) -> bool:
    """Whether an edit of its config ended it, or came while it waited to be restarted: no back-off counts then."""
    if scene.observed.is_stopped_for(newest, StopReason.CONFIG):
        return True
    restart = _config_restart(scene, container, newest)
    return restart is not None and not restart.obstacle and should_restart(scene.pod, container, newest)


def _backing_off(scene: Scene, container: Container, newest: SeenContainer, delay: float, due: float) -> Plan:
    meta, name = scene.pod.metadata, container.name
    whose = f"{meta.name}_{meta.namespace}({meta.uid})"
    text = f"back-off {_duration(delay)} restarting failed container={name} pod={whose}"
    note = EventNote("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {whose}", name)
    key = f"backoff/{newest.id}"
    ops: tuple[Op, ...] = () if key in scene.observed.noted else (Note(key=key, lane=name, cause=text, event=note),)
    return Plan(ops, wake_at=due, waiting={name: Waiting("CrashLoopBackOff", text)})


def _duration(seconds: float) -> str:
    """As Go prints it: "40s", "2m40s", "5m0s"."""
    whole = round(seconds)
    return f"{whole // 60}m{whole % 60}s" if whole >= 60 else f"{whole}s"
