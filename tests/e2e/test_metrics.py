"""Metrics of a daemon at work: on its socket and on a loopback address, with numbers that follow what happens."""

import socket
import urllib.request
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.front import EngineInFront
from tests.e2e.pod_status import restarts
from tests.e2e.pods import container, pod, text

PROBE = {"exec": {"command": ["cat", "/tmp/well"]}, "periodSeconds": 1, "failureThreshold": 1}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Scrape:
    """What one scrape said."""

    def __init__(self, body: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        """The samples of a name that have these labels, together."""
        return sum(s.value for s in self._samples if s.name == name and s.labels.items() >= labels.items())


def test_metrics_follow_a_pod_whose_probe_fails(new_daemon: Callable[..., Daemon]) -> None:
    address = f"127.0.0.1:{free_port()}"
    daemon = new_daemon("--metrics-address", address).start()

    def scrape() -> Scrape:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=SECONDS) as answer:
            return Scrape(answer.read().decode())

    assert scrape().sum("kube_pod_status_phase") == 0
    script = "[ -e /data/once ] || touch /tmp/well /data/once; sleep 1000"
    once = {"name": "data", "emptyDir": {}}
    main = container(script, livenessProbe=PROBE, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    daemon.write(text(pod("metered", main, volumes=[once])))
    daemon.wait_ready("metered")
    before = scrape()
    assert before.sum("kube_pod_status_phase", pod="metered", phase="Running") == 1
    assert before.sum("kubelet_runtime_operations_total", operation_type="start_container") >= 2
    assert before.sum("orchestrator_operation_duration_seconds_count", operation="Start") == 2
    assert before.sum("orchestrator_spec_reloads_total", result="success") >= 2
    # Without its file the second run fails its probe, and so does every run after it.
    daemon.exec("metered", "rm", "/tmp/well")
    daemon.wait_pod("metered", lambda one: restarts(one) >= 1)
    after = Scrape(b"".join(daemon.client.stream("/metrics", {})).decode())
    probe = {"pod": "metered", "container": "main", "probe_type": "Liveness"}
    assert after.sum("prober_probe_total", result="failed", **probe) >= 1
    assert after.sum("prober_probe_duration_seconds_count", **probe) > before.sum(
        "prober_probe_duration_seconds_count", **probe
    )
    assert after.sum("kube_pod_container_status_restarts_total", pod="metered", container="main") >= 1
    assert after.sum("orchestrator_reconcile_lag_seconds_count") > before.sum(
        "orchestrator_reconcile_lag_seconds_count"
    )
    daemon.remove()
    daemon.wait_gone("metered")
    gone = scrape()
    assert gone.sum("kube_pod_status_phase", pod="metered") == 0


def test_D03_metrics_tell_that_the_engine_is_away_and_what_it_is_when_it_is_back(
    front: EngineInFront, new_daemon: Callable[..., Daemon]
) -> None:
    daemon = new_daemon("--engine-url", front.url).start()

    def scrape() -> Scrape:
        return Scrape(b"".join(daemon.client.stream("/metrics", {})).decode())

    before = scrape()
    assert before.sum("orchestrator_engine_up") == 1
    front.go()
    daemon.wait_engine_error("cannot reach the Docker Engine")
    away = scrape()
    assert away.sum("orchestrator_engine_up") == 0
    errors = "kubelet_runtime_operations_errors_total"
    assert away.sum(errors) > before.sum(errors)
    # It is upgraded meanwhile.
    old = daemon.client.status()["engine"]["version"]
    new = f"99{old[2:]}"
    front.upgrade(old, new)
    front.come()
    daemon.wait_engine_error("")
    after = scrape()
    assert after.sum("orchestrator_engine_up") == 1
    assert (after.sum("orchestrator_build_info", engine_version=new), after.sum("orchestrator_build_info")) == (1, 1)
    assert daemon.client.status()["engine"]["version"] == new
    assert new in daemon.cli("version")


def test_metrics_on_an_address_that_others_reach_are_wrong_use(new_daemon: Callable[..., Daemon]) -> None:
    ended = new_daemon().run_to_end("--metrics-address", "0.0.0.0:9100")
    assert ended.returncode == 2
    assert "whoever reaches that address could read them; use 127.0.0.1:9100" in ended.stderr
