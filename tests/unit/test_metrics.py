"""Counting: what is cheap and has no text yet."""

import pytest

from orchestrator.engine.operations import counted, operation
from orchestrator.errors import NotFound, Unavailable
from orchestrator.metrics import Counter, Histogram, Metrics


def test_a_counter_counts_for_each_set_of_labels() -> None:
    counter = Counter("c", "", ("result",))
    counter.inc("good")
    counter.inc("good")
    counter.inc("bad")
    assert counter.values == {("good",): 2, ("bad",): 1}


def test_a_value_at_a_bound_is_in_its_bucket_and_one_beyond_all_in_the_last() -> None:
    histogram = Histogram("h", "", (0.1, 1.0))
    for seconds in (0.1, 0.11, 1.0, 5.0):
        histogram.observe(seconds)
    series = histogram.values[()]
    assert (series.counts, series.total) == ([1, 2, 1], pytest.approx(6.21))


def test_what_fails_is_timed_too() -> None:
    histogram = Histogram("h", "", (10.0,))
    with pytest.raises(ValueError), histogram.timed():
        raise ValueError
    assert histogram.values[()].counts == [1, 0]


def test_a_pod_that_is_gone_is_forgotten_and_others_are_not() -> None:
    metrics = Metrics()
    for pod in ("web", "web-2"):
        metrics.probes.inc("default", pod, "main", "Liveness", "failed")
        metrics.probe_seconds.observe(0.1, "default", pod, "main", "Liveness")
    metrics.forget_pod("default", "web")
    assert [labels[1] for labels in (*metrics.probes.values, *metrics.probe_seconds.values)] == ["web-2", "web-2"]


def test_names_are_prometheus_names_and_each_is_there_once() -> None:
    names = [each.name for each in Metrics().all()]
    assert len(names) == len(set(names)) > 10
    assert all(name.isidentifier() and name == name.lower() for name in names)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "containers/json", "list_containers"),
        ("GET", "containers/3f/json", "container_status"),
        ("POST", "containers/create", "create_container"),
        ("POST", "containers/3f/start", "start_container"),
        ("DELETE", "containers/3f", "remove_container"),
        ("GET", "images/registry.example/a/b:1/json", "image_status"),
        ("GET", "networks", "list_networks"),
        ("GET", "networks/3f", "network_status"),
        ("POST", "networks/create", "create_network"),
        ("DELETE", "networks/3f", "remove_network"),
        ("GET", "exec/3f/json", "exec_status"),
        ("PUT", "swarm", "other"),
    ],
)
def test_calls_have_the_kubelets_names(method: str, path: str, name: str) -> None:
    assert operation(method, path) == name


def test_an_engine_that_is_away_is_an_error_and_what_is_not_there_is_an_answer() -> None:
    metrics = Metrics()
    for error in (NotFound("gone"), Unavailable("away")):
        with pytest.raises(type(error)), counted(metrics, "container_status"):
            raise error
    assert metrics.engine_calls.values == {("container_status",): 2}
    assert metrics.engine_errors.values == {("container_status",): 1}
    assert sum(metrics.engine_seconds.values[("container_status",)].counts) == 2
