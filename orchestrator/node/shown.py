"""What a pod's newest status was made of, so that a probe's verdict can be told without asking the engine again."""

from dataclasses import dataclass

from orchestrator.objects.pod import Pod
from orchestrator.planning.observed import Observed
from orchestrator.planning.ops import Plan
from orchestrator.planning.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Shown:
    """The pod as it was wanted, what was seen of it, and what was planned."""

    pod: Pod
    observed: Observed
    plan: Plan
    around: Surroundings

    def is_of(self, pod: Pod) -> bool:
        """Whether it is of this pod as it is wanted now: an edit, or its end, is looked at from the ground up."""
        return _wanted(self.pod) == _wanted(pod)


def _wanted(pod: Pod) -> tuple[object, ...]:
    meta = pod.metadata
    return meta.uid, meta.generation, meta.deletion_timestamp
