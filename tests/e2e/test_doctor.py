"""`orchestrator doctor` on this host: with a daemon and without, and what others left."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable

from orchestrator.services.nft import table_name
from tests.e2e.daemon import SECONDS, Daemon, Document
from tests.e2e.host import admitted, docker


def examined(daemon: Daemon, *more: str) -> tuple[int, list[Document]]:
    """Examine the daemon, or the place where it would be; gives exit code and findings."""
    folders = ("--state-dir", str(daemon.home / "state"), "--run-dir", str(daemon.home / "run"))
    done = daemon.run_cli("doctor", *folders, "--instance", daemon.instance, "--pool", daemon.pool, "-o", "json", *more)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def of(findings: list[Document], check: str, level: str = "") -> list[Document]:
    return [found for found in findings if found["check"] == check and level in ("", found["level"])]


def test_doctor_without_a_daemon_and_with_one(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    code, before = examined(daemon, str(daemon.specs))
    assert code == 0, before
    (none,) = of(before, "daemon")
    assert (none["level"], none["mend"]) == ("warning", "orchestrator run SPECS")
    assert "Docker" in of(before, "engine")[0]["found"]
    assert {"engine's disk", "state folder", "kernel", "inotify", "rights", "addresses"} <= {
        each["check"] for each in before
    }
    assert not (daemon.home / "state").exists(), "an examination changes nothing"

    daemon.write("{apiVersion: v1, kind: ConfigMap, metadata: {name: known}}")
    daemon.start()
    # The daemon says itself where its folders are.
    code, findings = examined(daemon)
    told = daemon.client.get("/orchestrator/v1/doctor")
    assert (told["pid"], told["instance"]) == (daemon.process and daemon.process.pid, daemon.instance)
    assert f"(pid {told['pid']}) answers at {daemon.socket}" in of(findings, "daemon", "ok")[0]["found"]
    assert of(findings, "secrets", "ok")
    assert of(findings, "services") == [each for each in told["findings"] if each["check"] == "services"]
    if os.geteuid() == 0 and shutil.which("nft"):
        assert "the kernel carries them" in of(findings, "services", "ok")[0]["found"]

    # A wrong spec is told, with what says it all; the socket for everybody is an error, and mended as it is said.
    daemon.write("{apiVersion: v1, kind: ConfigMap, metadata: {name: known}, dta: {}}")
    daemon.wait_problem('unknown field "dta"')
    daemon.socket.chmod(0o666)
    code, findings = examined(daemon)
    assert code == 1
    assert of(findings, "specs")[0]["mend"] == f"orchestrator validate {daemon.specs}"
    (wide,) = of(findings, "socket", "error")
    troubles = [each for each in findings if each["level"] != "ok"]
    assert {"socket", "specs"} <= {each["check"] for each in troubles}
    assert all(each["mend"] for each in troubles), troubles
    assert findings.index(wide) < findings.index(of(findings, "specs")[0])
    subprocess.run(wide["mend"].removeprefix("sudo "), shell=True, check=True)
    daemon.write("{apiVersion: v1, kind: ConfigMap, metadata: {name: known}}")
    daemon.wait_problem("")
    code, findings = examined(daemon)
    assert (code, of(findings, "specs")) == (0, [])

    text = daemon.cli("doctor")
    assert "\x1b" not in text
    assert any(line.startswith("ok ") for line in text.splitlines())


def test_doctor_says_that_services_are_served_by_name(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon("--service-mode", "names").start()
    _, findings = examined(daemon)
    (found,) = of(findings, "services")
    assert found["found"] == "they are served by name alone: --service-mode names asks for it"


def test_doctor_says_why_the_engine_does_not_answer(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    code, findings = examined(daemon, "--engine-url", f"unix://{daemon.home}/none.sock")
    (found,) = of(findings, "engine")
    assert (code, found["level"], found["mend"].split(" &&")[0]) == (1, "error", "sudo apt install docker.io")
    assert "there is no such socket" in found["found"]
    assert findings[0] == found
    assert daemon.run_cli("doctor", "--nonsense").returncode == 2


def test_doctor_tells_of_what_an_instance_without_a_daemon_left_and_the_mend_takes_it_away(
    new_daemon: Callable[..., Daemon],
) -> None:
    gone, other = new_daemon().start(), new_daemon()
    gone.write(
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: left, labels: {app: left}}
        spec:
          terminationGracePeriodSeconds: 0
          containers: [{name: main, image: IMAGE, command: [sleep, "600"]}]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: left}
        spec: {type: NodePort, selector: {app: left}, ports: [{port: 80}]}
        """
    )
    gone.wait_ready("left")
    assert f"instance {gone.instance} " not in str(examined(other)[1]), "its daemon runs"
    in_kernel = of(examined(gone)[1], "services")[0]["found"].startswith("the kernel")
    deadline = time.monotonic() + SECONDS
    while in_kernel and shutil.which("iptables") and not admitted(gone.instance):
        assert time.monotonic() < deadline, gone.tail()
    gone.kill()
    code, findings = examined(other)
    words = f"instance {gone.instance} has 2 containers that run, 1 network, and no daemon"
    told = [found for found in of(findings, "left-overs") if found["found"].startswith(words)]
    assert (code, told[0]["level"]) == (0, "warning")
    own = of(examined(gone)[1], "daemon")[0]
    assert "1 of its pods go on without it" in own["found"]

    done = subprocess.run(told[0]["mend"].replace("sudo ", ""), shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not docker("ps", "-aq", "--filter", f"label=orchestrator.dev/instance={gone.instance}")
    if shutil.which("nft"):
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True).stdout
        assert table_name(gone.instance) not in tables.split()
    assert admitted(gone.instance) == []
    assert not [
        found for found in examined(other)[1] if gone.instance in found["found"] and found["check"] == "left-overs"
    ]
