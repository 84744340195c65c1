"""Whether a container's image is there to start from, and what to do where it is not (pull policies, back-off)."""

from orchestrator.objects.container import Container
from orchestrator.planning.observed import ImageState, Observed
from orchestrator.planning.ops import EventNote, Note, Plan, PullImage, Waiting

_FRESH = 2.0
"""Seconds for which a failed pull shows as ErrImagePull, before it shows as ImagePullBackOff."""


def image_plan(container: Container, attempt_key: str, wanted_since: float, observed: Observed, now: float) -> Plan:
    """An empty `waiting` means that the container can be made.  `wanted_since` is when this attempt became due.

    With policy Always the pull must be newer than that.
    """
    name, image = container.name, container.image
    state = observed.images.get(image, ImageState(present=False))
    policy = container.image_pull_policy or "IfNotPresent"
    if state.present and (policy != "Always" or state.pulled_at >= wanted_since):
        if state.pulled_at >= wanted_since:
            return Plan()
        text = f'Container image "{image}" already present on machine'
        return _told(name, f"pulled/{attempt_key}", EventNote("Normal", "Pulled", text, name), observed)
    if state.invalid:
        text = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {state.invalid}'
        note = EventNote("Warning", "InspectFailed", text, name)
        return _told(name, f"invalid/{attempt_key}", note, observed, Waiting("InvalidImageName", text))
    if policy == "Never":
        text = f'Container image "{image}" is not present with pull policy of Never'
        note = EventNote("Warning", "ErrImageNeverPull", text, name)
        return _told(name, f"never/{attempt_key}", note, observed, Waiting("ErrImageNeverPull", text))
    if state.pulling:
        return Plan(waiting={name: Waiting("ContainerCreating")})
    if state.failure and now < state.retry_at:
        return _backing_off(name, image, state, observed, now)
    pull = PullImage(image=image, lane=name, cause=f"container {name} needs it")
    return Plan((pull,), waiting={name: Waiting("ContainerCreating")})


def _backing_off(name: str, image: str, state: ImageState, observed: Observed, now: float) -> Plan:
    shown_until = min(state.failed_at + _FRESH, state.retry_at)
    if now < shown_until:
        return Plan(wake_at=shown_until, waiting={name: Waiting("ErrImagePull", state.failure)})
    text = f'Back-off pulling image "{image}"'
    waiting = Waiting("ImagePullBackOff", f"{text}: ErrImagePull: {state.failure}")
    note = EventNote("Normal", "BackOff", text, name)
    told = _told(name, f"imagebackoff/{image}/{state.failed_at}", note, observed, waiting)
    return Plan(told.ops, wake_at=state.retry_at, waiting=told.waiting)


def _told(name: str, key: str, event: EventNote, observed: Observed, waiting: Waiting | None = None) -> Plan:
    ops = () if key in observed.noted else (Note(key=key, lane=name, cause=event.message, event=event),)
    return Plan(ops, waiting={name: waiting} if waiting else {})
