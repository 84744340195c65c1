"""What pods and the node use now, for people and for kubectl (R02)."""

import re
import subprocess

import pytest

from tests.e2e.bridge import bridged, kubectl
from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.pods import FOR_EVER, container, pod, text

BUSY = "trap 'exit 0' TERM; while :; do :; done"
HOLDS = f"dd if=/dev/zero of=/dev/shm/file bs=1M count=24; {FOR_EVER}"


def test_R02_top_tells_what_is_used_now(daemon: Daemon) -> None:
    """The busy one's CPU is what its limit allows, at most; what another keeps in memory is counted."""
    limited = {"limits": {"cpu": "200m"}}
    keeps = {"emptyDir": {"medium": "Memory"}, "name": "shm"}
    memory = container(HOLDS, "memory", volumeMounts=[{"name": "shm", "mountPath": "/dev/shm"}])
    daemon.write(
        text(
            pod("top-busy", container(BUSY, resources=limited), labels={"a": "b"}),
            pod("top-idle", FOR_EVER, memory, volumes=[keeps]),
        )
    )
    daemon.wait_ready("top-busy")
    daemon.wait_ready("top-idle")
    whole = "while [ $(stat -c %s /dev/shm/file) -lt 25165824 ]; do sleep 0.1; done"
    daemon.exec("top-idle", "sh", "-c", whole, container="memory")
    told = rows(daemon.cli("top", "pods", "--sort-by", "cpu"))
    assert told[0] == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    used = {name: (number(cpu), number(memory)) for name, cpu, memory in told[1:]}
    # A quota is for a tenth of a second; a little more may fall into a second.
    assert 0 < used["top-busy"][0] <= 300
    assert 24 <= used["top-idle"][1] < 100
    assert used["top-busy"][1] < 24
    told = rows(daemon.cli("top", "pod", "--containers", "-A"))
    assert told[0] == ["NAMESPACE", "POD", "NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert [row[:3] for row in told if row[1] == "top-idle"] == [
        ["default", "top-idle", "main"],
        ["default", "top-idle", "memory"],
    ]
    assert [row[0] for row in rows(daemon.cli("top", "po", "-l", "a=b", "--no-headers"))] == ["top-busy"]
    told = rows(daemon.cli("top", "node"))
    assert told[0] == ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    assert number(told[1][3]) > 24
    assert "Ready" in daemon.cli("get", "nodes")
    assert "not found" in daemon.run_cli("top", "pods", "nobody").stderr


@pytest.mark.skipif(not kubectl(), reason="kubectl is not on this host")
def test_R02_kubectl_top_reads_the_same(daemon: Daemon) -> None:
    daemon.write(text(pod("top-kubectl", FOR_EVER)))
    daemon.wait_ready("top-kubectl")
    with bridged(daemon.socket) as url:

        def ask(*words: str) -> list[list[str]]:
            command = [kubectl(), "--server", url, *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
            assert done.returncode == 0, done.stderr
            return rows(done.stdout)

        told = ask("top", "pods", "--containers")
        assert told[0] == ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"]
        assert ["top-kubectl", "main"] in [row[:2] for row in told]
        assert number(ask("top", "node")[1][3]) > 0
        assert ask("get", "nodes")[1][1] == "Ready"


def rows(shown: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", line.strip()) for line in shown.strip().splitlines()]


def number(text_: str) -> int:
    return int(re.sub(r"\D", "", text_))
