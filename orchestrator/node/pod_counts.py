"""What one pod's worker counts: how long news waits for it, and its probes."""

import time

from orchestrator.metrics import Metrics
from orchestrator.node.prober import TITLES
from orchestrator.planning.ops import ProbeKey


class PodCounts:
    """The part of the metrics that is about one pod's name."""

    def __init__(self, namespace: str, name: str, metrics: Metrics) -> None:
        self._who = namespace, name
        self._metrics = metrics
        self._woken_at: float | None = None

    def woken(self) -> None:
        """There is news."""
        if self._woken_at is None:
            self._woken_at = time.perf_counter()

    def looked(self) -> None:
        """The worker begins to look."""
        since, self._woken_at = self._woken_at, None
        if since is not None:
            self._metrics.sync_lag.observe(time.perf_counter() - since)

    def probe(self, key: ProbeKey, result: str, seconds: float) -> None:
        """A probe ran."""
        labels = (*self._who, key.container, TITLES[key.kind])
        self._metrics.probes.inc(*labels, result)
        self._metrics.probe_seconds.observe(seconds, *labels)

    def gone(self) -> None:
        """Nothing of the pod is left."""
        self._metrics.forget_pod(*self._who)
