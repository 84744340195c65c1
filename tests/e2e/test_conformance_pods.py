"""What Kubernetes' conformance tests say of pods as a whole: status, addresses, last words (docs/conformance.md)."""

import ipaddress

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import is_ready, restarts, status_of
from tests.e2e.pods import FOR_EVER, container, pod, text

pytestmark = pytest.mark.races


def test_L01_a_pod_has_the_host_s_address(daemon: Daemon) -> None:
    daemon.write(text(pod("c-host-ip", FOR_EVER)))
    status = daemon.wait_ready("c-host-ip")["status"]
    address = ipaddress.ip_address(status["hostIP"])
    assert not address.is_unspecified
    assert status["hostIPs"] == [{"ip": status["hostIP"]}]
    assert status["podIP"] != status["hostIP"]


def test_R02_a_pod_has_a_quality_of_service(daemon: Daemon) -> None:
    amounts = {"cpu": "50m", "memory": "32Mi"}
    equal = {"requests": amounts, "limits": amounts}
    daemon.write(text(pod("c-quality", container(FOR_EVER, resources=equal)), pod("c-quality-none", FOR_EVER)))
    assert daemon.wait_ready("c-quality")["status"]["qosClass"] == "Guaranteed"
    assert daemon.wait_ready("c-quality-none")["status"]["qosClass"] == "BestEffort"


def test_L10_all_pods_of_a_label_can_be_deleted(daemon: Daemon) -> None:
    """A DELETE of the list makes them anew while their file is there; then it goes.  A pod of another file stays."""
    names = ["c-all-1", "c-all-2", "c-all-3"]
    daemon.write(text(pod("c-all-other", FOR_EVER)), "other.yaml")
    daemon.write(text(*(pod(name, FOR_EVER, labels={"type": "Testing"}) for name in names)), "group.yaml")
    for name in ("c-all-other", *names):
        daemon.wait_ready(name)
    query = {"labelSelector": "type=Testing"}
    found = daemon.client.get(daemon.path("pods"), query)["items"]
    assert sorted(one["metadata"]["name"] for one in found) == names
    before = {one["metadata"]["name"]: one["metadata"]["uid"] for one in found}
    deleted, _ = daemon.client.delete(daemon.path("pods"), {"gracePeriodSeconds": 1}, query)
    assert {one["metadata"]["name"]: one["metadata"]["uid"] for one in deleted["items"]} == before
    for name in names:
        daemon.wait_pod(name, lambda p, old=before[name]: p["metadata"]["uid"] != old and is_ready(p))
    daemon.remove("group.yaml")
    for name in names:
        daemon.wait_gone(name)
    assert daemon.client.get(daemon.path("pods"), query)["items"] == []
    assert [daemon.containers(name) for name in names] == [[], [], []]
    assert is_ready(daemon.pod("c-all-other"))


# --- the status of a container that fails, succeeds, then stays ---

THIRD_TIME_STAYS = """
echo x >>/data/runs
case $(wc -l </data/runs) in
1) exit 1;;
2) exit 0;;
esac
trap 'exit 0' TERM; while :; do sleep 1000 & wait; done
"""


@pytest.mark.parametrize(
    ("policy", "phase", "restarted", "state"),
    [
        ("Always", "Running", 2, "running"),
        ("OnFailure", "Succeeded", 1, "terminated"),
        ("Never", "Failed", 0, "terminated"),
    ],
)
def test_L03_the_expected_status_by_policy(daemon: Daemon, policy: str, phase: str, restarted: int, state: str) -> None:
    name = f"c-status-{policy.lower()}"
    main = container(THIRD_TIME_STAYS, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    daemon.write(text(pod(name, main, volumes=[{"name": "data", "emptyDir": {}}], restartPolicy=policy)))
    ready = policy == "Always"
    seen = daemon.wait_pod(
        name, lambda p: restarts(p) == restarted and state in status_of(p).get("state", {}) and is_ready(p) is ready
    )
    assert seen["status"]["phase"] == phase
    assert status_of(seen)["ready"] is ready


# --- last words ---


def test_L12_termination_messages(daemon: Daemon) -> None:
    """From the file, also at another path and by a user who is not root; from the log only after a failure."""
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    path = {"terminationMessagePath": "/dev/my-own-log", "securityContext": {"runAsUser": 1000}}
    words: dict[str, tuple[str, Document, str]] = {
        "file": ("printf DONE >/dev/my-own-log", path, "DONE"),
        "failing": ("echo the reason; exit 1", fallback, "the reason\n"),
        "silent": ("echo all is well", fallback, ""),
        "both": ("echo a log; printf OK >/dev/termination-log", fallback, "OK"),
    }
    made = [container(script, name, **fields) for name, (script, fields, _) in words.items()]
    daemon.write(text(pod("c-words", *made, restartPolicy="Never")))
    seen = daemon.wait_pod("c-words", lambda p: p["status"]["phase"] == "Failed")
    ends = {name: status_of(seen, name)["state"]["terminated"] for name in words}
    assert {name: end.get("message", "") for name, end in ends.items()} == {
        name: message for name, (_, _, message) in words.items()
    }
