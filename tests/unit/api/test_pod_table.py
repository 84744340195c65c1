"""STATUS, READY and RESTARTS for what printers_test.go of Kubernetes' own printPod tries, and what the issue names."""

from typing import Any

import msgspec
import pytest

from orchestrator.api.pod_table import pod_cells, summarize
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.pod_status import PodStatus
from orchestrator.objects.times import format_time

NOW = 10_000.0
RUNNING = {"running": {}}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def ended(code: int = 0, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **more}}


def container(state: dict[str, Any], *, ready: bool = False, restarts: int = 0, **more: Any) -> dict[str, Any]:
    base = {"name": "c", "ready": ready, "restartCount": restarts, "image": "i", "imageID": "", "state": state}
    return {**base, **more}


def pod(
    main: list[dict[str, Any]],
    init: list[dict[str, Any]] = [],  # noqa: B006
    *,
    sidecars: bool = False,
    deleted: bool = False,
    **status: Any,
) -> Pod:
    """A pod with a container for each status; init containers are called i0, i1, ..."""
    policy = {"restartPolicy": "Always"} if sidecars else {}
    init = [{**each, "name": f"i{number}"} for number, each in enumerate(init)]
    spec = {
        "containers": [{"name": f"c{number}"} for number, _ in enumerate(main)] or [{"name": "c"}],
        "initContainers": [{"name": each["name"], **policy} for each in init],
    }
    status = {"containerStatuses": main, "initContainerStatuses": init, "phase": "Pending", **status}
    metadata = ObjectMeta(
        name="web", creation_timestamp=format_time(NOW - 65), deletion_timestamp=format_time(NOW) if deleted else ""
    )
    return Pod(metadata=metadata, spec=msgspec.convert(spec, PodSpec), status=msgspec.convert(status, PodStatus))


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
INITIALIZED = {"conditions": [{"type": "Initialized", "status": "True"}]}


@pytest.mark.parametrize(
    ("given", "status", "ready"),
    [
        (pod([]), "Pending", "0/1"),
        (pod([container(waiting("ContainerCreating"))]), "ContainerCreating", "0/1"),
        (pod([container(RUNNING, ready=True)], phase="Running"), "Running", "1/1"),
        (pod([container(RUNNING)], phase="Running"), "Running", "0/1"),
        (pod([container(waiting("CrashLoopBackOff"), restarts=3)], phase="Running"), "CrashLoopBackOff", "0/1"),
        (pod([container(ended(1, reason="Error"))], phase="Failed"), "Error", "0/1"),
        (pod([container(ended(137, reason="OOMKilled"))], phase="Failed"), "OOMKilled", "0/1"),
        (pod([container(ended(0, reason="Completed"))], phase="Succeeded"), "Completed", "0/1"),
        (pod([container(ended(3))], phase="Failed"), "ExitCode:3", "0/1"),
        (pod([container(ended(137, signal=9))], phase="Failed"), "Signal:9", "0/1"),
        (pod([], phase="Failed", reason="DeadlineExceeded"), "DeadlineExceeded", "0/1"),
        (
            pod([container(ended(0, reason="Completed")), container(RUNNING, ready=True)], phase="Running", **READY),
            "Running",
            "1/2",
        ),
        (
            pod([container(ended(0, reason="Completed")), container(RUNNING, ready=True)], phase="Running"),
            "NotReady",
            "1/2",
        ),
        (pod([container(waiting("PodInitializing"))], [container(RUNNING)]), "Init:0/1", "0/1"),
        (
            pod([container(waiting("PodInitializing"))], [container(ended(0)), container(waiting("PodInitializing"))]),
            "Init:1/2",
            "0/1",
        ),
        (pod([], [container(waiting("CrashLoopBackOff"))]), "Init:CrashLoopBackOff", "0/1"),
        (pod([], [container(ended(2, reason="Error"))]), "Init:Error", "0/1"),
        (pod([], [container(ended(2))]), "Init:ExitCode:2", "0/1"),
        (pod([], [container(ended(2, signal=15))]), "Init:Signal:15", "0/1"),
        (
            pod([container(waiting("PodInitializing"))], [container(RUNNING, started=False)], sidecars=True),
            "Init:0/1",
            "0/2",
        ),
        (
            pod(
                [container(RUNNING, ready=True)],
                [container(RUNNING, ready=True, started=True)],
                sidecars=True,
                phase="Running",
            ),
            "Running",
            "2/2",
        ),
        (
            pod(
                [container(RUNNING, ready=True)], [container(ended(1, reason="Error"))], phase="Running", **INITIALIZED
            ),
            "Running",
            "1/1",
        ),
        (pod([container(RUNNING, ready=True)], phase="Running", deleted=True), "Terminating", "1/1"),
        (pod([container(ended(0, reason="Completed"))], phase="Succeeded", deleted=True), "Completed", "0/1"),
    ],
)
def test_status_and_ready(given: Pod, status: str, ready: str) -> None:
    assert (pod_cells(given, NOW)[2], pod_cells(given, NOW)[1]) == (status, ready)


def test_restarts_tell_when_the_last_one_was() -> None:
    died = {"lastState": ended(1, finishedAt=format_time(NOW - 12))}
    longer_ago = {"lastState": ended(1, finishedAt=format_time(NOW - 500))}
    main = [container(RUNNING, restarts=2, **longer_ago), container(RUNNING, restarts=1, **died)]
    assert pod_cells(pod(main, phase="Running"), NOW)[3] == "3 (12s ago)"
    assert pod_cells(pod([container(RUNNING)]), NOW)[3:5] == ("0", "65s")


def test_restarts_of_init_containers_count_only_while_they_run() -> None:
    init = [container(waiting("CrashLoopBackOff"), restarts=4)]
    assert summarize(pod([container(waiting("PodInitializing"))], init)).restarts == 4
    init = [container(ended(0), restarts=4)]
    assert summarize(pod([container(RUNNING, restarts=1)], init, phase="Running")).restarts == 1


def test_wide_columns() -> None:
    cells = pod_cells(pod([], podIP="10.0.0.4"), NOW)
    assert cells[5:] == ("10.0.0.4", "<none>", "<none>", "<none>")
