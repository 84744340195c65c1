"""Cases P07-P09: probes wait for nobody, stop when they have nothing to decide, and say what they saw."""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.notes import STAYS, noted, noting, noting_pod, sh, wait_noted
from tests.e2e.pod_status import condition, is_ready, restarts, status_of
from tests.e2e.pods import container, pod, text

pytestmark = pytest.mark.races

SLOW = {**sh("sleep 1000"), "timeoutSeconds": 1000, "periodSeconds": 1}


def test_P07_a_probe_that_hangs_delays_nobody(daemon: Daemon) -> None:
    """Thirty of them hang; the others of their pod, of their container, and of another pod go on."""
    hangs = [container("exec sleep 1000", f"slow{number}", readinessProbe=SLOW) for number in range(15)]
    quick = {**sh("echo run >>/tmp/runs"), "periodSeconds": 1}
    both = container("exec sleep 1000", "both", readinessProbe=quick, livenessProbe=SLOW)
    daemon.write(
        text(pod("p07-many", *hangs, both), pod("p07-other", container("exec sleep 1000", readinessProbe=quick)))
    )
    seen = daemon.wait_pod("p07-many", lambda p: bool(status_of(p, "both").get("ready")))
    daemon.wait_ready("p07-other")
    wait = "until [ $(wc -l </tmp/runs) -ge 3 ]; do sleep 0.05; done"
    daemon.exec("p07-many", "sh", "-c", wait, container="both")
    daemon.exec("p07-other", "sh", "-c", wait)
    assert not any(status_of(seen, one["name"])["ready"] for one in hangs)
    assert not is_ready(daemon.pod("p07-many"))


def test_P08_while_terminating_readiness_goes_on_and_liveness_stops(daemon: Daemon, tmp_path: Path) -> None:
    hook = "echo hook >>/out/log; until test -e /out/go; do sleep 0.05; done"
    main = noting(
        "main",
        STAYS,
        lifecycle={"preStop": sh(hook)},
        readinessProbe={**sh("echo ready >>/out/ready; ! test -e /out/ill"), "periodSeconds": 1, "failureThreshold": 1},
        livenessProbe={**sh("echo alive >>/out/alive; ! test -e /out/ill"), "periodSeconds": 1, "failureThreshold": 1},
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "p08"},
        "spec": {"selector": {"app": "p08"}, "ports": [{"port": 80}], "publishNotReadyAddresses": False},
    }
    document = noting_pod("p08", tmp_path, main)
    document["metadata"]["labels"] = {"app": "p08"}
    daemon.write(text(service), "service.yaml")
    daemon.write(text(document))
    daemon.wait_ready("p08")
    wait_noted(tmp_path, lambda _: (tmp_path / "alive").exists())
    daemon.remove()
    wait_noted(tmp_path, lambda lines: "hook" in lines)
    alive = len((tmp_path / "alive").read_text().split())
    assert condition(daemon.pod("p08"), "Ready") == "True"
    (tmp_path / "ill").touch()
    seen = daemon.wait_pod("p08", lambda p: not is_ready(p))
    assert "deletionTimestamp" in seen["metadata"]
    ready = len((tmp_path / "ready").read_text().split())
    daemon.wait_for(
        "events",
        next(e for e in daemon.events("p08", "Unhealthy"))["metadata"]["name"],
        lambda event: event["count"] >= 3,
    )
    assert len((tmp_path / "ready").read_text().split()) >= ready + 2
    # One may have been under way when the stop began.
    assert len((tmp_path / "alive").read_text().split()) <= alive + 1
    told = [event["message"] for event in daemon.events("p08", "Unhealthy")]
    assert all(message.startswith("Readiness probe failed") for message in told)
    assert restarts(daemon.pod("p08")) == 0
    (tmp_path / "go").touch()
    daemon.wait_gone("p08")
    assert noted(tmp_path) == ["main begin", "hook", "main term"]


def test_P08_a_startup_probe_stops_too(daemon: Daemon, tmp_path: Path) -> None:
    hook = "echo hook >>/out/log; until test -e /out/go; do sleep 0.05; done"
    probe = {**sh("echo startup >>/out/startup; false"), "periodSeconds": 1, "failureThreshold": 1000}
    main = noting("main", STAYS, lifecycle={"preStop": sh(hook)}, startupProbe=probe)
    witness = noting("witness", STAYS, readinessProbe={**sh("echo ready >>/out/ready"), "periodSeconds": 1})
    witness["lifecycle"] = {"preStop": sh("until test -e /out/go; do sleep 0.05; done")}
    daemon.write(text(noting_pod("p08-startup", tmp_path, main, witness)))
    daemon.wait_event("p08-startup", "Unhealthy", text="Startup")
    daemon.remove()
    wait_noted(tmp_path, lambda lines: "hook" in lines)
    before = {name: len((tmp_path / name).read_text().split()) for name in ("startup", "ready")}
    daemon.exec(
        "p08-startup",
        *("sh", "-c", f"until [ $(wc -l </out/ready) -ge {before['ready'] + 3} ]; do sleep 0.05; done"),
        container="witness",
    )
    assert len((tmp_path / "startup").read_text().split()) <= before["startup"] + 1
    (tmp_path / "go").touch()
    daemon.wait_gone("p08-startup")


def test_P09_the_last_10_KB_of_the_output_are_in_the_event(daemon: Daemon) -> None:
    script = "echo the beginning; head -c 20000 /dev/zero | tr '\\0' x; echo the end; false"
    quiet: Document = {"env": [{"name": "PASSWORD", "value": "p09-not-to-be-told"}]}
    daemon.write(text(pod("p09", container("exec sleep 1000", readinessProbe=sh(script), **quiet))))
    event = daemon.wait_event("p09", "Unhealthy")
    assert event["message"] == "Readiness probe failed: " + "x" * (10 * 1024 - 8) + "the end\n"
    assert "the end" in daemon.cli("describe", "pod", "p09")
    # Values of variables come from the spec, which whoever asks for it is shown; nothing else tells them.
    told = daemon.cli("events", "-o", "json") + daemon.cli("describe", "pod", "p09").split("Events:")[1]
    assert "p09-not-to-be-told" not in told
    assert "p09-not-to-be-told" not in daemon.log.read_text()


def test_P03_commands_leave_nothing_in_the_engine_and_in_the_daemon(daemon: Daemon) -> None:
    """Some succeed, some fail, some take too long: after ten rounds there is no more of anything than after three."""
    scripts = {"works": "true", "fails": "false", "hangs": "sleep 7773"}
    made = [
        container(
            "exec sleep 1000",
            name,
            readinessProbe={**sh(f"echo run >>/tmp/runs; {script}"), "periodSeconds": 1},
            livenessProbe={**sh(script), "periodSeconds": 1, "failureThreshold": 1000},
        )
        for name, script in scripts.items()
    ]
    daemon.write(text(pod("p03-rounds", *made)))

    def after(rounds: int) -> tuple[int, int, int]:
        """Files of the daemon, its threads, and commands that the engine knows, once so many have run."""
        assert daemon.process
        wait = f"until [ $(cat /tmp/runs 2>/dev/null | wc -l) -ge {rounds} ]; do sleep 0.05; done"
        daemon.wait_pod(
            "p03-rounds", lambda p: all("running" in status_of(p, name).get("state", {}) for name in scripts)
        )
        for name in scripts:
            daemon.exec("p03-rounds", "sh", "-c", wait, container=name)
        own = Path(f"/proc/{daemon.process.pid}")
        commands = sum(len(one["ExecIDs"] or ()) for one in daemon.containers("p03-rounds"))
        return len(list((own / "fd").iterdir())), len(list((own / "task").iterdir())), commands

    files, threads, _ = after(3)
    files_now, threads_now, commands = after(10)
    # Each of the six probes may have one under way at either moment, with a connection or two.
    assert files_now <= files + 12
    assert threads_now <= threads + 6
    assert commands <= 6
    processes = daemon.exec("p03-rounds", "ps", "-o", "args", container="hangs")
    assert processes.count("sleep 7773") <= 4, "two probes, each a shell and its child"
