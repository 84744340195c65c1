"""Whether a container's image is there to start from, and what to do where it is not (pull policies, back-off)."""

from orchestrator.objects.container import Container
from orchestrator.planning.image_request import ImageRequest
from orchestrator.planning.observed import ImageState, Observed
from orchestrator.planning.ops import EventNote, Note, Op, Plan, PullImage, Waiting

_FRESH = 2.0
"""Seconds for which a failed pull shows as ErrImagePull, before it shows as ImagePullBackOff."""


def image_plan(
    container: Container, request: ImageRequest, attempt_key: str, wanted_since: float, observed: Observed, now: float
) -> Plan:
    """An empty `waiting` means that the container can be made.  `wanted_since` is when this attempt became due.

    With policy Always the pull must be newer than that.
    """
    name, image = container.name, container.image
    if request.invalid:
        why = f'couldn\'t parse image name "{image}": {request.invalid}'
        text = f'Failed to apply default image tag "{image}": {why}'
        return _held_up(name, f"invalid/{attempt_key}", "InspectFailed", Waiting("InvalidImageName", text), observed)
    state = observed.images.get(image, ImageState(present=False))
    policy = container.image_pull_policy or "IfNotPresent"
    is_fresh = _is_fresh(state, wanted_since, now)
    if state.present and (policy != "Always" or is_fresh):
        if is_fresh:
            return Plan()
        text = f'Container image "{image}" already present on machine'
        return Plan(_told(f"pulled/{attempt_key}", observed, EventNote("Normal", "Pulled", text, name)))
    if policy == "Never":
        text = f'Container image "{image}" is not present with pull policy of Never'
        waiting = Waiting("ErrImageNeverPull", text)
        return _held_up(name, f"never/{attempt_key}", "ErrImageNeverPull", waiting, observed)
    if state.pulling:
        return Plan(waiting={name: Waiting("ContainerCreating")})
    if state.failure and state.failed_at <= now < state.retry_at:
        return _backing_off(name, image, state, observed, now)
    pull = PullImage(request=request, lane=name, cause=f"container {name} needs it")
    return Plan((pull,), waiting={name: Waiting("ContainerCreating")})


def _is_fresh(state: ImageState, wanted_since: float, now: float) -> bool:
    """Whether it was pulled for this attempt; where the clock was set back since that was wanted, any pull will do."""
    return state.pulled_at >= wanted_since or 0 < state.pulled_at <= now < wanted_since


def _backing_off(name: str, image: str, state: ImageState, observed: Observed, now: float) -> Plan:
    shown_until = min(state.failed_at + _FRESH, state.retry_at)
    if now < shown_until:
        return Plan(wake_at=shown_until, waiting={name: Waiting("ErrImagePull", state.failure)})
    text = f'Back-off pulling image "{image}"'
    notes = EventNote("Normal", "BackOff", text, name), EventNote("Warning", "Failed", "Error: ImagePullBackOff", name)
    ops = _told(f"imagebackoff/{image}/{state.failed_at}", observed, *notes)
    waiting = Waiting("ImagePullBackOff", f"{text}: ErrImagePull: {state.failure}")
    return Plan(ops, wake_at=state.retry_at, waiting={name: waiting})


def _held_up(name: str, key: str, reason: str, waiting: Waiting, observed: Observed) -> Plan:
    """What no pull can mend: an Event of its own, and the one that tells of every container that cannot start."""
    first = EventNote("Warning", reason, waiting.message, name)
    second = EventNote("Warning", "Failed", f"Error: {waiting.reason}", name)
    return Plan(_told(key, observed, first, second), waiting={name: waiting})


def _told(key: str, observed: Observed, *events: EventNote) -> tuple[Op, ...]:
    """Tell of it once; the Events of one moment bear one key."""
    keys = {f"{key}/{event.reason}": event for event in events}
    return tuple(
        Note(key=each, lane=event.container, cause=event.message, event=event)
        for each, event in keys.items()
        if each not in observed.noted
    )
