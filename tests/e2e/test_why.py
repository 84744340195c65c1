"""L13: the first screen of `describe pod` says why a pod does not run, on what a real engine does."""

import re
from collections.abc import Callable

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import restarts, status_of, waiting_reason
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

SCREEN = 24
"""Lines of a terminal."""


def why(daemon: Daemon, name: str) -> list[str]:
    """The lines of `Why:` in the first screen of the description, without their column."""
    return why_of(daemon.cli("describe", "pod", name))


def why_of(description: str) -> list[str]:
    """The lines of `Why:` in a description."""
    screen = description.splitlines()[:SCREEN]
    start = next((number for number, line in enumerate(screen) if line.startswith("Why:")), len(screen))
    column = len(screen[start]) - len(screen[start].removeprefix("Why:").lstrip()) if start < len(screen) else 0
    lines = [screen[start][column:]] if column else []
    for line in screen[start + 1 :]:
        if line[:1] != " ":
            break
        lines.append(line[column:])
    return lines


def test_L13_back_off_last_end_and_what_the_probe_said(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon("--backoff-base", "10", "--backoff-max", "10").start()
    probe = {
        "exec": {"command": ["sh", "-c", "echo no; echo pulse; exit 1"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    daemon.write(text(pod("why-sick", container(FOR_EVER, livenessProbe=probe))))
    daemon.wait_pod("why-sick", lambda found: restarts(found) >= 1 and waiting_reason(found) == "CrashLoopBackOff")
    told = why(daemon, "why-sick")
    assert re.fullmatch(r"main: CrashLoopBackOff: starts again (in ([1-9]|10)s|now) \(back-off 10s\)", told[0]), told
    assert re.match(r"  its last run ended \d+s ago with exit code \d+ \((Error|Completed)\)", told[1]), told
    assert re.fullmatch(r"  \d+s ago \(x\d+ over \d+s\): Liveness probe failed: no", told[2]), told
    assert told[3:] == ["    pulse"]


def test_L13_what_a_pod_waits_for(daemon: Daemon) -> None:
    missing = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "why-config", "key": "a"}}}
    volume = {"volumes": [{"name": "v", "configMap": {"name": "why-config"}}]}
    init = {"initContainers": [container("exit 3", "first")]}
    port = {"ports": [{"containerPort": 80, "hostPort": 18461}]}
    daemon.write(
        text(
            pod("why-env", container(FOR_EVER, env=[missing])),
            pod("why-volume", FOR_EVER, **volume),
            pod("why-image", {"name": "main", "image": "localhost:1/why/none:1"}),
            pod("why-never", {"name": "main", "image": "localhost:1/why/none:1", "imagePullPolicy": "Never"}),
            pod("why-init", FOR_EVER, **init),
            pod("why-port", container(FOR_EVER, "one", **port)),
            pod("why-hook", container(FOR_EVER, lifecycle={"postStart": {"exec": {"command": ["sleep", "100"]}}})),
        )
    )
    daemon.wait_pod("why-env", lambda found: waiting_reason(found) == "CreateContainerConfigError")
    assert why(daemon, "why-env") == [
        'main: CreateContainerConfigError: configmap "why-config" not found (it starts by itself once that is there)'
    ]
    daemon.wait_event("why-volume", "FailedMount")
    assert why(daemon, "why-volume") == [
        'main: ContainerCreating: MountVolume.SetUp failed for volume "v" : configmap "why-config" not found'
    ]
    daemon.wait_pod("why-image", lambda found: waiting_reason(found) == "ImagePullBackOff")
    waits = 'main: ImagePullBackOff: Back-off pulling image "localhost:1/why/none:1": ErrImagePull: '
    shown = daemon.cli_until(lambda d: why_of(d)[0].startswith(waits), "describe", "pod", "why-image")
    (line,) = why_of(shown)
    assert re.search(r"connection refused; last try \d+s ago", line)
    daemon.wait_pod("why-never", lambda found: waiting_reason(found) == "ErrImageNeverPull")
    (line,) = why(daemon, "why-never")
    assert line.endswith('Container image "localhost:1/why/none:1" is not present with pull policy of Never')
    daemon.wait_pod("why-init", lambda found: waiting_reason(found, "first") == "CrashLoopBackOff")
    waits = "first: CrashLoopBackOff: starts again "
    told = why_of(daemon.cli_until(lambda d: why_of(d)[0].startswith(waits), "describe", "pod", "why-init"))
    assert told[0].startswith("first: CrashLoopBackOff: starts again ")
    assert "with exit code 3 (Error); its output: orchestrator logs why-init -c first" in told[1]
    assert told[2:] == ["main: waits for init container first"]
    daemon.wait_pod("why-hook", lambda found: "containerID" in status_of(found))
    assert why(daemon, "why-hook") == ["main: ContainerCreating: its postStart hook is running"]
    daemon.wait_ready("why-port")
    daemon.write(text(pod("why-second", container(FOR_EVER, **port))), "second.yaml")
    daemon.wait_event("why-second", "FailedScheduling")
    (line,) = why(daemon, "why-second")
    assert line.startswith("PodScheduled: ")
    assert line.endswith("hostPort 18461/TCP belongs to pod default/why-port.")


def test_L13_a_pod_that_is_well_has_no_why_and_one_that_waited_starts(daemon: Daemon) -> None:
    missing = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "why-later", "key": "a"}}}
    daemon.write(text(pod("why-later", container(FOR_EVER, env=[missing]))))
    daemon.wait_pod("why-later", lambda found: waiting_reason(found) == "CreateContainerConfigError")
    assert why(daemon, "why-later")
    daemon.write(text(config_map("why-later", a="1")), "config.yaml")
    daemon.wait_ready("why-later")
    assert why(daemon, "why-later") == []
