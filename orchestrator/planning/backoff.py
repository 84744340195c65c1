"""Back-off: how long a container that ended waits before its next start.

As the kubelet: the first restart is at once, then `base`, twice that, ... to `cap` seconds after the end; ten minutes
of running earn a fresh start.  (Kubernetes: "Container restart policy"; behaviour case L04.)
"""

from dataclasses import dataclass

RESET_AFTER = 600.0
"""Seconds of running after which the history is forgotten."""


@dataclass(frozen=True, slots=True)
class BackoffSettings:
    """Seconds: the first wait and the longest one."""

    base: float = 10.0
    cap: float = 300.0


def earned(delay: float, started_at: float, finished_at: float) -> float:
    """The wait that holds for an attempt that ended, given the one it had earned before it ran."""
    return 0.0 if started_at and finished_at - started_at >= RESET_AFTER else delay


def following(delay: float, settings: BackoffSettings) -> float:
    """The wait that the next end will have, after a restart that waited `delay`."""
    return min(max(settings.base, delay * 2), settings.cap)
