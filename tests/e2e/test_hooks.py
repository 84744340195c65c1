"""postStart and preStop hooks (H01-H04).  Each container writes down what happens to it, in a folder that stays."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import __version__
from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.e2e.web import Site, serving

pytestmark = pytest.mark.races

WRITES_TERM = "trap 'echo term >>/out/log; exit 0' TERM; while :; do sleep 1000 & wait; done"


def sh(script: str) -> Document:
    """A handler that runs a script."""
    return {"exec": {"command": ["sh", "-c", script]}}


def noting(out: Path, script: str, name: str = "main", **fields: Any) -> Document:
    """A container that may write to /out."""
    assert out.is_dir()
    return container(script, name, volumeMounts=[{"name": "out", "mountPath": "/out"}], **fields)


def noting_pod(name: str, out: Path, *containers: Document, **spec: Any) -> Document:
    """A pod whose containers' /out is a folder of the test."""
    spec = {"terminationGracePeriodSeconds": 5, **spec}
    return pod(name, *containers, volumes=[{"name": "out", "hostPath": {"path": str(out)}}], **spec)


def noted(out: Path) -> list[str]:
    """What was written down so far."""
    log = out / "log"
    return log.read_text().splitlines() if log.exists() else []


def messages(daemon: Daemon, name: str, reason: str) -> list[str]:
    """The messages of a pod's Events of one reason."""
    return [event["message"] for event in daemon.events(name, reason)]


# --- H01: postStart ---


def test_H01_post_start_runs_beside_the_entrypoint(daemon: Daemon) -> None:
    """Each waits for a sign of the other: one after the other, they would never end."""
    main = container(
        "touch /tmp/main; until test -f /tmp/hook; do sleep 0.05; done; echo met; exec sleep 1000",
        lifecycle={"postStart": sh("until test -f /tmp/main; do sleep 0.05; done; touch /tmp/hook")},
    )
    daemon.write(text(pod("h01-beside", main)))
    daemon.wait_ready("h01-beside")
    daemon.wait_log("h01-beside", "met")


def test_H01_it_is_not_running_until_post_start_has_ended(daemon: Daemon) -> None:
    """Nor do its probes run; its process does."""
    main = container(
        "echo here I am; exec sleep 1000",
        "main",
        lifecycle={"postStart": sh("until test -f /tmp/go; do sleep 0.05; done")},
        startupProbe={**sh("touch /tmp/probed"), "periodSeconds": 1},
    )
    daemon.write(text(pod("h01-waits", main, container("exec sleep 1000", "beside"))))
    daemon.wait_pod("h01-waits", lambda pod: "running" in status_of(pod, "beside").get("state", {}))
    daemon.wait_log("h01-waits", "here I am", "main")
    seen = daemon.pod("h01-waits")
    assert waiting_reason(seen, "main") == "ContainerCreating"
    assert not status_of(seen, "main")["started"]
    assert not is_ready(seen)
    daemon.exec("h01-waits", "test", "!", "-e", "/tmp/probed", container="main")
    daemon.exec("h01-waits", "touch", "/tmp/go", container="main")
    daemon.wait_ready("h01-waits")


def test_H01_post_start_by_http(daemon: Daemon) -> None:
    site = Site({"/hello?from=hook": (200, {})})
    with serving(site):
        headers = [{"name": "X-Hook", "value": "yes"}]
        get = {"host": "127.0.0.1", "port": site.port, "path": "/hello?from=hook", "httpHeaders": headers}
        daemon.write(text(pod("h01-http", container("exec sleep 1000", lifecycle={"postStart": {"httpGet": get}}))))
        daemon.wait_ready("h01-http")
    assert site.count("/hello?from=hook") == 1
    assert site.headers("/hello?from=hook")["x-hook"] == "yes"
    assert site.headers("/hello?from=hook")["user-agent"] == f"kube-lifecycle/{__version__}"


def test_H01_post_start_by_http_to_the_container_itself(daemon: Daemon) -> None:
    """Its own server answers, by the port's name."""
    main = container(
        "mkdir /tmp/www; echo yes >/tmp/www/warm; exec httpd -f -vv -p 8080 -h /tmp/www",
        ports=[{"name": "web", "containerPort": 8080}],
        lifecycle={"postStart": {"httpGet": {"port": "web", "path": "/warm"}}},
    )
    # The hook comes at once, and may find nobody there yet: then the container starts again, as in Kubernetes.
    daemon.write(text(pod("h01-self", main)))
    daemon.wait_ready("h01-self")
    daemon.wait_log("h01-self", "url:/warm")


@contextlib.contextmanager
def accepting() -> Iterator[tuple[int, threading.Event]]:
    """A port of 127.0.0.1, and whether someone came."""
    came = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def wait() -> None:
            connection, _ = server.accept()
            connection.close()
            came.set()

        thread = threading.Thread(target=wait)
        thread.start()
        yield server.getsockname()[1], came
        thread.join()


def test_H01_post_start_by_tcp_and_sleep(daemon: Daemon) -> None:
    with accepting() as (port, came):
        dials = container(
            "exec sleep 1000", "dials", lifecycle={"postStart": {"tcpSocket": {"host": "127.0.0.1", "port": port}}}
        )
        sleeps = container("exec sleep 1000", "sleeps", lifecycle={"postStart": {"sleep": {"seconds": 1}}})
        daemon.write(text(pod("h01-more", dials, sleeps, terminationGracePeriodSeconds=2)))
        seen = daemon.wait_pod("h01-more", lambda pod: bool(status_of(pod, "dials").get("ready")))
        assert came.wait(60)
    assert waiting_reason(seen, "sleeps") in ("ContainerCreating", "")
    daemon.wait_ready("h01-more")


# --- H02: a postStart hook that fails ---


def test_H02_a_failed_post_start_has_the_container_restarted(daemon: Daemon, tmp_path: Path) -> None:
    """Killed by way of preStop and signal, with its output in Event and state; the second try succeeds."""
    hook = "test -f /out/second && exit 0; touch /out/second; echo the oven is cold; exit 3"
    script = "sleep 0.3; echo prestop >>/out/log"
    main = noting(tmp_path, WRITES_TERM, lifecycle={"postStart": sh(hook), "preStop": sh(script)})
    daemon.write(text(noting_pod("h02", tmp_path, main)))
    failed = daemon.wait_pod("h02", lambda pod: waiting_reason(pod) == "PostStartHookError")
    words = f"command 'sh -c {hook}' exited with 3: the oven is cold\n"
    assert status_of(failed)["state"]["waiting"]["message"] == words
    seen = daemon.wait_ready("h02")
    assert restarts(seen) == 1
    assert noted(tmp_path) == ["prestop", "term"]
    assert messages(daemon, "h02", "FailedPostStartHook") == [f"PostStartHook failed: {words}"]
    assert messages(daemon, "h02", "Killing") == ["FailedPostStartHook"]


def test_H02_it_backs_off_while_it_fails(daemon: Daemon) -> None:
    main = container("exec sleep 1000", lifecycle={"postStart": sh("echo always; false")})
    daemon.write(text(pod("h02-always", main)))
    daemon.wait_pod("h02-always", lambda pod: restarts(pod) >= 1 and waiting_reason(pod) == "CrashLoopBackOff")
    daemon.wait_event("h02-always", "BackOff", text="Back-off restarting failed container main in pod h02-always")


def test_H02_a_policy_of_never_fails_the_pod(daemon: Daemon) -> None:
    main = container("exec sleep 1000", lifecycle={"postStart": sh("false")})
    daemon.write(text(pod("h02-never", main, restartPolicy="Never")))
    seen = daemon.wait_pod("h02-never", lambda pod: pod["status"].get("phase") == "Failed")
    assert restarts(seen) == 0
    assert status_of(seen)["state"]["terminated"]["exitCode"] == 137


def test_H02_a_port_that_refuses_is_a_failure(daemon: Daemon) -> None:
    get = {"httpGet": {"port": 9, "path": "/x"}}
    daemon.write(text(pod("h02-http", container("exec sleep 1000", lifecycle={"postStart": get}))))
    event = daemon.wait_event("h02-http", "FailedPostStartHook")
    assert "connect: connection refused" in event["message"]


# --- H03: preStop ---


def test_H03_pre_stop_comes_before_the_signal(daemon: Daemon, tmp_path: Path) -> None:
    """On deletion; the process is whole while the hook runs."""
    main = noting(
        tmp_path,
        "trap 'echo term >>/out/log; exit 0' TERM; touch /tmp/up; while :; do sleep 1000 & wait; done",
        lifecycle={"preStop": sh("sleep 0.5; test -f /tmp/up && echo prestop >>/out/log")},
    )
    daemon.write(text(noting_pod("h03-delete", tmp_path, main)))
    daemon.wait_ready("h03-delete")
    daemon.remove()
    daemon.wait_gone("h03-delete")
    assert noted(tmp_path) == ["prestop", "term"]
    assert daemon.containers("h03-delete") == []
    assert messages(daemon, "h03-delete", "Killing") == ["Stopping container main"]
    assert messages(daemon, "h03-delete", "FailedPreStopHook") == []


def test_H03_pre_stop_by_http(daemon: Daemon) -> None:
    site = Site({"/bye": (200, {})})
    with serving(site):
        hook = {"httpGet": {"host": "127.0.0.1", "port": site.port, "path": "/bye"}}
        main = container(FOR_EVER, lifecycle={"preStop": hook})
        daemon.write(text(pod("h03-http", main, terminationGracePeriodSeconds=5)))
        daemon.wait_ready("h03-http")
        assert site.count("/bye") == 0
        daemon.remove()
        daemon.wait_gone("h03-http")
    assert site.count("/bye") == 1


def test_H03_pre_stop_runs_on_a_spec_change(daemon: Daemon, tmp_path: Path) -> None:
    """The old container's hook, then its signal, then the new one."""
    lifecycle = {"preStop": sh("echo prestop >>/out/log")}
    old = noting(tmp_path, "echo old >>/out/log; " + WRITES_TERM, lifecycle=lifecycle)
    new = noting(tmp_path, "echo new >>/out/log; exec sleep 1000")
    daemon.write(text(noting_pod("h03-edit", tmp_path, old)))
    daemon.wait_ready("h03-edit")
    daemon.write(text(noting_pod("h03-edit", tmp_path, new, terminationGracePeriodSeconds=2)))
    daemon.wait_pod("h03-edit", lambda pod: restarts(pod) == 1 and is_ready(pod))
    assert noted(tmp_path)[:3] == ["old", "prestop", "term"]


def test_H03_pre_stop_of_what_was_edited_or_left_out_while_the_daemon_was_down(
    own_daemon: Daemon, tmp_path: Path
) -> None:
    """The hook is the one that the container was made with, wherever its spec has gone."""
    edited = noting(tmp_path, FOR_EVER, "edited", lifecycle={"preStop": sh("echo edited >>/out/log")})
    dropped = noting(tmp_path, FOR_EVER, "dropped", lifecycle={"preStop": sh("echo dropped >>/out/log")})
    own_daemon.write(text(noting_pod("h03-down", tmp_path, edited, dropped)))
    own_daemon.wait_ready("h03-down")
    own_daemon.kill()
    own_daemon.write(text(noting_pod("h03-down", tmp_path, noting(tmp_path, "exec sleep 1000", "edited"))))
    own_daemon.start()
    own_daemon.wait_pod("h03-down", lambda pod: restarts(pod, "edited") == 1 and is_ready(pod))
    assert sorted(noted(tmp_path)) == ["dropped", "edited"]


def test_H03_pre_stop_runs_on_a_liveness_failure(daemon: Daemon, tmp_path: Path) -> None:
    main = noting(
        tmp_path,
        WRITES_TERM,
        lifecycle={"preStop": sh("echo prestop >>/out/log")},
        livenessProbe={**sh("test -f /out/log"), "periodSeconds": 1, "failureThreshold": 1},
    )
    daemon.write(text(noting_pod("h03-live", tmp_path, main)))
    daemon.wait_pod("h03-live", lambda pod: restarts(pod) == 1)
    assert noted(tmp_path) == ["prestop", "term"]


@pytest.mark.parametrize("policy", ["Never", "Always"])
def test_H03_no_pre_stop_for_a_container_that_has_ended(daemon: Daemon, tmp_path: Path, policy: str) -> None:
    """Neither when it ends, nor when its pod goes."""
    name = f"h03-ended-{policy.lower()}"
    lifecycle = {"preStop": sh("echo prestop of the dead >>/out/log")}
    ends = noting(tmp_path, "exit 0", "ends", lifecycle=lifecycle)
    stays = noting(tmp_path, FOR_EVER, "stays", lifecycle={"preStop": sh("echo prestop >>/out/log")})
    daemon.write(text(noting_pod(name, tmp_path, ends, stays, restartPolicy=policy)))
    if policy == "Never":
        daemon.wait_pod(name, lambda pod: "terminated" in status_of(pod, "ends").get("state", {}))
        daemon.wait_pod(name, lambda pod: "running" in status_of(pod, "stays").get("state", {}))
    else:
        daemon.wait_pod(name, lambda pod: restarts(pod, "ends") >= 1 and waiting_reason(pod, "ends") != "")
    daemon.remove()
    daemon.wait_gone(name)
    assert noted(tmp_path) == ["prestop"]


# --- H04: a preStop hook that fails or overruns ---


def test_H04_a_failed_pre_stop_does_not_keep_it(daemon: Daemon, tmp_path: Path) -> None:
    script = "echo prestop >>/out/log; echo no way; exit 4"
    daemon.write(
        text(noting_pod("h04-fails", tmp_path, noting(tmp_path, WRITES_TERM, lifecycle={"preStop": sh(script)})))
    )
    daemon.wait_ready("h04-fails")
    daemon.remove()
    daemon.wait_gone("h04-fails")
    assert noted(tmp_path) == ["prestop", "term"]
    words = f"PreStopHook failed: command 'sh -c {script}' exited with 4: no way\n"
    assert messages(daemon, "h04-fails", "FailedPreStopHook") == [words]


def test_H04_a_pre_stop_that_overruns_leaves_time_for_the_signal(daemon: Daemon, tmp_path: Path) -> None:
    """The grace period is over when it is cut off; the process still has more than a second to end well."""
    ends_late = "trap 'echo term >>/out/log; sleep 1; echo ended well >>/out/log; exit 0' TERM"
    main = noting(
        tmp_path,
        f"{ends_late}; while :; do sleep 1000 & wait; done",
        lifecycle={"preStop": sh("echo prestop >>/out/log; sleep 60; echo never >>/out/log")},
    )
    daemon.write(text(noting_pod("h04-late", tmp_path, main, terminationGracePeriodSeconds=2)))
    daemon.wait_ready("h04-late")
    daemon.remove()
    daemon.wait_gone("h04-late")
    assert noted(tmp_path) == ["prestop", "term", "ended well"]
    assert len(messages(daemon, "h04-late", "FailedPreStopHook")) == 1


def test_H04_a_pre_stop_that_takes_all_the_time_does_not_save_the_deaf(daemon: Daemon, tmp_path: Path) -> None:
    """Its time counts: SIGKILL comes two seconds after the grace period, whatever the hook does."""
    main = noting(
        tmp_path,
        "trap 'echo term >>/out/log' TERM; while :; do sleep 1000 & wait; done",
        lifecycle={"preStop": {"exec": {"command": ["sleep", "3000"]}}},
    )
    daemon.write(text(noting_pod("h04-deaf", tmp_path, main, terminationGracePeriodSeconds=2)))
    daemon.wait_ready("h04-deaf")
    daemon.remove()
    daemon.wait_gone("h04-deaf")
    assert noted(tmp_path) == ["term"]
