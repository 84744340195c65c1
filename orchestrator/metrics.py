"""What the daemon counts of itself, cheaply and always; `api/exposition.py` makes text of it when somebody asks.

Names are Kubernetes' own where it has one (the kubelet's, kube-state-metrics').  Nothing is imported for it, and a
count costs a microsecond.  Times are seconds.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Labels = tuple[str, ...]

SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Bounds for what should take no time at all."""
CALLS = (0.005, 0.0125, 0.03125, 0.078125, 0.1953125, 0.48828125, 1.220703125, 3.0517578125, 10.0, 30.0, 120.0)
"""Bounds for calls that leave the process; the first ones are the kubelet's."""


@dataclass(slots=True)
class Counter:
    """A number that only grows, for each set of labels.  `name` is without the ending `_total`."""

    name: str
    text: str
    labels: Labels = ()
    values: dict[Labels, float] = field(default_factory=dict)

    def inc(self, *labels: str) -> None:
        """Count one."""
        self.values[labels] = self.values.get(labels, 0.0) + 1.0

    def forget(self, *labels: str) -> None:
        """Drop what begins with these labels."""
        _forget(self.values, labels)


@dataclass(slots=True)
class Series:
    """How many values were at most each bound, the last one without a bound; and their sum."""

    counts: list[int]
    total: float = 0.0


@dataclass(slots=True)
class Histogram:
    """How often something took how long, for each set of labels."""

    name: str
    text: str
    bounds: tuple[float, ...]
    labels: Labels = ()
    values: dict[Labels, Series] = field(default_factory=dict)

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one that took so long."""
        series = self.values.get(labels)
        if series is None:
            series = self.values[labels] = Series([0] * (len(self.bounds) + 1))
        series.counts[bisect_left(self.bounds, seconds)] += 1
        series.total += seconds

    @contextmanager
    def timed(self, *labels: str) -> Iterator[None]:
        """Count what happens inside, however it ends."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - begun, *labels)

    def forget(self, *labels: str) -> None:
        """Drop what begins with these labels."""
        _forget(self.values, labels)


def _forget(values: dict[Labels, float] | dict[Labels, Series], labels: Labels) -> None:
    for gone in [each for each in values if each[: len(labels)] == labels]:
        del values[gone]


_PROBE = ("namespace", "pod", "container", "probe_type")


class Metrics:
    """Everything that one daemon counts."""

    def __init__(self) -> None:
        call, op = ("operation_type",), ("operation",)
        self.engine_calls = Counter("kubelet_runtime_operations", "Calls to the engine.", call)
        self.engine_errors = Counter("kubelet_runtime_operations_errors", "Calls to the engine that failed.", call)
        self.engine_seconds = Histogram(
            "kubelet_runtime_operations_duration_seconds", "Calls to the engine.", CALLS, call
        )
        self.probes = Counter("prober_probe", "Probes by result.", (*_PROBE, "result"))
        self.probe_seconds = Histogram("prober_probe_duration_seconds", "Probes.", CALLS, _PROBE)
        self.sync_seconds = Histogram(
            "kubelet_pod_worker_duration_seconds", "From the look at a pod to the end of its plan.", CALLS, call
        )
        self.sync_lag = Histogram(
            "orchestrator_reconcile_lag_seconds", "From news about a pod to the look at it.", CALLS
        )
        self.plan_seconds = Histogram("orchestrator_plan_duration_seconds", "Planning for one pod.", SHORT)
        self.operation_seconds = Histogram("orchestrator_operation_duration_seconds", "Operations of plans.", CALLS, op)
        self.operation_errors = Counter("orchestrator_operation_errors", "Operations of plans that failed.", op)
        self.loop_lag = Histogram(
            "orchestrator_event_loop_lag_seconds", "How late the event loop was, looked at every few seconds.", SHORT
        )
        self.images_removed = Counter(
            "kubelet_image_garbage_collected", "Images that were removed, by why.", ("reason",)
        )
        self.reloads = Counter("orchestrator_spec_reloads", "The specs were read and applied.", ("result",))

    def forget_pod(self, namespace: str, pod: str) -> None:
        """Drop what was counted for a pod that is gone."""
        self.probes.forget(namespace, pod)
        self.probe_seconds.forget(namespace, pod)

    def all(self) -> list[Counter | Histogram]:
        """Give every counter and histogram, in the order of this file."""
        return list(vars(self).values())
