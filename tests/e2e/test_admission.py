"""Requests that exceed the host: the pod waits, with the sums, and starts when there is room (R03)."""

from collections.abc import Callable

from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import condition, is_ready
from tests.e2e.pods import FOR_EVER, container, pod, text


def asks(name: str, cpu: str) -> str:
    """A pod that asks for this much."""
    return text(pod(name, container(FOR_EVER, resources={"requests": {"cpu": cpu}})))


def test_R03_who_does_not_fit_waits_in_order_of_age(new_daemon: Callable[..., Daemon]) -> None:
    """The host's cores less what is reserved; a restart of the daemon with less takes no place away."""
    cores = int(docker("info", "--format", "{{.NCPU}}"))
    # Pods may have one core in all.
    daemon = new_daemon("--system-reserved", f"cpu={cores - 1}")
    daemon.write(asks("r03-a", "600m"), "a.yaml")
    daemon.start()
    daemon.wait_ready("r03-a")
    daemon.write(asks("r03-b", "900m"), "b.yaml")
    words = "0/1 nodes are available: 1 Insufficient cpu. cpu: 900m requested, 600m of 1 in use."
    assert daemon.wait_event("r03-b", "FailedScheduling")["message"] == words
    waits = daemon.pod("r03-b")
    reason = next(c for c in waits["status"]["conditions"] if c["type"] == "PodScheduled")
    assert (waits["status"]["phase"], reason["status"], reason["reason"]) == ("Pending", "False", "Unschedulable")
    assert reason["message"] == words
    assert words in daemon.cli("describe", "pod", "r03-b")
    # A younger one that fits beside what runs does not wait for the older one, and one that does not fit waits.
    daemon.write(asks("r03-c", "400m"), "c.yaml")
    daemon.wait_ready("r03-c")
    daemon.write(asks("r03-d", "100m"), "d.yaml")
    daemon.wait_event("r03-d", "FailedScheduling")
    lives = daemon.life("r03-a"), daemon.life("r03-c")
    daemon.stop()
    daemon.start("--system-reserved", f"cpu={cores - 1}.4")
    assert (daemon.life("r03-a"), daemon.life("r03-c")) == lives
    assert is_ready(daemon.pod("r03-a"))
    # Of 600m now 200m come free: too little for the older one.
    daemon.remove("a.yaml")
    daemon.wait_ready("r03-d")
    assert condition(daemon.pod("r03-b"), "PodScheduled") == "False"


def test_R03_a_limit_range_gives_and_refuses(daemon: Daemon) -> None:
    """A pod gets what it does not name; one that asks for too much is an error of its file, and nothing that runs."""
    limits = [{"type": "Container", "default": {"memory": "40Mi"}, "max": {"memory": "64Mi"}}]
    ranged = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "r03"}, "spec": {"limits": limits}}
    daemon.write(text(ranged), "range.yaml")
    daemon.write(text(pod("r03-given", FOR_EVER)), "given.yaml")
    daemon.wait_ready("r03-given")
    life = daemon.life("r03-given")
    made = daemon.containers("r03-given")
    assert sorted(each["HostConfig"]["Memory"] for each in made) == [0, 40 << 20]
    too_much = container(FOR_EVER, resources={"limits": {"memory": "65Mi"}})
    daemon.write(text(pod("r03-much", too_much)), "much.yaml")
    daemon.wait_problem('pods "r03-much" is forbidden: maximum memory usage per Container is 64Mi, but limit is 65Mi')
    limits[0]["default"] = {"memory": "50Mi"}
    daemon.write(text(ranged), "range.yaml")
    daemon.write(text(pod("r03-next", FOR_EVER)), "next.yaml")
    daemon.wait_ready("r03-next")
    assert max(each["HostConfig"]["Memory"] for each in daemon.containers("r03-next")) == 50 << 20
    assert daemon.life("r03-given") == life
