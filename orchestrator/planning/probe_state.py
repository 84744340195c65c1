"""What a probe's results mean: counting towards thresholds (behaviour cases P01, P04, P06).

A prober reports one result after another; this says when the verdict changes.  The plan acts on verdicts only.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class ProbeKind(StrEnum):
    """The three probes of a container."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


@dataclass(frozen=True, slots=True)
class ProbeStatus:
    """The verdicts for one running container; a verdict is None until its threshold was reached once."""

    started: bool | None = None
    ready: bool | None = None
    alive: bool | None = None

    def verdict(self, kind: ProbeKind) -> bool | None:
        """The verdict of one probe."""
        match kind:
            case ProbeKind.STARTUP:
                return self.started
            case ProbeKind.READINESS:
                return self.ready
            case ProbeKind.LIVENESS:
                return self.alive

    def with_verdict(self, kind: ProbeKind, verdict: bool) -> "ProbeStatus":
        """The same with one verdict changed."""
        match kind:
            case ProbeKind.STARTUP:
                return replace(self, started=verdict)
            case ProbeKind.READINESS:
                return replace(self, ready=verdict)
            case ProbeKind.LIVENESS:
                return replace(self, alive=verdict)


@dataclass(frozen=True, slots=True)
class ProbeCount:
    """Results in a row, and the verdict they have led to."""

    successes: int = 0
    failures: int = 0
    verdict: bool | None = None

    def after(self, success: bool, success_threshold: int, failure_threshold: int) -> "ProbeCount":
        """The count after one more result."""
        successes, failures = (self.successes + 1, 0) if success else (0, self.failures + 1)
        verdict = self.verdict
        if successes >= success_threshold:
            verdict = True
        elif failures >= failure_threshold:
            verdict = False
        return ProbeCount(successes, failures, verdict)
