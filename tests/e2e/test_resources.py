"""Requests and limits on the real kernel: what a container gets, and how its end is told (R02)."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import condition, restarts, status_of
from tests.e2e.pods import FOR_EVER, container, pod, text

GREEDY = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"


def test_R02_limits_are_the_kernels_and_scores_the_kubelets(daemon: Daemon) -> None:
    """A limit above what the host has is taken too; who asks for nothing is sacrificed first."""
    host = docker("info", "--format", "{{.MemTotal}}")
    half = int(host) // 2
    exact = {"limits": {"cpu": "250m", "memory": "32Mi"}}
    some = {"requests": {"cpu": "100m", "memory": str(half)}, "limits": {"cpu": "64"}}
    daemon.write(
        text(
            pod("r02-exact", container(FOR_EVER, resources=exact)),
            pod("r02-some", container(FOR_EVER, resources=some)),
            pod("r02-none", FOR_EVER),
        )
    )
    expected = {
        "r02-exact": ("Guaranteed", 32 << 20, 25_000, 256, -997),
        "r02-some": ("Burstable", 0, 6_400_000, 102, 500),
        "r02-none": ("BestEffort", 0, 0, 2, 1000),
    }
    for name, (quality, memory, quota, shares, score) in expected.items():
        assert daemon.wait_ready(name)["status"]["qosClass"] == quality
        found = next(each for each in daemon.containers(name) if each["Config"]["Labels"].get(ROLE) != "sandbox")
        made = found["HostConfig"]
        assert (made["Memory"], made["MemorySwap"]) == (memory, memory)
        assert (made["CpuQuota"], made["CpuShares"]) == (quota, shares)
        told = Path(f"/proc/{found['State']['Pid']}/oom_score_adj").read_text()
        # Below its own score the kernel lets only those go who may raise limits.
        assert abs(int(told) - (score if may_raise_limits() else max(score, 0))) <= 1


ROLE = "orchestrator.dev/role"


def may_raise_limits() -> bool:
    """Whether this host has CAP_SYS_RESOURCE (bit 24)."""
    line = next(line for line in Path("/proc/1/status").read_text().splitlines() if line.startswith("CapBnd"))
    return bool(int(line.split()[1], 16) >> 24 & 1)


def test_R02_who_takes_more_memory_than_it_may_is_named(daemon: Daemon) -> None:
    """OOMKilled, 137, and restarted by policy; the pod beside it does not notice."""
    limited = {"limits": {"memory": "16Mi"}}
    daemon.write(
        text(
            pod("r02-greedy", container(GREEDY, resources=limited), restartPolicy="OnFailure"),
            pod("r02-never", container(GREEDY, resources=limited), restartPolicy="Never"),
        )
    )
    ended = daemon.wait_pod("r02-never", lambda found: found["status"]["phase"] == "Failed")
    told = status_of(ended)["state"]["terminated"]
    assert (told["reason"], told["exitCode"]) == ("OOMKilled", 137)
    again = daemon.wait_pod("r02-greedy", lambda found: restarts(found) >= 1)
    assert status_of(again)["lastState"]["terminated"]["reason"] == "OOMKilled"
    shown = daemon.cli("describe", "pod", "r02-never")
    assert "OOMKilled" in shown
    assert re.search(r"memory: +16Mi", shown)


def test_R02_what_the_host_does_not_have_is_said(daemon: Daemon) -> None:
    """A GPU: the pod waits, and its Event says why.  Huge pages: a warning."""
    gpu = {"limits": {"nvidia.com/gpu": 1, "hugepages-2Mi": "2Mi", "memory": "32Mi"}}
    daemon.write(text(pod("r02-gpu", container(FOR_EVER, resources=gpu))))
    words = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. nvidia.com/gpu: 1 requested, 0 of 0 in use."
    assert "container toolkit" in daemon.wait_event("r02-gpu", "FailedScheduling", text=words)["message"]
    assert condition(daemon.pod("r02-gpu"), "PodScheduled") == "False"
    daemon.wait_problem("hugepages-2Mi has no effect here")
    assert daemon.containers("r02-gpu") == []


def test_R02_who_takes_too_much_is_evicted(new_daemon: Callable[..., Daemon]) -> None:
    """A container above its share of the disk; and, when the host is short of memory, who never asked for any.

    Of processes nobody gets more than `--pod-pids-limit`.
    """
    daemon = new_daemon("--pod-pids-limit", "40")
    shared = {"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]}
    fills = f"dd if=/dev/zero of=/dev/shm/file bs=1M count=48; {FOR_EVER}"
    greedy = container(fills, volumeMounts=[{"name": "v", "mountPath": "/dev/shm"}])
    asks = {"requests": {"memory": "512Mi"}}
    little = {"requests": {"memory": "512Mi"}, "limits": {"ephemeral-storage": "1Mi"}}
    writes = f"dd if=/dev/zero of=/tmp/file bs=64k count=64; {FOR_EVER}"
    daemon.write(
        text(
            pod("r02-greedy", greedy, **shared),
            pod("r02-asks", container(FOR_EVER, resources=asks)),
            pod("r02-writes", container(writes, resources=little)),
        )
    )
    daemon.start()
    for name in ("r02-greedy", "r02-asks", "r02-writes"):
        daemon.wait_ready(name)
    many = "for i in $(seq 60); do sleep 5 & done; wait"
    assert (
        "can't fork: Resource temporarily unavailable"
        in daemon.run_cli("exec", "r02-asks", "--", "sh", "-c", many).stderr
    )
    daemon.stop()
    # More than any host has: who runs goes on, and is measured.
    daemon.start("--eviction-hard", "memory.available<900Ti")
    failed = daemon.wait_pod("r02-greedy", lambda found: found["status"]["phase"] == "Failed")
    assert failed["status"]["reason"] == "Evicted"
    assert re.fullmatch(
        r"The node was low on resource: memory\. Threshold quantity: 900Ti, available: .*i\. "
        r"Container main was using [\d.]+Mi, request is 0, has larger consumption of memory\. ",
        failed["status"]["message"],
    )
    node = daemon.client.get("/api/v1/nodes")["items"][0]["status"]
    assert ("MemoryPressure", "True") in [(c["type"], c["status"]) for c in node["conditions"]]
    assert daemon.pod("r02-asks")["status"]["phase"] == "Running"
    failed = daemon.wait_pod("r02-writes", lambda found: found["status"]["phase"] == "Failed")
    assert failed["status"]["reason"] == "Evicted"
    words = "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "
    assert failed["status"]["message"] == words
    daemon.stop()
    # No disk is all empty.  What is asked of memory counts for nothing here.
    daemon.start("--eviction-hard", "nodefs.available<100%")
    failed = daemon.wait_pod("r02-asks", lambda found: found["status"]["phase"] == "Failed")
    assert failed["status"]["message"].startswith(
        "The node was low on resource: ephemeral-storage. Threshold quantity: "
    )
