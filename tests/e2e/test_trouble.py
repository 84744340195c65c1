"""What trouble gets: one sentence and exit code 1 at start, a warning and another try afterwards."""

import os
import re
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.front import EngineInFront
from tests.e2e.host import docker
from tests.e2e.pod_status import restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What a start that failed said; checks that it is one line of the user's language."""
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("orchestrator: ")]
    assert "Traceback" not in done.stderr
    return line


# --- at start ---


def test_D07_signals_are_heard_while_it_waits_for_a_silent_engine(
    new_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = new_daemon()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        silent.settimeout(SECONDS)
        daemon.launch("--engine-url", f"unix://{tmp_path}/silent.sock")
        with silent.accept()[0]:
            assert daemon.process
            # A service manager takes a daemon that SIGHUP has killed for one that has ended in order.
            daemon.process.send_signal(signal.SIGHUP)
            assert daemon.stop() == 0
    assert "ended before it was running" in daemon.log.read_text()


def test_no_engine_is_one_sentence(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon()
    url = f"unix://{tmp_path}/nothing.sock"
    assert one_sentence(daemon.run_to_end("--engine-url", url)) == (
        f"orchestrator: cannot reach the Docker Engine at {url}: there is no such socket; "
        "is the Docker Engine installed and started?"
    )


def test_an_engine_that_does_not_listen_is_one_sentence(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    line = one_sentence(daemon.run_to_end("--engine-url", f"unix://{tmp_path}/dead.sock"))
    assert line.endswith("nobody listens there; is the Docker Engine started?")


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="setpriv takes root's rights away")
def test_no_rights_on_the_engines_socket_is_one_sentence(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon()
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(tmp_path / "closed.sock"))
        closed.listen()
        (tmp_path / "closed.sock").chmod(0)
        powerless = ("setpriv", "--bounding-set=-dac_override", "--") if os.geteuid() == 0 else ()
        command = [*powerless, *daemon.command("--engine-url", f"unix://{tmp_path}/closed.sock")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    line = one_sentence(done)
    assert line.endswith("permission denied; run as root or as a member of the socket's group (docker)")


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("nonsense", "give one such as --pool 10.201.0.0/16"),
        ("10.0.0.0/24", "it must be a /22 or larger"),
        ("10.201.0.1/16", "has host bits set"),
    ],
)
def test_a_bad_pool_is_one_sentence(new_daemon: Callable[..., Daemon], pool: str, words: str) -> None:
    line = one_sentence(new_daemon().run_to_end("--pool", pool))
    assert line.startswith(f'orchestrator: cannot use the network pool "{pool}": ')
    assert words in line


def test_a_pool_that_collides_is_one_sentence(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.write(text(pod("collides", FOR_EVER)))
    taken = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    pool = taken.rpartition(".")[0] + ".0/22"
    line = one_sentence(daemon.run_to_end("--pool", pool))
    assert f"all of {pool} is used by the host or the engine; choose another range with --pool" in line
    assert daemon.containers() == []


def test_D09_a_state_folder_in_use_is_one_sentence_that_names_the_daemon(own_daemon: Daemon) -> None:
    assert own_daemon.process
    line = one_sentence(own_daemon.run_to_end())
    pid, state = own_daemon.process.pid, own_daemon.home / "state"
    assert line == (
        f"orchestrator: cannot start: a daemon (pid {pid}) uses {state} already; "
        "give this one a --state-dir, --run-dir and --instance of its own"
    )
    # The first one does not notice.
    own_daemon.write(text(config_map("unnoticed")))
    own_daemon.wait_for("configmaps", "unnoticed", lambda _: True)


def test_D09_an_instance_in_use_is_one_sentence_that_names_the_daemon(
    own_daemon: Daemon, new_daemon: Callable[..., Daemon]
) -> None:
    """Other folders are not enough: two daemons of one instance would end each other's pods."""
    own_daemon.write(text(pod("twice", FOR_EVER)))
    own_daemon.wait_ready("twice")
    before, other = own_daemon.life(), new_daemon()
    other.instance = own_daemon.instance
    assert own_daemon.process
    assert one_sentence(other.run_to_end()) == (
        f'orchestrator: cannot start: a daemon (pid {own_daemon.process.pid}) runs instance "{other.instance}" '
        "on this engine already; give this one an --instance of its own"
    )
    assert own_daemon.life() == before
    other.instance += "-other"


def test_folders_that_cannot_be_made_are_one_sentence(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    place = daemon.home / "file" / "state"
    place.parent.write_text("")
    line = one_sentence(daemon.run_to_end("--state-dir", str(place)))
    assert (
        line == f"orchestrator: cannot use {place}: not a directory; name other folders with --state-dir and --run-dir"
    )


def test_specs_that_are_not_there_are_told_in_two_lines(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.specs.rmdir()
    done = daemon.run_to_end()
    daemon.specs.mkdir()
    assert done.returncode == 1
    missing, nothing_done = done.stderr.splitlines()
    assert missing == f"{daemon.specs}:1:1: no such file or folder"
    assert nothing_done == "orchestrator: cannot start: the specs have errors; nothing was touched"


# --- afterwards ---


def test_a_taken_port_is_told_and_tried_again(daemon: Daemon) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        ports = [{"containerPort": 80, "hostPort": port, "hostIP": "127.0.0.1"}]
        daemon.write(text(pod("port", container(FOR_EVER, ports=ports)), pod("port-other", FOR_EVER)))
        told = daemon.wait_event("port", "FailedCreatePodSandBox")
        assert told["type"] == "Warning"
        assert told["message"] == (
            f"Failed to create pod sandbox: host port 127.0.0.1:{port} is in use by a process of this host: "
            "end that, or choose another hostPort"
        )
        assert daemon.pod("port")["status"]["phase"] == "Pending"
        assert waiting_reason(daemon.pod("port")) == "ContainerCreating"
        daemon.wait_ready("port-other")
    daemon.wait_ready("port")
    assert [one["State"]["Status"] for one in daemon.containers("port")] == ["running", "running"]


def test_N06_of_two_pods_that_want_one_port_the_second_waits_and_names_the_first(daemon: Daemon) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    ports = [{"containerPort": 80, "hostPort": port, "hostIP": "127.0.0.1"}]
    daemon.write(text(pod("port-first", container(FOR_EVER, ports=ports))), "first.yaml")
    daemon.wait_ready("port-first")
    daemon.write(text(pod("port-second", container(FOR_EVER, ports=ports))), "second.yaml")
    told = daemon.wait_event("port-second", "FailedScheduling")
    assert f"hostPort {port}/TCP belongs to pod default/port-first" in told["message"]
    waits = daemon.pod("port-second")["status"]
    assert waits["phase"] == "Pending"
    assert [(c["type"], c["status"], c["reason"]) for c in waits["conditions"]] == [
        ("PodScheduled", "False", "Unschedulable")
    ]
    assert daemon.containers("port-second") == []
    daemon.remove("first.yaml")
    daemon.wait_ready("port-second")


def test_an_image_that_cannot_be_had_is_named_and_harms_no_other(daemon: Daemon) -> None:
    # A name of this test's own: at last it is given an image, on an engine that others use too.
    image = f"127.0.0.1:1/nobody/{uuid.uuid4().hex}:1"
    good, absent = container(FOR_EVER, "good"), container(FOR_EVER, "absent", image=image)
    daemon.write(text(pod("absent", good, absent), pod("absent-other", FOR_EVER)))
    daemon.wait_ready("absent-other")
    daemon.wait_pod("absent", lambda p: status_of(p, "good").get("ready", False))
    told = daemon.wait_event("absent", "Failed", text="Failed to pull image")
    assert image in told["message"]
    waiting = daemon.wait_pod("absent", lambda p: waiting_reason(p, "absent") == "ImagePullBackOff")
    assert image in status_of(waiting, "absent")["state"]["waiting"]["message"]
    assert image in daemon.cli("describe", "pod", "absent")
    docker("tag", daemon.image, image)
    try:
        daemon.wait_ready("absent")
    finally:
        docker("rmi", image)


def test_D03_an_engine_that_goes_and_comes_back_disturbs_nothing(
    front: EngineInFront, new_daemon: Callable[..., Daemon]
) -> None:
    daemon = new_daemon("--engine-url", front.url).start()
    daemon.write(text(pod("away-same", FOR_EVER)), "same.yaml")
    daemon.write(text(pod("away-dies", FOR_EVER)), "dies.yaml")
    for name in ("away-same", "away-dies"):
        daemon.wait_ready(name)
    before = daemon.life("away-same")
    victim = daemon.engine_id("away-dies", "main")

    front.go()
    # What happens now is seen by nobody; the API goes on answering.
    docker("kill", victim)
    daemon.write(text(pod("away-new", FOR_EVER)), "new.yaml")
    daemon.wait_pod("away-new", lambda p: p["status"]["phase"] == "Pending")
    daemon.wait_engine_error("cannot reach the Docker Engine")
    assert "waiting for it" in daemon.log.read_text()
    assert re.search(
        r"^Why: +cannot reach the Docker Engine .*before$", daemon.cli("describe", "pod", "away-new"), re.M
    )

    front.come()
    daemon.wait_ready("away-new")
    again = daemon.wait_pod("away-dies", lambda p: restarts(p) == 1)
    assert status_of(again)["lastState"]["terminated"]["exitCode"] == 137
    daemon.wait_ready("away-dies")
    daemon.wait_engine_error("")
    assert daemon.life("away-same") == before
    assert restarts(daemon.wait_ready("away-same")) == 0
    assert "Traceback" not in daemon.log.read_text()


def test_D03_a_daemon_can_stop_while_the_engine_is_away(
    front: EngineInFront, new_daemon: Callable[..., Daemon]
) -> None:
    daemon = new_daemon("--engine-url", front.url).start()
    daemon.write(text(pod("away-stop", FOR_EVER)))
    daemon.wait_ready("away-stop")
    before = daemon.life()
    front.go()
    assert daemon.stop() == 0
    assert daemon.life() == before
    front.come()
    daemon.start()
    assert restarts(daemon.wait_ready("away-stop")) == 0
    assert daemon.life() == before
