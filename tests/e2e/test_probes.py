"""Probes of running pods: the three kinds, their numbers, and what follows from their verdicts (P01, P03-P06)."""

import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import SECONDS, Daemon, Document
from tests.e2e.pod_status import condition, is_ready, restarts, status_of
from tests.e2e.pods import FOR_EVER, container, pod, text

pytestmark = pytest.mark.races


def by_exec(script: str, **numbers: int) -> Document:
    """A probe that runs a shell script, once a second unless `numbers` say otherwise."""
    return {"exec": {"command": ["sh", "-c", script]}, "periodSeconds": 1, **numbers}


def unhealthy(daemon: Daemon, name: str, kind: str) -> Document:
    """The first Event Unhealthy of one kind of probe."""
    return next(e for e in daemon.events(name, "Unhealthy") if e["message"].startswith(f"{kind} probe failed: "))


def lines(daemon: Daemon, name: str, path: str, container: str = "") -> list[str]:
    """The lines of a file in a container; none when it is not there."""
    return daemon.exec(name, "sh", "-c", f"cat {path} 2>/dev/null || true", container=container).splitlines()


# --- P01: three kinds, and their numbers ---


def test_P01_each_kind_of_probe_by_each_handler(daemon: Daemon) -> None:
    """All nine pass; then the server ends, and every readiness and liveness probe says so."""
    handlers: dict[str, Document] = {
        "exec": {"exec": {"command": ["nc", "-w", "1", "127.0.0.1", "8080", "-e", "true"]}},
        "http": {"httpGet": {"port": "web", "path": "/index.html"}},
        "tcp": {"tcpSocket": {"port": 8080}},
    }
    probes = {
        name: {
            "startupProbe": {**handler, "periodSeconds": 1, "failureThreshold": 60},
            "readinessProbe": {**handler, "periodSeconds": 1, "failureThreshold": 1},
            "livenessProbe": {**handler, "periodSeconds": 1, "failureThreshold": 3},
            "ports": [{"name": "web", "containerPort": 8080}] if name == "http" else [],
        }
        for name, handler in handlers.items()
    }
    server = container("echo yes >/tmp/index.html; httpd -p 8080 -h /tmp; exec sleep 1000", "server")
    clients = [container("exec sleep 1000", name, **fields) for name, fields in probes.items()]
    daemon.write(text(pod("p01-handlers", server, *clients)))
    seen = daemon.wait_ready("p01-handlers")
    assert all(status["started"] and status["ready"] for status in seen["status"]["containerStatuses"])
    assert [restarts(seen, name) for name in handlers] == [0, 0, 0]
    daemon.exec("p01-handlers", "killall", "httpd", container="server")
    ip = seen["status"]["podIP"]
    refused = {
        "exec": "nc: can't connect to remote host (127.0.0.1): Connection refused\n",
        "http": f'Get "http://{ip}:8080/index.html": dial tcp {ip}:8080: connect: connection refused',
        "tcp": f"dial tcp {ip}:8080: connect: connection refused",
    }
    for name, words in refused.items():
        daemon.wait_event("p01-handlers", "Killing", text=f"Container {name} failed liveness probe, will be restarted")
        told = [e for e in daemon.events("p01-handlers", "Unhealthy") if f"{{{name}}}" in str(e["involvedObject"])]
        expected = {f"Liveness probe failed: {words}", f"Readiness probe failed: {words}"}
        assert expected <= {event["message"] for event in told}


def test_P01_initial_delay_and_period(daemon: Daemon) -> None:
    """The n-th run comes no sooner than delay + (n - 1) * period after the container's start."""
    script = "cat /proc/uptime >>/tmp/runs; test $(wc -l </tmp/runs) -ge 3"
    probe = by_exec(script, initialDelaySeconds=2, periodSeconds=2)
    daemon.write(text(pod("p01-times", container("exec sleep 1000", readinessProbe=probe))))
    daemon.wait_ready("p01-times")
    runs = [float(line.split()[0]) for line in lines(daemon, "p01-times", "/tmp/runs")]
    boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    (_, moment) = daemon.life("p01-times")["p01-times/main"]
    started = datetime.fromisoformat(moment[:26] + "+00:00").timestamp() - boot
    assert len(runs) >= 3
    assert all(run >= started + 2 + 2 * n - 0.1 for n, run in enumerate(runs))


def test_P01_success_threshold(daemon: Daemon) -> None:
    probe = by_exec("echo run >>/tmp/runs", successThreshold=3)
    daemon.write(text(pod("p01-success", container("exec sleep 1000", readinessProbe=probe))))
    daemon.wait_ready("p01-success")
    assert len(lines(daemon, "p01-success", "/tmp/runs")) >= 3


def test_P01_failure_threshold(daemon: Daemon) -> None:
    """Two failures change nothing, the third makes it unready."""
    probe = by_exec("test -f /tmp/ok || { echo run >>/tmp/failed; echo it is away; false; }", failureThreshold=3)
    daemon.write(text(pod("p01-failure", container("touch /tmp/ok; exec sleep 1000", readinessProbe=probe))))
    daemon.wait_ready("p01-failure")
    before = len(lines(daemon, "p01-failure", "/tmp/failed"))
    daemon.exec("p01-failure", "rm", "/tmp/ok")
    daemon.wait_pod("p01-failure", lambda pod: not is_ready(pod))
    assert len(lines(daemon, "p01-failure", "/tmp/failed")) >= before + 3
    event = unhealthy(daemon, "p01-failure", "Readiness")
    assert event["message"] == "Readiness probe failed: it is away\n"
    assert event["type"] == "Warning"
    assert event["count"] >= 3
    assert "Unhealthy" in daemon.cli("events")
    assert "Readiness probe failed: it is away" in daemon.cli("describe", "pod", "p01-failure")


def test_P01_defaults_are_told(daemon: Daemon) -> None:
    daemon.write(text(pod("p01-defaults", container("exec sleep 1000", livenessProbe={"exec": {"command": ["true"]}}))))
    shown = daemon.wait_ready("p01-defaults")["spec"]["containers"][0]["livenessProbe"]
    numbers = {key: value for key, value in shown.items() if key != "exec"}
    assert numbers == {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert "delay=0s timeout=1s period=10s #success=1 #failure=3" in daemon.cli("describe", "pod", "p01-defaults")


def test_P01_a_probe_may_have_its_own_grace_period(daemon: Daemon) -> None:
    """The pod would give a process that ignores SIGTERM ten minutes; its liveness probe gives it two seconds."""
    probe = by_exec("test ! -f /tmp/sick", failureThreshold=1, terminationGracePeriodSeconds=1)
    deaf = container("trap '' TERM; touch /tmp/sick; while :; do sleep 1000 & wait; done", livenessProbe=probe)
    patient = pod("p01-grace", deaf, terminationGracePeriodSeconds=600)
    daemon.write(text(patient))
    seen = daemon.wait_pod("p01-grace", lambda pod: restarts(pod) >= 1)
    ended = status_of(seen)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "Error")
    # It is as deaf when the test ends; without a grace period it goes at once.
    daemon.write(text(pod("p01-grace", deaf)))
    daemon.wait_pod("p01-grace", lambda pod: pod["spec"]["terminationGracePeriodSeconds"] == 0)


# --- P03: where handlers run ---


def test_P03_an_exec_that_takes_too_long_leaves_no_process(daemon: Daemon) -> None:
    """Its children do not stay either, whatever they ignore."""
    script = "trap '' TERM; sleep 7771 & sleep 7772; true"
    probe = by_exec(script, timeoutSeconds=1, periodSeconds=300)
    daemon.write(text(pod("p03-timeout", container("exec sleep 1000", readinessProbe=probe))))
    event = daemon.wait_event("p03-timeout", "Unhealthy", text="timed out")
    assert event["message"] == f'Readiness probe failed: command timed out: "sh -c {script}" timed out after 1s'
    processes = daemon.exec("p03-timeout", "ps", "-o", "args")
    assert "sleep 1000" in processes
    assert "sleep 777" not in processes
    assert not is_ready(daemon.pod("p03-timeout"))


def test_P03_exec_runs_in_the_container(daemon: Daemon) -> None:
    """With its files, its environment and its user."""
    probe = by_exec("echo $(cat /tmp/file) $COLOUR $(id -u) >/tmp/seen")
    main = container(
        "echo mine >/tmp/file; exec sleep 1000",
        readinessProbe=probe,
        securityContext={"runAsUser": 1000},
        env=[{"name": "COLOUR", "value": "green"}],
    )
    daemon.write(text(pod("p03-exec", main)))
    daemon.wait_ready("p03-exec")
    assert lines(daemon, "p03-exec", "/tmp/seen") == ["mine green 1000"]


def test_P03_tcp_socket_by_name_and_number(daemon: Daemon) -> None:
    """An open port is success; a closed one is told as Go tells it."""
    named: dict[str, Any] = {
        "ports": [{"name": "echo", "containerPort": 7000}],
        "readinessProbe": {"tcpSocket": {"port": "echo"}, "periodSeconds": 1},
    }
    closed: dict[str, Any] = {"readinessProbe": {"tcpSocket": {"port": 7001}, "periodSeconds": 1}}
    server = container("exec nc -ll -p 7000 -e cat", "named", **named)
    daemon.write(text(pod("p03-tcp", server, container("exec sleep 1000", "closed", **closed))))
    seen = daemon.wait_pod("p03-tcp", lambda pod: bool(status_of(pod, "named").get("ready")))
    ip = seen["status"]["podIP"]
    words = f"Readiness probe failed: dial tcp {ip}:7001: connect: connection refused"
    assert daemon.wait_event("p03-tcp", "Unhealthy", text=":7001")["message"] == words
    seen = daemon.pod("p03-tcp")
    assert status_of(seen, "named")["ready"]
    assert not status_of(seen, "closed")["ready"]


# --- P04: liveness and startup have a container killed ---


def doomed(name: str, kind: str, **spec: Any) -> str:
    """A pod whose container fails the probe of a kind, and writes down how it is ended; another one can be asked."""
    shared = {"volumeMounts": [{"name": "out", "mountPath": "/out"}]}
    main = container(
        "trap 'echo term >>/out/log; exit 7' TERM; while :; do sleep 1000 & wait; done",
        lifecycle={"preStop": {"exec": {"command": ["sh", "-c", "echo prestop >>/out/log"]}}},
        **{f"{kind}Probe": by_exec("echo no good; false", failureThreshold=2)},
        **shared,
    )
    volumes = [{"name": "out", "emptyDir": {}}]
    witness = container(FOR_EVER, "witness", **shared)
    return text(pod(name, main, witness, volumes=volumes, terminationGracePeriodSeconds=5, **spec))


@pytest.mark.parametrize("kind", ["liveness", "startup"])
def test_P04_a_failing_probe_has_the_container_stopped_and_restarted(daemon: Daemon, kind: str) -> None:
    name = f"p04-{kind}"
    daemon.write(doomed(name, kind))
    seen = daemon.wait_pod(name, lambda pod: restarts(pod, "main") >= 1)
    assert lines(daemon, name, "/out/log", "witness")[:2] == ["prestop", "term"]
    ended = status_of(seen, "main")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (7, "Error")
    event = unhealthy(daemon, name, kind.capitalize())
    assert event["message"] == f"{kind.capitalize()} probe failed: no good\n"
    assert event["count"] >= 2
    assert daemon.events(name, "Killing")[0]["message"] == f"Container main failed {kind} probe, will be restarted"
    assert restarts(seen, "witness") == 0


def test_P04_a_policy_of_never_lets_it_end(daemon: Daemon) -> None:
    daemon.write(doomed("p04-never", "liveness", restartPolicy="Never"))
    seen = daemon.wait_pod("p04-never", lambda pod: "terminated" in status_of(pod, "main").get("state", {}))
    assert status_of(seen, "main")["state"]["terminated"]["exitCode"] == 7
    assert restarts(seen, "main") == 0
    killing = [event["message"] for event in daemon.events("p04-never", "Killing")]
    assert killing == ["Container main failed liveness probe"], "it is not restarted"
    assert "running" in status_of(seen, "witness")["state"]
    assert lines(daemon, "p04-never", "/out/log", "witness") == ["prestop", "term"]


# --- P05: startup goes first ---


def test_P05_the_others_wait_for_the_startup_probe(daemon: Daemon) -> None:
    """Until it has succeeded they do not run; then the first readiness check is immediate."""
    main = container(
        "exec sleep 1000",
        startupProbe=by_exec("test -f /tmp/started", failureThreshold=1000),
        readinessProbe=by_exec("echo ready >>/tmp/others", periodSeconds=300),
        livenessProbe=by_exec("echo alive >>/tmp/others; test -f /tmp/started", failureThreshold=1),
    )
    daemon.write(text(pod("p05", main)))
    event = daemon.wait_event("p05", "Unhealthy", text="Startup probe failed")
    daemon.wait_for("events", event["metadata"]["name"], lambda event: event["count"] >= 3)
    seen = daemon.pod("p05")
    assert not status_of(seen)["started"]
    assert condition(seen, "Ready") == "False"
    assert lines(daemon, "p05", "/tmp/others") == []
    daemon.exec("p05", "touch", "/tmp/started")
    # Far less than the readiness probe's period.
    seen = daemon.wait_pod("p05", is_ready, seconds=60)
    assert status_of(seen)["started"]
    assert restarts(seen) == 0
    assert "ready" in lines(daemon, "p05", "/tmp/others")


# --- P06: readiness ---


def answers(url: str) -> bool:
    """Whether a new connection gets through; False when it is refused."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError):
            raise
        return False


def wait_until_answers(url: str, wanted: bool) -> None:
    """The kernel's rules follow the pod's condition at once, but have no watch: ask until it is so."""
    deadline = time.monotonic() + SECONDS
    while answers(url) is not wanted:
        assert time.monotonic() < deadline, f"{url}: {'no answer' if wanted else 'it still answers'}"


def test_P06_an_unready_pod_is_out_of_its_service_and_not_restarted(daemon: Daemon) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "p06"},
        "spec": {"selector": {"app": "p06"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    main = container(
        "mkdir /tmp/www; echo yes >/tmp/www/index.html; touch /tmp/ok; exec httpd -f -p 8080 -h /tmp/www",
        readinessProbe=by_exec("test -f /tmp/ok", failureThreshold=1),
    )
    daemon.write(text(service, pod("p06", main, labels={"app": "p06"})))
    daemon.wait_ready("p06")
    url = f"http://{daemon.get('services', 'p06')['spec']['clusterIP']}/"
    wait_until_answers(url, True)
    daemon.exec("p06", "rm", "/tmp/ok")
    seen = daemon.wait_pod("p06", lambda pod: not is_ready(pod))
    assert condition(seen, "ContainersReady") == "False"
    assert seen["status"]["phase"] == "Running"
    wait_until_answers(url, False)
    daemon.exec("p06", "touch", "/tmp/ok")
    seen = daemon.wait_ready("p06")
    wait_until_answers(url, True)
    assert restarts(seen) == 0


def test_P06_without_a_readiness_probe_it_is_ready_when_started(daemon: Daemon) -> None:
    daemon.write(text(pod("p06-none", "exec sleep 1000")))
    seen = daemon.wait_pod("p06-none", lambda pod: "running" in status_of(pod).get("state", {}))
    assert status_of(seen)["started"]
    assert is_ready(seen)
