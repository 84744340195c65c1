"""GET /metrics: text that Prometheus reads, with what was counted and what the pods are."""

import asyncio
import subprocess
import sys

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.errors import Invalid, OrchestratorError
from tests.component.api.house import PATIENCE, POD, SECRET, House

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """Every sample of a scrape, by name and labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            found[key] = sample.value
    return found


def of(found: Samples, name: str, **labels: str) -> float:
    """The one sample of a name that has these labels among its own."""
    (value,) = [value for (n, own), value in found.items() if n == name and own >= labels.items()]
    return value


async def scrape(house: House) -> Samples:
    async with house.session.get("http://o/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        return samples(await response.text())


async def test_pods_are_there_by_phase_with_their_restarts(house: House) -> None:
    house.apply(SECRET)
    house.apply(POD)
    found = await scrape(house)
    assert of(found, "kube_pod_status_phase", pod="web", namespace="default", phase="Pending") == 1
    assert of(found, "kubelet_running_pods") == 0
    running = {"name": "app", "ready": True, "restartCount": 3, "image": "app:1", "imageID": "x"}
    running["state"] = {"running": {"startedAt": "2026-01-02T15:04:05Z"}}
    house.set_status(
        "web",
        phase="Running",
        containerStatuses=[running],
        conditions=[{"type": "Ready", "status": "True"}],
    )
    found = await scrape(house)
    phases = {p: of(found, "kube_pod_status_phase", pod="web", phase=p) for p in ("Pending", "Running", "Failed")}
    assert phases == {"Pending": 0, "Running": 1, "Failed": 0}
    assert of(found, "kube_pod_status_ready", pod="web", condition="true") == 1
    assert of(found, "kube_pod_container_status_restarts_total", pod="web", container="app") == 3
    assert of(found, "kubelet_running_pods") == 1
    assert of(found, "kubelet_running_containers", container_state="running") == 1
    assert of(found, "process_resident_memory_bytes") > 1e6
    assert of(found, "orchestrator_engine_up") == 1


async def test_what_is_counted_moves(house: House) -> None:
    metrics = house.metrics
    probe = ("default", 'we"b\\', "app", "Liveness")
    metrics.probes.inc(*probe, "failed")
    metrics.probe_seconds.observe(0.004, *probe)
    metrics.reloads.inc("success")
    before = await scrape(house)
    metrics.probes.inc(*probe, "failed")
    metrics.probe_seconds.observe(0.3, *probe)
    metrics.probe_seconds.observe(900.0, *probe)
    after = await scrape(house)
    labels = {"pod": 'we"b\\', "probe_type": "Liveness"}
    assert of(before, "prober_probe_total", **labels, result="failed") == 1
    assert of(after, "prober_probe_total", **labels, result="failed") == 2
    bucket = "prober_probe_duration_seconds_bucket"
    assert [of(after, bucket, **labels, le=le) for le in ("0.005", "0.48828125", "120.0", "+Inf")] == [1, 2, 2, 3]
    assert of(after, "prober_probe_duration_seconds_count", **labels) == 3
    assert of(after, "prober_probe_duration_seconds_sum", **labels) == pytest.approx(900.304)
    assert of(after, "orchestrator_spec_reloads_total", result="success") == 1


async def test_a_loopback_address_has_the_metrics_and_nothing_else(house: House) -> None:
    port = await free_port()
    await house.api.serve_metrics(f"127.0.0.1:{port}")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
            assert of(samples(await response.text()), "orchestrator_engine_up") == 1
        async with session.get(f"http://127.0.0.1:{port}/api/v1/pods") as response:
            assert response.status == 404
    with pytest.raises(OrchestratorError, match=f"cannot serve metrics on 127.0.0.1:{port}: address already in use"):
        await house.new_api().serve_metrics(f"127.0.0.1:{port}")
    with pytest.raises(Invalid, match="whoever reaches that address could read them"):
        await house.new_api().serve_metrics(f"0.0.0.0:{port}")


async def free_port() -> int:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def test_nothing_is_imported_before_the_first_scrape() -> None:
    script = "import sys, orchestrator.app; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0
