"""The daemon's side: files dropped, processes killed, files removed, timed by the engine's clock."""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts


def pod_text(name: str, image: str, probe: bool) -> str:
    """A web server that ends on TERM at once; with a check a second where asked."""
    check = "{httpGet: {path: /passwd, port: 8080}, periodSeconds: 1}"
    return f"""\
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: bench}}}}
spec:
  terminationGracePeriodSeconds: 5
  containers:
  - name: main
    image: {image}
    command: [sh, -c, "trap 'exit 0' TERM; httpd -p 8080 -h /etc; while :; do sleep 3600 & wait; done"]
    {f"readinessProbe: {check}" if probe else ""}
"""


class Subject:
    """One running daemon with a pod that keeps the network standing."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self._drop(["keeper"], probe=False)
        daemon.wait_ready("keeper")

    def up(self, names: Sequence[str], *, probe: bool) -> tuple[float, float]:
        """Seconds from the drop until (the last process runs, all are Ready)."""
        begun = time.time()
        self._drop(names, probe=probe)
        for name in names:
            self.daemon.wait_ready(name)
        ready = time.time() - begun
        return self._last_start(names) - begun, ready

    def down(self, names: Sequence[str]) -> float:
        """Seconds from the removal of the files until nothing is left in the engine."""
        begun = time.time()
        for name in names:
            self.daemon.remove(f"{name}.yaml")
        for name in names:
            self.daemon.wait_gone(name)
        return time.time() - begun

    def crash(self, name: str) -> float:
        """Seconds from SIGKILL of a container's first process until its successor runs."""
        before = restarts(self.daemon.pod(name))
        engine_id = self.daemon.engine_id(name, "main")
        pid = int(docker("inspect", "-f", "{{.State.Pid}}", engine_id))
        begun = time.time()
        os.kill(pid, 9)
        self.daemon.wait_pod(name, lambda pod: restarts(pod) > before and is_ready(pod))
        return self._last_start([name]) - begun

    def memory_mb(self) -> float:
        """The daemon's resident memory."""
        return float(self.daemon.client.status()["rssBytes"]) / 1e6

    def cpu_seconds(self) -> float:
        """CPU that the daemon has used so far."""
        assert self.daemon.process is not None
        fields = Path(f"/proc/{self.daemon.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _drop(self, names: Sequence[str], *, probe: bool) -> None:
        for name in names:
            self.daemon.write(pod_text(name, self.daemon.image, probe), f"{name}.yaml")

    def _last_start(self, names: Sequence[str]) -> float:
        ids = [self.daemon.engine_id(name, "main") for name in names]
        found = json.loads(subprocess.run(["docker", "inspect", *ids], capture_output=True, check=True).stdout)
        return max(_seconds(one["State"]["StartedAt"]) for one in found)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp[:26].rstrip("Z").ljust(26, "0") + "+00:00").timestamp()
