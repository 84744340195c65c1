"""The daemon's metrics as Prometheus text: what was counted, and what the pods' statuses say at this moment.

Imported for the first scrape only: prometheus-client costs a few megabytes.
"""

import asyncio
import itertools
from collections import Counter as Tally
from collections.abc import Iterable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, PROCESS_COLLECTOR
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from orchestrator import __version__
from orchestrator.api.status import DaemonStatus
from orchestrator.metrics import Counter, Histogram, Metrics
from orchestrator.objects.pod import Pod

__all__ = ["CONTENT_TYPE_LATEST", "families", "text"]

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_POD = ("namespace", "pod", "uid")


class _Families(Collector):
    """Families that are ready."""

    def __init__(self, made: list[Metric]) -> None:
        self._made = made

    def collect(self) -> Iterable[Metric]:
        return self._made


def text(made: list[Metric]) -> bytes:
    """Write families as text; may run in a thread of its own, for a thousand pods are two megabytes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(made))
    return generate_latest(registry)


def families(metrics: Metrics, pods: list[Pod], daemon: DaemonStatus) -> list[Metric]:
    """Gather everything as of now; in the event loop, so that nothing changes meanwhile."""
    counted = (_counter(each) if isinstance(each, Counter) else _histogram(each) for each in metrics.all())
    return [*counted, *_pods(pods), *_daemon(daemon), *PROCESS_COLLECTOR.collect()]


def _counter(counter: Counter) -> Metric:
    family = CounterMetricFamily(counter.name, counter.text, labels=counter.labels)
    for labels, value in counter.values.items() or _if_bare(counter.labels, 0.0):
        family.add_metric(labels, value)
    return family


def _if_bare(labels: tuple[str, ...], value: float) -> list[tuple[tuple[str, ...], float]]:
    """What has no labels is there from the beginning."""
    return [] if labels else [((), value)]


def _histogram(histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(histogram.name, histogram.text, labels=histogram.labels)
    bounds = (*map(str, histogram.bounds), "+Inf")
    for labels, series in histogram.values.items():
        # As Prometheus has it: each bucket holds what is at most its bound.
        buckets = list(zip(bounds, itertools.accumulate(map(float, series.counts)), strict=True))
        family.add_metric(labels, buckets, series.total)
    return family


def _pods(pods: list[Pod]) -> Iterator[Metric]:
    phases = GaugeMetricFamily(
        "kube_pod_status_phase", "The pod's phase: 1 for the one it is in.", labels=(*_POD, "phase")
    )
    ready = GaugeMetricFamily("kube_pod_status_ready", "Whether the pod is Ready.", labels=(*_POD, "condition"))
    restarts = CounterMetricFamily(
        "kube_pod_container_status_restarts", "Restarts of a container.", labels=(*_POD, "container")
    )
    init = CounterMetricFamily(
        "kube_pod_init_container_status_restarts", "Restarts of an init container.", labels=(*_POD, "container")
    )
    states: Tally[str] = Tally()
    for pod in pods:
        who, status = (pod.metadata.namespace, pod.metadata.name, pod.metadata.uid), pod.status
        for phase in PHASES:
            phases.add_metric((*who, phase), float(phase == (status.phase or "Pending")))
        is_ready = next((c.status for c in status.conditions if c.type == "Ready"), "Unknown")
        for condition in ("True", "False", "Unknown"):
            ready.add_metric((*who, condition.lower()), float(condition == is_ready))
        for family, statuses in ((restarts, status.container_statuses), (init, status.init_container_statuses)):
            for one in statuses:
                family.add_metric((*who, one.name), float(one.restart_count))
                states["running" if one.state.running else "exited" if one.state.terminated else "created"] += 1
    yield from (phases, ready, restarts, init)
    running = sum(any(one.state.running for one in pod.status.container_statuses) for pod in pods)
    yield GaugeMetricFamily("kubelet_running_pods", "Pods that have a running container.", value=running)
    containers = GaugeMetricFamily("kubelet_running_containers", "Containers by state.", labels=("container_state",))
    for state in ("created", "exited", "running"):
        containers.add_metric((state,), states[state])
    yield containers


def _daemon(daemon: DaemonStatus) -> Iterator[Metric]:
    problems = GaugeMetricFamily("orchestrator_spec_problems", "Problems in the spec folder.", labels=("severity",))
    counts = Tally(problem.severity for problem in daemon.problems)
    for severity in ("error", "warning"):
        problems.add_metric((severity,), counts[severity])
    yield problems
    yield GaugeMetricFamily("orchestrator_tasks", "Tasks in the event loop.", value=len(asyncio.all_tasks()))
    yield GaugeMetricFamily("orchestrator_engine_up", "Whether the engine answers.", value=not daemon.engine.error)
    build = GaugeMetricFamily(
        "orchestrator_build_info", "The daemon and its engine.", labels=("version", "engine_version")
    )
    build.add_metric((__version__, daemon.engine.version), 1)
    yield build
