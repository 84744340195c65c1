"""Cases L01, L02 and L03: what a pod and its containers are said to be, from the first second to the last."""

import re

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import condition, is_ready, restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, NO_REGISTRY, container, pod, text

pytestmark = pytest.mark.races

UNTIL_TOLD = "until [ -e /tmp/go ]; do sleep 0.05; done; exit $(cat /tmp/go)"
"""A script that ends with the exit code that is written to /tmp/go."""
EATS_MEMORY = "sleep 0.5; tail /dev/zero; code=$?; sleep 0.5; exit $code"
"""A script whose child is killed for its memory.  The engine loses word of it when the container ends right then."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def _conditions(document: Document) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition; checks that each says since when."""
    conditions = document["status"]["conditions"]
    assert all(TIME.fullmatch(one["lastTransitionTime"]) for one in conditions)
    return {one["type"]: (one["status"], one.get("reason", "")) for one in conditions}


def _tell(daemon: Daemon, name: str, chosen: str, code: int) -> None:
    daemon.exec(name, "sh", "-c", f"echo {code} > /tmp/new; mv /tmp/new /tmp/go", container=chosen, code=None)


def test_L01_phases_and_conditions_of_a_whole_life(daemon: Daemon) -> None:
    first = container(UNTIL_TOLD, "first")
    daemon.write(text(pod("l01", UNTIL_TOLD, initContainers=[first], restartPolicy="Never")))
    begun = daemon.wait_pod("l01", lambda p: bool(status_of(p, "first").get("state", {}).get("running")))
    assert begun["status"]["phase"] == "Pending"
    assert waiting_reason(begun, "main") == "PodInitializing"
    assert _conditions(begun) == {
        "PodReadyToStartContainers": ("True", ""),
        "Initialized": ("False", "ContainersNotInitialized"),
        "Ready": ("False", "ContainersNotReady"),
        "ContainersReady": ("False", "ContainersNotReady"),
        "PodScheduled": ("True", ""),
    }
    messages = {one["type"]: one.get("message", "") for one in begun["status"]["conditions"]}
    assert messages["Initialized"] == "containers with incomplete status: [first]"
    assert messages["Ready"] == "containers with unready status: [main]"

    _tell(daemon, "l01", "first", 0)
    running = daemon.wait_ready("l01")
    assert running["status"]["phase"] == "Running"
    assert {status for status, _ in _conditions(running).values()} == {"True"}
    assert status_of(running, "first")["state"]["terminated"]["reason"] == "Completed"
    assert running["status"]["podIP"]
    assert running["status"]["startTime"]

    _tell(daemon, "l01", "main", 0)
    over = daemon.wait_pod("l01", lambda p: p["status"]["phase"] not in ("Pending", "Running"))
    assert over["status"]["phase"] == "Succeeded"
    told = _conditions(over)
    assert told["Initialized"] == ("True", "PodCompleted")
    assert told["Ready"] == told["ContainersReady"] == ("False", "PodCompleted")


def test_L01_a_condition_keeps_its_time_until_it_changes(daemon: Daemon) -> None:
    daemon.write(text(pod("l01-time", UNTIL_TOLD, restartPolicy="Never")))
    before = daemon.wait_ready("l01-time")["status"]["conditions"]
    # Times are whole seconds: let the next one begin inside the pod, then end it with a failure.
    daemon.exec("l01-time", "sleep", "1.1")
    _tell(daemon, "l01-time", "main", 7)
    over = daemon.wait_pod("l01-time", lambda p: p["status"]["phase"] == "Failed")
    since = {one["type"]: one["lastTransitionTime"] for one in over["status"]["conditions"]}
    was = {one["type"]: one["lastTransitionTime"] for one in before}
    assert since["Initialized"] == was["Initialized"]
    assert since["Ready"] > was["Ready"]
    assert _conditions(over)["Ready"] == ("False", "PodFailed")


def test_L01_a_pod_that_cannot_start_is_pending_without_a_sandbox(daemon: Daemon) -> None:
    volume = {"name": "config", "configMap": {"name": "l01-absent"}}
    daemon.write(text(pod("l01-held", FOR_EVER, volumes=[volume])))
    told = daemon.wait_event("l01-held", "FailedMount")
    assert "l01-absent" in told["message"]
    held = daemon.pod("l01-held")
    assert held["status"]["phase"] == "Pending"
    assert _conditions(held)["PodReadyToStartContainers"][0] == "False"
    assert waiting_reason(held) == "ContainerCreating"


@pytest.mark.parametrize(
    ("name", "fields", "reasons", "message"),
    [
        ("pull", {"image": NO_REGISTRY}, ["ErrImagePull", "ImagePullBackOff"], "connection refused"),
        ("name", {"image": "Upper/Case:1"}, ["InvalidImageName"], "invalid reference format"),
        (
            "never",
            {"image": NO_REGISTRY, "imagePullPolicy": "Never"},
            ["ErrImageNeverPull"],
            f'Container image "{NO_REGISTRY}" is not present with pull policy of Never',
        ),
        (
            "config",
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "l02-absent", "key": "k"}}}]},
            ["CreateContainerConfigError"],
            'configmap "l02-absent" not found',
        ),
        ("create", {"workingDir": "no/absolute/path"}, ["CreateContainerError"], "no/absolute/path"),
        ("start", {"command": ["/no/such/program"]}, ["RunContainerError", "CrashLoopBackOff"], "/no/such/program"),
        (
            "crash",
            {"command": ["false"]},
            ["CrashLoopBackOff"],
            "restarting failed container=main pod=l02-crash_default(",
        ),
    ],
)
def test_L02_waiting_says_why(daemon: Daemon, name: str, fields: Document, reasons: list[str], message: str) -> None:
    daemon.write(text(pod(f"l02-{name}", container(FOR_EVER, **fields))))
    for position, reason in enumerate(reasons):
        seen = daemon.wait_pod(f"l02-{name}", lambda p, reason=reason: waiting_reason(p) == reason)
        if position == 0:
            assert message in status_of(seen)["state"]["waiting"]["message"]
        assert not is_ready(seen)
        assert status_of(seen)["ready"] is False
    for words in (("get", "pods"), ("describe", "pod")):
        daemon.cli_until(lambda shown: any(reason in shown for reason in reasons), *words, f"l02-{name}")


def test_L02_running_and_terminated_say_when_and_how(daemon: Daemon) -> None:
    daemon.write(text(pod("l02-life", UNTIL_TOLD)))
    running = status_of(daemon.wait_ready("l02-life"))
    assert TIME.fullmatch(running["state"]["running"]["startedAt"])
    assert running["containerID"].startswith("docker://")
    assert running["lastState"] == {}
    _tell(daemon, "l02-life", "main", 3)
    again = status_of(daemon.wait_pod("l02-life", lambda p: restarts(p) == 1 and is_ready(p)))
    last = again["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (3, "Error")
    assert last["startedAt"] == running["state"]["running"]["startedAt"]
    assert last["finishedAt"] >= last["startedAt"]
    assert last["containerID"] == running["containerID"] != again["containerID"]


def test_L02_reasons_of_an_end(daemon: Daemon) -> None:
    names = {
        "done": container("exit 0"),
        "failed": container("exit 9"),
        "memory": container(EATS_MEMORY, resources={"limits": {"memory": "16Mi"}}),
        "absent": {"name": "main", "image": "IMAGE", "command": ["/no/such/program"]},
    }
    daemon.write(text(*(pod(f"l02-end-{name}", one, restartPolicy="Never") for name, one in names.items())))
    ends = {}
    for name in names:
        over = daemon.wait_pod(f"l02-end-{name}", lambda p: p["status"]["phase"] in ("Succeeded", "Failed"))
        ends[name] = status_of(over)["state"]["terminated"]
    assert {name: (end["exitCode"], end["reason"]) for name, end in ends.items()} == {
        "done": (0, "Completed"),
        "failed": (9, "Error"),
        "memory": (137, "OOMKilled"),
        "absent": (128, "StartError"),
    }
    assert "/no/such/program" in ends["absent"]["message"]
    assert ends["absent"]["startedAt"] == "1970-01-01T00:00:00Z"
    assert "OOMKilled" in daemon.cli("get", "pods")


def test_L03_restart_policies(daemon: Daemon) -> None:
    policies = [("Always", 0), ("Always", 3), ("OnFailure", 0), ("OnFailure", 3), ("Never", 0), ("Never", 3)]
    pods = [pod(f"l03-{policy.lower()}-{code}", f"exit {code}", restartPolicy=policy) for policy, code in policies]
    daemon.write(text(*pods))
    for name in ("l03-always-0", "l03-always-3", "l03-onfailure-3"):
        again = daemon.wait_pod(name, lambda p: restarts(p) >= 1 and waiting_reason(p) == "CrashLoopBackOff")
        assert again["status"]["phase"] == "Running"
        assert status_of(again)["lastState"]["terminated"]["exitCode"] == int(name[-1])
    for name, phase in (("l03-onfailure-0", "Succeeded"), ("l03-never-0", "Succeeded"), ("l03-never-3", "Failed")):
        over = daemon.wait_pod(name, lambda p, phase=phase: p["status"]["phase"] == phase)
        assert restarts(over) == 0
        assert status_of(over)["state"]["terminated"]["exitCode"] == int(name[-1])
        daemon.wait_pod(name, lambda p: condition(p, "PodReadyToStartContainers") == "False")
        assert [one["Config"]["Labels"]["orchestrator.dev/role"] for one in daemon.containers(name)] == ["container"]
    table = daemon.cli("get", "pods")
    assert re.search(r"l03-never-0 +0/1 +Completed +0 ", table)
    assert re.search(r"l03-never-3 +0/1 +Error +0 ", table)


def test_L03_the_exit_code_is_that_of_the_first_process(daemon: Daemon) -> None:
    daemon.write(text(pod("l03-first", "(exit 5) & wait $!; false | true; exit 7", restartPolicy="Never")))
    over = daemon.wait_pod("l03-first", lambda p: p["status"]["phase"] == "Failed")
    assert status_of(over)["state"]["terminated"]["exitCode"] == 7


def test_L03_one_container_that_fails_fails_the_pod_when_all_are_over(daemon: Daemon) -> None:
    good, bad = container("exit 0", "good"), container("exit 4", "bad")
    last = container(UNTIL_TOLD, "last")
    daemon.write(text(pod("l03-many", good, bad, last, restartPolicy="Never")))
    half = daemon.wait_pod(
        "l03-many", lambda p: all(status_of(p, name).get("state", {}).get("terminated") for name in ("good", "bad"))
    )
    assert half["status"]["phase"] == "Running"
    assert condition(half, "Ready") == "False"
    daemon.wait_pod("l03-many", lambda p: bool(status_of(p, "last").get("state", {}).get("running")))
    _tell(daemon, "l03-many", "last", 0)
    daemon.wait_pod("l03-many", lambda p: p["status"]["phase"] == "Failed")
