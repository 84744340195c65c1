"""A pod is run by the runtime that its class names, and waits for class and runtime (R01)."""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.own_engine import DaemonThere, own_engine
from tests.e2e.pod_status import condition, waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text


def runtime_class(name: str, handler: str, **overhead: str) -> dict[str, object]:
    return {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": name},
        "handler": handler,
        "overhead": {"podFixed": overhead},
    }


def test_R01_a_pod_waits_for_its_class_and_its_runtime(tmp_path: Path, image: str) -> None:
    """In the kubelet's words; it starts when both are there, and is run by the class's runtime."""
    if not (runc := shutil.which("runc")):
        pytest.skip("a runtime of another name takes runc on this host")
    with own_engine(image) as engine:
        daemon = DaemonThere(engine, tmp_path, image)
        try:
            daemon.write(text(pod("r01", FOR_EVER, runtimeClassName="boxed"), pod("r01-plain", FOR_EVER)))
            daemon.start()
            words = 'Failed to create pod sandbox: runtimeclass.node.k8s.io "boxed" not found'
            assert daemon.wait_event("r01", "FailedCreatePodSandBox")["message"] == words
            assert waiting_reason(daemon.wait_ready("r01-plain")) == ""
            assert waiting_reason(daemon.pod("r01")) == "ContainerCreating"
            daemon.write(text(runtime_class("boxed", "other-runc")), "class.yaml")
            told = daemon.wait_event("r01", "FailedCreatePodSandBox", text="other-runc")
            assert "runtime" in told["message"]
            engine.runtimes(**{"other-runc": runc})
            daemon.wait_ready("r01")
            listed = engine.docker("ps", "-q", "--filter", "label=orchestrator.dev/pod=r01").split()
            made = json.loads(engine.docker("inspect", *listed))
            assert [each["HostConfig"]["Runtime"] for each in made] == ["other-runc", "other-runc"]
            assert "other-runc" in daemon.cli("get", "runtimeclasses")
            daemon.write(text(runtime_class("boxed", "runc")), "class.yaml")
            daemon.wait_problem("handler: Forbidden: field is immutable")
            daemon.write(text(runtime_class("boxed", "other-runc")), "class.yaml")
            daemon.remove()
            daemon.wait_gone("r01")
        finally:
            daemon.down()


def test_R01_what_a_class_costs_is_asked_of_the_host(daemon: Daemon) -> None:
    """overhead.podFixed counts beside what the containers ask for."""
    boxed = runtime_class("r01-heavy", "runc", cpu="9999", memory="1Mi")
    asks = container(FOR_EVER, resources={"requests": {"cpu": "1m"}})
    daemon.write(text(boxed, pod("r01-heavy", asks, runtimeClassName="r01-heavy")))
    told = daemon.wait_event("r01-heavy", "FailedScheduling", text="cpu: 9999001m requested")
    assert "1 Insufficient cpu." in told["message"]
    assert condition(daemon.pod("r01-heavy"), "PodScheduled") == "False"
