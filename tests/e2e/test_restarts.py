"""Cases L04, L05, L08 and L14: back-off, counts, starts side by side, and what others do to our containers."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, NO_REGISTRY, container, pod, text

pytestmark = pytest.mark.races

COUNTS = "n=$(cat /count/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /count/n; echo run $n; "
"""A script's start that says in the log for which time it runs; the count, in an emptyDir, outlives restarts."""


def counting(name: str, script: str, **spec: Any) -> Document:
    """A pod whose only container knows for which time it runs ($n)."""
    main = container(COUNTS + script, volumeMounts=[{"name": "count", "mountPath": "/count"}])
    return pod(name, main, volumes=[{"name": "count", "emptyDir": {}}], **spec)


def crashing(name: str, folder: Path, script: str = "exit 1") -> Document:
    """A pod that notes each of its starts, in seconds since the host's boot, and ends."""
    main = container(f"cut -d' ' -f1 /proc/uptime >> /noted/{name}; {script}")
    main["volumeMounts"] = [{"name": "noted", "mountPath": "/noted"}]
    return pod(name, main, volumes=[{"name": "noted", "hostPath": {"path": str(folder)}}])


def gaps(file: Path) -> list[float]:
    """Seconds between the starts that were noted."""
    return [after - before for before, after in pairwise(map(float, file.read_text().split()))]


def waits(count: int, seconds: int) -> Callable[[Document], bool]:
    """Whether a pod's only container is held back for so long after so many restarts."""

    def holds(document: Document) -> bool:
        waiting = status_of(document).get("state", {}).get("waiting", {})
        said = f"back-off {seconds}s restarting failed container=main pod="
        return restarts(document) == count and waiting.get("message", "").startswith(said)

    return holds


# --- L04 ---


def test_L04_back_off_grows_to_its_cap_and_outlives_the_daemon(
    new_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = new_daemon("--backoff-base", "1", "--backoff-max", "2").start()
    daemon.write(text(crashing("l04", tmp_path)))
    # The first restart is at once: nothing is held back before it.
    first = daemon.wait_pod("l04", lambda p: waiting_reason(p) == "CrashLoopBackOff")
    assert waits(1, 1)(first)
    daemon.wait_pod("l04", waits(2, 2))
    daemon.kill()
    daemon.start()
    assert restarts(daemon.wait_pod("l04", lambda p: restarts(p) > 0)) in (2, 3)
    daemon.wait_pod("l04", waits(3, 2))
    noted = gaps(tmp_path / "l04")
    assert len(noted) == 3
    assert noted[1] >= 1.0
    assert noted[2] >= 2.0
    told = daemon.wait_event("l04", "BackOff")
    assert told["message"] == f"Back-off restarting failed container main in pod {_whose(first)}"
    message = status_of(first)["state"]["waiting"]["message"]
    assert message == f"back-off 1s restarting failed container=main pod={_whose(first)}"


def _whose(document: Document) -> str:
    meta = document["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


def test_L04_an_edit_ends_the_back_off_at_once(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon("--backoff-base", "600", "--backoff-max", "600").start()
    daemon.write(text(crashing("l04-edit", tmp_path)))
    daemon.wait_pod("l04-edit", lambda p: waiting_reason(p) == "CrashLoopBackOff")
    edited = crashing("l04-edit", tmp_path, "sleep 0.1; exit 2")
    daemon.write(text(edited))
    # And the history is forgotten: the next restart is at once again, and then comes the first step of the back-off.
    again = daemon.wait_pod("l04-edit", lambda p: restarts(p) == 3 and waiting_reason(p) == "CrashLoopBackOff")
    assert status_of(again)["lastState"]["terminated"]["exitCode"] == 2
    daemon.write(text(crashing("l04-edit", tmp_path, FOR_EVER)))
    daemon.wait_pod("l04-edit", lambda p: restarts(p) == 4 and is_ready(p))


# --- L05 ---


def test_L05_restarts_are_counted_and_the_last_dead_ones_log_is_there(own_daemon: Daemon) -> None:
    own_daemon.write(text(counting("l05", f"[ $n -lt 3 ] && exit 1; {FOR_EVER}")))
    own_daemon.wait_pod("l05", lambda p: restarts(p) == 2 and is_ready(p))
    own_daemon.wait_log("l05", "run 3")
    assert own_daemon.logs("l05", "--previous") == "run 2\n"
    for end in (own_daemon.stop, own_daemon.kill):
        before = own_daemon.life("l05")
        end()
        own_daemon.start()
        assert restarts(own_daemon.wait_ready("l05")) == 2
        assert own_daemon.life("l05") == before
        assert own_daemon.logs("l05") == "run 3\n"
        assert own_daemon.logs("l05", "-p") == "run 2\n"
    assert own_daemon.cli("get", "pod", "l05", "--no-headers").split()[3] == "2"


def test_L05_a_death_without_a_daemon_counts_too(own_daemon: Daemon) -> None:
    own_daemon.write(text(counting("l05-alone", FOR_EVER)))
    own_daemon.wait_ready("l05-alone")
    main = own_daemon.engine_id("l05-alone", "main")
    own_daemon.kill()
    docker("kill", main)
    own_daemon.start()
    again = own_daemon.wait_pod("l05-alone", lambda p: restarts(p) == 1 and is_ready(p))
    assert status_of(again)["lastState"]["terminated"]["exitCode"] == 137
    own_daemon.wait_log("l05-alone", "run 2")
    assert own_daemon.logs("l05-alone", "-p") == "run 1\n"


def test_L05_only_the_last_dead_container_is_kept(daemon: Daemon) -> None:
    daemon.write(text(counting("l05-few", f"[ $n -lt 4 ] && exit 1; {FOR_EVER}")))
    daemon.wait_pod("l05-few", lambda p: restarts(p) == 3 and is_ready(p))
    daemon.wait_containers(lambda all_: sum(not one["State"]["Running"] for one in all_) == 1, "l05-few")
    assert daemon.logs("l05-few", "-p") == "run 3\n"


# --- L08 ---


def test_L08_a_slow_hook_or_image_delays_no_other_container(daemon: Daemon) -> None:
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.05; done"]}}}
    slow = container(FOR_EVER, "a-slow", lifecycle=hook)
    absent = container(FOR_EVER, "b-absent", image=NO_REGISTRY)
    fast = container(FOR_EVER, "c-fast")
    daemon.write(text(pod("l08", slow, absent, fast)))
    seen = daemon.wait_pod("l08", lambda p: status_of(p, "c-fast").get("ready", False))
    assert waiting_reason(seen, "a-slow") == "ContainerCreating"
    daemon.wait_pod("l08", lambda p: waiting_reason(p, "b-absent") == "ErrImagePull")
    daemon.exec("l08", "touch", "/tmp/go", container="a-slow")
    daemon.wait_pod("l08", lambda p: status_of(p, "a-slow").get("ready", False))


def test_L08_containers_of_a_pod_start_side_by_side(daemon: Daemon) -> None:
    # Each waits until all the others run: one after another they would never get there.
    names = ["one", "two", "three"]
    meets = f"touch /met/$ME; for name in {' '.join(names)}; do until [ -e /met/$name ]; do sleep 0.05; done; done"
    hook = {"postStart": {"exec": {"command": ["sh", "-c", meets]}}}
    fields: Document = {"volumeMounts": [{"name": "met", "mountPath": "/met"}], "lifecycle": hook}
    made = [container(FOR_EVER, name, env=[{"name": "ME", "value": name}], **fields) for name in names]
    daemon.write(text(pod("l08-meet", *made, volumes=[{"name": "met", "emptyDir": {}}])))
    daemon.wait_ready("l08-meet")


# --- L14 ---


@pytest.mark.parametrize("blow", ["kill", "rm -f"])
def test_L14_a_pod_whose_sandbox_is_gone_is_made_anew(daemon: Daemon, blow: str) -> None:
    name = f"l14-{blow.partition(' ')[0]}"
    daemon.write(text(pod(name, FOR_EVER)))
    uid = daemon.wait_ready(name)["metadata"]["uid"]
    before = daemon.life(name)
    docker(*blow.split(), daemon.engine_id(name, "POD"))
    told = daemon.wait_event(name, "SandboxChanged")
    assert told["message"] == "Pod sandbox changed, it will be killed and re-created."
    again = daemon.wait_pod(name, lambda p: restarts(p) == 1 and is_ready(p))
    assert again["metadata"]["uid"] == uid
    assert again["status"]["phase"] == "Running"
    after = daemon.life(name)
    assert after.keys() == before.keys()
    assert all(after[key] != before[key] for key in before)
    assert daemon.exec(name, "hostname") == f"{name}\n"


def test_L14_a_removed_container_is_made_again(daemon: Daemon) -> None:
    daemon.write(text(counting("l14-removed", FOR_EVER)))
    daemon.wait_ready("l14-removed")
    sandbox = daemon.engine_id("l14-removed", "POD")
    docker("rm", "-f", daemon.engine_id("l14-removed", "main"))
    daemon.wait_pod("l14-removed", lambda p: restarts(p) == 1 and is_ready(p))
    daemon.wait_log("l14-removed", "run 2")
    assert daemon.engine_id("l14-removed", "POD") == sandbox


@pytest.mark.parametrize(("blow", "code"), [("pause", 137), ("stop", 0), ("kill", 137)])
def test_L14_what_the_docker_client_does_is_an_exit(daemon: Daemon, blow: str, code: int) -> None:
    name = f"l14-{blow}-main"
    daemon.write(text(counting(name, FOR_EVER)))
    daemon.wait_ready(name)
    daemon.wait_log(name, "run 1")
    docker(blow, daemon.engine_id(name, "main"))
    again = daemon.wait_pod(name, lambda p: restarts(p) == 1 and is_ready(p))
    assert status_of(again)["lastState"]["terminated"]["exitCode"] == code
    assert daemon.logs(name, "-p") == "run 1\n"


def test_L14_what_is_started_again_or_cut_off_from_outside_is_made_anew_and_runs_once(daemon: Daemon) -> None:
    names = ("l14-again", "l14-older", "l14-box", "l14-cut")
    daemon.write(text(*(counting(name, FOR_EVER) for name in names)))
    for name in names:
        daemon.wait_ready(name)
        daemon.wait_log(name, "run 1")
    first = {name: daemon.engine_id(name, "main") for name in names}
    boxes = {name: daemon.engine_id(name, "POD") for name in names}
    address = daemon.pod("l14-cut")["status"]["podIP"]

    docker("restart", "-t", "1", first["l14-again"])
    docker("kill", first["l14-older"])
    daemon.wait_pod("l14-older", lambda p: restarts(p) == 1 and is_ready(p))
    docker("start", first["l14-older"])
    docker("restart", "-t", "1", boxes["l14-box"])
    network = docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", boxes["l14-cut"])
    docker("network", "disconnect", network, boxes["l14-cut"])

    for name in names:
        daemon.wait_pod(name, lambda p: restarts(p) == 1 and is_ready(p))
        docker("wait", first[name])
        assert daemon.engine_id(name, "main") != first[name]
        assert (daemon.engine_id(name, "POD") == boxes[name]) is (name in ("l14-again", "l14-older"))
    assert daemon.exec("l14-cut", "hostname", "-i").strip() == daemon.pod("l14-cut")["status"]["podIP"]
    assert address


def test_L14_an_exit_from_outside_follows_the_restart_policy(daemon: Daemon) -> None:
    daemon.write(text(pod("l14-never", FOR_EVER, restartPolicy="Never")))
    daemon.wait_ready("l14-never")
    docker("pause", daemon.engine_id("l14-never", "main"))
    over = daemon.wait_pod("l14-never", lambda p: p["status"]["phase"] == "Failed")
    assert status_of(over)["state"]["terminated"]["exitCode"] == 137


def test_L14_a_pod_that_is_over_stays_so_without_its_containers(daemon: Daemon) -> None:
    daemon.write(text(pod("l14-over", "exit 0", restartPolicy="Never")))
    over = daemon.wait_pod("l14-over", lambda p: p["status"]["phase"] == "Succeeded")
    docker("rm", "-f", status_of(over)["containerID"].removeprefix("docker://"))
    # Another pod's whole start gives the daemon all the time that it needs to do the wrong thing.
    daemon.write(text(pod("l14-after", FOR_EVER)), "after.yaml")
    daemon.wait_ready("l14-after")
    assert daemon.pod("l14-over")["status"]["phase"] == "Succeeded"
    assert daemon.life("l14-over") == {}
