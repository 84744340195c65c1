"""What Kubernetes' conformance tests say of liveness by HTTP and TCP, to a pod's own server (docs/conformance.md)."""

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import restarts, status_of
from tests.e2e.pods import container, pod, text

pytestmark = pytest.mark.races

SERVE = """
read -r first || { echo tcp >>/tmp/asked; exit; }
while read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
echo http >>/tmp/asked
printf 'HTTP/1.0 %s\\r\\nContent-Length: 0\\r\\n\\r\\n' "$(cat /tmp/status)"
"""
"""Answers one connection with the status in /tmp/status, and writes down that it came."""


def served(name: str, port: int, status: str, probe: Document) -> Document:
    """A container with a server of its own, and a liveness probe of it: the first failure counts."""
    script = f"echo '{status}' >/tmp/status; printf '%s' \"$SERVE\" >/tmp/serve; exec nc -ll -p {port} -e sh /tmp/serve"
    liveness = {**probe, "periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 1}
    startup = {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 60}
    env = [{"name": "SERVE", "value": SERVE}]
    return container(script, name, env=env, livenessProbe=liveness, startupProbe=startup)


def liveness_failures(daemon: Daemon, name: str) -> list[str]:
    """What Events say of liveness; the startup probe may have come before the server."""
    told = [event["message"] for event in daemon.events(name, "Unhealthy")]
    return [message for message in told if message.startswith("Liveness")]


def wait_asked(daemon: Daemon, name: str, container: str, kind: str, times: int) -> None:
    """Wait, inside the pod, until its server was asked so often."""
    script = f"until [ $(grep -c {kind} /tmp/asked) -ge {times} ]; do sleep 0.1; done"
    daemon.exec(name, "timeout", "60", "sh", "-c", f"touch /tmp/asked; {script}", container=container)


def test_P04_http_liveness_restarts_what_answers_5xx_and_nothing_else(daemon: Daemon) -> None:
    good = served("good", 8080, "200 OK", {"httpGet": {"path": "/healthz", "port": 8080}})
    bad = served("bad", 8081, "200 OK", {"httpGet": {"path": "/healthz", "port": 8081}})
    daemon.write(text(pod("c-healthz", good, bad)))
    daemon.wait_ready("c-healthz")
    wait_asked(daemon, "c-healthz", "bad", "http", 2)
    assert restarts(daemon.pod("c-healthz"), "bad") == 0
    daemon.exec("c-healthz", "sh", "-c", "echo '500 Broken' >/tmp/new; mv /tmp/new /tmp/status", container="bad")
    seen = daemon.wait_pod("c-healthz", lambda p: restarts(p, "bad") == 1 and bool(status_of(p, "bad").get("ready")))
    words = "Liveness probe failed: HTTP probe failed with statuscode: 500"
    assert liveness_failures(daemon, "c-healthz") == [words]
    wait_asked(daemon, "c-healthz", "good", "http", 5)
    assert restarts(seen, "good") == restarts(daemon.pod("c-healthz"), "good") == 0


def test_P04_tcp_liveness_asks_for_an_open_port_alone(daemon: Daemon) -> None:
    """Whoever speaks HTTP to it gets an error; the probe does not speak."""
    main = served("main", 8080, "500 Broken", {"tcpSocket": {"port": 8080}})
    daemon.write(text(pod("c-tcp", main)))
    daemon.wait_ready("c-tcp")
    wait_asked(daemon, "c-tcp", "main", "tcp", 6)
    assert "500 Broken" in daemon.exec("c-tcp", "sh", "-c", "timeout 5 wget -O- http://127.0.0.1:8080/ 2>&1", code=None)
    assert restarts(daemon.pod("c-tcp")) == 0
    assert liveness_failures(daemon, "c-tcp") == []
