"""The daemon's unit in a machine, asked as an administrator asks: systemctl, journal, command line, engine."""

import json
from typing import Any

from tests.e2e.pods import Document, config_map, container, pod, text
from tests.images import BUSYBOX_IMAGE
from tests.systemd.machine import Machine

UNIT = "orchestrator.service"
OVERRIDE = f"/etc/systemd/system/{UNIT}.d/test.conf"
ENVIRONMENT = "/etc/orchestrator/environment"
SPECS = "/etc/orchestrator/specs/pods.yaml"
SIZE = "4Mi"

Lives = dict[str, tuple[str, str]]


class Service:
    """One unit; `start` brings it to where it runs two pods."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def start(self) -> None:
        """Start it on its specs, and wait until the pods are ready."""
        self.machine.write(SPECS, specs("one"))
        self.machine.run("systemctl", "start", UNIT)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until both pods are Ready."""
        self.machine.wait("ready pods", lambda: self._ready() == {"plain", "mounts"})

    def mend(self) -> None:
        """Take away what a test has changed about the unit."""
        self.machine.run("rm", "-rf", OVERRIDE)
        self.machine.run("systemctl", "daemon-reload")

    def override(self, text: str) -> None:
        """Change the unit as `systemctl edit` does, and restart it."""
        self.machine.write(OVERRIDE, text)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", UNIT)

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.machine.run("systemctl", "show", UNIT, "--value", f"--property={name}")

    def pid(self) -> str:
        """The daemon's process."""
        return self.show("MainPID")

    def cli(self, *words: str) -> str:
        """Run `orchestrator ...`."""
        return self.machine.run("orchestrator", *words)

    def pods(self) -> list[Document]:
        """All pods; none while no daemon answers."""
        asked = self.machine.ask("orchestrator", "get", "pods", "-o", "json")
        found: list[Document] = json.loads(asked.stdout)["items"] if asked.returncode == 0 else []
        return found

    def _ready(self) -> set[str]:
        ready: dict[str, Any] = {"type": "Ready", "status": "True"}
        return {
            one["metadata"]["name"]
            for one in self.pods()
            if any(ready.items() <= condition.items() for condition in one["status"].get("conditions", []))
        }

    def lives(self) -> Lives:
        """Every container that runs: engine id and start time, by name."""
        ids = self.machine.run(
            "docker", "ps", "-q", "--no-trunc", "--filter", "label=orchestrator.dev/instance"
        ).split()
        found = json.loads(self.machine.run("docker", "inspect", *ids)) if ids else []
        return {one["Name"]: (one["Id"], one["State"]["StartedAt"]) for one in found}

    def inside(self, script: str) -> str:
        """Run a script in the pod with mounts, through the engine: it needs no daemon."""
        wanted = ("--filter", "label=orchestrator.dev/pod=mounts", "--filter", "label=orchestrator.dev/container=main")
        return self.machine.run("docker", "exec", self.machine.run("docker", "ps", "-q", *wanted), "sh", "-c", script)

    def journal(self, *words: str) -> str:
        """What the journal has of the unit."""
        self.machine.run("journalctl", "--sync")
        return self.machine.run("journalctl", "--unit", UNIT, "--no-pager", *words)


def specs(value: str) -> str:
    """Two pods: one plain, and one with everything that the daemon mounts on the host."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": value}}
    mounts = [
        {"name": "memory", "mountPath": "/memory"},
        {"name": "token", "mountPath": "/token"},
        {"name": "settings", "mountPath": "/settings", "subPath": "key"},
    ]
    volumes = [
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": SIZE}},
        {"name": "token", "secret": {"secretName": "token"}},
        {"name": "settings", "configMap": {"name": "settings"}},
    ]
    documents = (
        secret,
        config_map("settings", key=value),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "plain"},
            "spec": {"selector": {"app": "plain"}, "ports": [{"port": 80}]},
        },
        pod("plain", container("echo well > /tmp/index.html; exec httpd -f -p 80 -h /tmp"), labels={"app": "plain"}),
        pod("mounts", container("exec sleep 1000000", volumeMounts=mounts), volumes=volumes),
    )
    return text(*documents).replace("IMAGE", BUSYBOX_IMAGE)
