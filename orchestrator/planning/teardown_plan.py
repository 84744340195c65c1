"""How all of a pod is ended: hooks at once, signals to the app in parallel, then to sidecars in reverse (L07, L10)."""

from dataclasses import replace

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.planning.container_plan import probes_while_stopping
from orchestrator.planning.observed import Observed, SeenContainer, StopReason
from orchestrator.planning.ops import Forget, Plan, Remove, together
from orchestrator.planning.stop_plan import begin_stop, grace_of, shorter, stop_steps


def teardown_plan(uid: str, pod: Pod | None, observed: Observed, now: float) -> Plan:
    """End everything of one uid: stop what is alive, then remove, then forget."""
    own = [c for c in observed.containers if c.uid == uid]
    if not own:
        return Plan((Forget(uid=uid, cause="nothing of it is left"),), done=True)
    alive = [c for c in own if c.alive and not c.is_sandbox]
    if alive:
        return stop_all(alive, pod, observed, now, StopReason.DELETED, "the pod goes")
    return Plan(tuple(remove(c, "the pod goes") for c in own))


def stop_all(
    alive: list[SeenContainer], pod: Pod | None, observed: Observed, now: float, reason: StopReason, cause: str
) -> Plan:
    """Stop these containers of a pod; each in its turn."""
    ranks = {seen.id: _rank(pod, seen) for seen in alive}
    first = min(ranks.values())
    return together([stop_one(seen, pod, observed, now, reason, cause, turn=ranks[seen.id] == first) for seen in alive])


def stop_one(
    seen: SeenContainer,
    pod: Pod | None,
    observed: Observed,
    now: float,
    reason: StopReason,
    cause: str,
    *,
    turn: bool = True,
) -> Plan:
    """The next step of one container's end.  Until its `turn` it gets its preStop hook, and no signal."""
    stop, grace = observed.stops.get(seen.id), grace_of(pod)
    spec = observed.replaced.get(seen.digest, _spec_of(pod, seen))
    probes = probes_while_stopping(observed, spec, seen) if spec else frozenset()
    if stop is None:
        return Plan((begin_stop(seen, reason, grace, cause),), probes=probes)
    if reason is StopReason.SANDBOX:
        # Why it was to end before says whether it is to run again.
        reason, grace = stop.reason, grace and now - stop.since + grace
    less = shorter(stop, reason, grace, now)
    if less is not None:
        return Plan((begin_stop(seen, reason, less, cause),), probes=probes)
    return replace(stop_steps(seen, spec, stop, observed, now, turn=turn), probes=probes)


def remove(seen: SeenContainer, cause: str) -> Remove:
    """Remove one container, in a lane of its own."""
    return Remove(name=seen.name, target=seen.id, lane=f"{seen.name}/{seen.attempt}", cause=cause)


def _rank(pod: Pod | None, seen: SeenContainer) -> int:
    """Who ends first: everything that is no sidecar, then the last sidecar, then the one before it."""
    if pod is None:
        return 0
    names = [c.name for c in reversed(pod.spec.sidecars)]
    return names.index(seen.name) + 1 if seen.name in names else 0


def _spec_of(pod: Pod | None, seen: SeenContainer) -> Container | None:
    if pod is None:
        return None
    return next((c for c in pod.spec.every_container if c.name == seen.name), None)
