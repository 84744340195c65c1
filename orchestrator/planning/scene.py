"""What decisions about the containers of one pod look at, and how they tell of what lasts."""

from dataclasses import dataclass

from orchestrator.objects.pod import Pod
from orchestrator.planning.observed import Observed, SeenContainer
from orchestrator.planning.ops import EventNote, Note, Plan
from orchestrator.planning.surroundings import Surroundings

TELL_AGAIN = 120.0
"""Seconds after which an Event about what still lasts is told once more."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What every decision about a container of one pod looks at."""

    pod: Pod
    observed: Observed
    around: Surroundings
    sandbox: SeenContainer
    now: float


def told_again(key: str, event: EventNote, observed: Observed, now: float, lane: str = "") -> Plan:
    """Tell of what lasts every two minutes, as the kubelet does: an Event that nobody repeats is forgotten."""
    period = int(now // TELL_AGAIN)
    key = f"{key}/{period}"
    ops = () if key in observed.noted else (Note(key=key, lane=lane, cause=event.message, event=event),)
    return Plan(ops, wake_at=(period + 1) * TELL_AGAIN)
