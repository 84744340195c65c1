"""shareProcessNamespace: the containers of a pod see, and can signal, each other's processes."""

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import is_ready, restarts, status_of
from tests.e2e.pods import FOR_EVER, container, pod, text

pytestmark = pytest.mark.races


def test_a_pod_with_one_process_namespace(daemon: Daemon) -> None:
    daemon.write(
        text(pod("shared", "exec sleep 7001", container("exec sleep 7002", "beside"), shareProcessNamespace=True))
    )
    daemon.wait_ready("shared")
    for name in ("main", "beside"):
        processes = daemon.exec("shared", "ps", "-o", "pid,args", container=name)
        assert "sleep 7001" in processes
        assert "sleep 7002" in processes
        first = next(line for line in processes.splitlines() if line.split()[0] == "1")
        assert "sleep 700" not in first, "the first process is the sandbox's"
    find = "ps -o pid,args | grep 'slee[p] 7002' | { read pid rest; kill -9 $pid; }"
    daemon.exec("shared", "sh", "-c", find, container="main")
    seen = daemon.wait_pod("shared", lambda p: restarts(p, "beside") == 1 and is_ready(p))
    assert status_of(seen, "beside")["lastState"]["terminated"]["exitCode"] == 137
    assert restarts(seen, "main") == 0


def test_without_it_each_container_has_its_own(daemon: Daemon) -> None:
    daemon.write(text(pod("apart", "exec sleep 7003", container("exec sleep 7004", "beside"))))
    daemon.wait_ready("apart")
    assert "7004" not in daemon.exec("apart", "ps", "-o", "args", container="main")


def test_P03_a_probe_that_takes_too_long_leaves_no_process_in_a_shared_namespace(daemon: Daemon) -> None:
    """And harms none of the others, whose processes it sees."""
    probe = {"exec": {"command": ["sh", "-c", "sleep 7771 & sleep 7772"]}, "timeoutSeconds": 1, "periodSeconds": 300}
    main = container("exec sleep 7005", readinessProbe=probe)
    daemon.write(text(pod("shared-probe", main, container(FOR_EVER, "beside"), shareProcessNamespace=True)))
    daemon.wait_event("shared-probe", "Unhealthy", text="timed out")
    processes = daemon.exec("shared-probe", "ps", "-o", "args", container="beside")
    assert "sleep 7005" in processes
    assert "sleep 777" not in processes


def test_L10_a_pod_with_one_process_namespace_ends_by_the_stop_signal(daemon: Daemon) -> None:
    """A process that is not the first of its namespace needs no handler to end."""
    both = pod("shared-end", "exec sleep 7006", container(FOR_EVER, "beside"), terminationGracePeriodSeconds=600)
    both["spec"]["shareProcessNamespace"] = True
    daemon.write(text(both))
    daemon.wait_ready("shared-end")
    daemon.remove()
    daemon.wait_gone("shared-end")
