"""Golden text: why a pod is not well, for each thing that may hold it up, as the daemon's status and Events tell it."""

from typing import Any

from orchestrator.cli.why import MOST, why_not_well
from orchestrator.objects.times import format_time

NOW = 1_800_000_000.0
Document = dict[str, Any]


def ago(seconds: float) -> str:
    return format_time(NOW - seconds)


def container(state: Document, name: str = "app", last: Document | None = None, **more: Any) -> Document:
    return {"name": name, "ready": False, "state": state, **({"lastState": last} if last else {}), **more}


def waiting(reason: str, message: str = "") -> Document:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def terminated(code: int, reason: str = "Error", message: str = "") -> Document:
    times = {"startedAt": ago(30), "finishedAt": ago(8)}
    return {"terminated": {"exitCode": code, "reason": reason, **times, **({"message": message} if message else {})}}


def running(seconds: float = 30) -> Document:
    return {"running": {"startedAt": ago(seconds)}}


def event(reason: str, message: str, name: str = "app", since: float = 2, first: float = 2, count: int = 1) -> Document:
    return {
        "metadata": {"resourceVersion": str(int(1000 - since))},
        "involvedObject": {"fieldPath": f"spec.containers{{{name}}}" if name else ""},
        "reason": reason,
        "message": message,
        "count": count,
        "firstTimestamp": ago(first),
        "lastTimestamp": ago(since),
    }


def why(*containers: Document, init: tuple[Document, ...] = (), events: tuple[Document, ...] = (), **more: Any) -> str:
    """What is told of a pod whose containers have both probes and a hook, and are called as their statuses are."""
    names = [status["name"] for status in containers] or ["app"]
    probe: Document = {"exec": {"command": ["true"]}}
    spec = {
        "containers": [{"name": n, "readinessProbe": probe, "lifecycle": {"postStart": probe}} for n in names],
        "initContainers": [{"name": status["name"]} for status in init],
    }
    status = {"phase": "Pending", "containerStatuses": list(containers), "initContainerStatuses": list(init)}
    document = {"metadata": {"name": "web", "namespace": "default"}, "spec": spec, "status": {**status, **more}}
    return "\n".join(why_not_well(document, list(events), NOW))


def test_a_pod_that_is_well_needs_no_why() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    assert why(container(running(), ready=True), conditions=ready, phase="Running") == ""
    assert why(container(terminated(0, "Completed")), phase="Succeeded") == ""


def test_back_off_that_is_left_and_how_the_last_run_ended() -> None:
    message = "back-off 1m20s restarting failed container=app pod=web_default(u1)"
    assert why(container(waiting("CrashLoopBackOff", message), last=terminated(3, message="one\n\ntwo\n"))) == (
        "app: CrashLoopBackOff: starts again in 72s (back-off 80s)\n"
        "  its last run ended 8s ago with exit code 3 (Error)\n"
        "    one\n"
        "    two"
    )
    assert why(container(waiting("CrashLoopBackOff", message.replace("1m20s", "5s")), last=terminated(3))) == (
        "app: CrashLoopBackOff: starts again now (back-off 5s)\n"
        "  its last run ended 8s ago with exit code 3 (Error); its output: orchestrator logs web -c app"
    )


def test_a_liveness_probe_and_a_hook_that_ended_the_last_run() -> None:
    message = "back-off 10s restarting failed container=app pod=web_default(u1)"
    crash = container(waiting("CrashLoopBackOff", message), last=terminated(137))
    sick = event("Unhealthy", "Liveness probe failed: connection refused", since=9, first=60, count=3)
    assert why(crash, events=(sick, event("BackOff", "Back-off restarting"))).splitlines()[-1] == (
        "  9s ago (x3 over 60s): Liveness probe failed: connection refused"
    )
    hook = event("FailedPostStartHook", "PostStartHook failed: no luck", since=8)
    assert why(crash, events=(hook,)).splitlines()[-1] == "  8s ago: PostStartHook failed: no luck"
    before = event("Unhealthy", "Liveness probe failed: of a run before", since=40)
    assert "of a run before" not in why(crash, events=(before,))


def test_not_ready_with_the_end_of_what_the_probe_said() -> None:
    said = "Readiness probe failed: " + "\n".join(f"line {number}" for number in range(9))
    assert why(container(running(), started=True), events=(event("Unhealthy", said, count=9, first=20),)) == (
        "app: running for 30s, not ready: its readiness probe does not pass\n"
        "  2s ago (x9 over 20s): Readiness probe failed: line 0\n"
        "    line 5\n"
        "    line 6\n"
        "    line 7\n"
        "    line 8"
    )


def test_not_ready_after_a_restart_tells_of_the_run_before() -> None:
    assert why(container(running(3), last=terminated(1))) == (
        "app: running for 3s, not ready: its readiness probe does not pass\n"
        "  its last run ended 8s ago with exit code 1 (Error); its output: orchestrator logs web -c app -p"
    )


def test_a_startup_probe_that_has_not_passed() -> None:
    spec = {"containers": [{"name": "app", "startupProbe": {}}]}
    status = {"phase": "Running", "containerStatuses": [container(running(), started=False)]}
    assert why_not_well({"metadata": {"name": "web"}, "spec": spec, "status": status}, [], NOW) == [
        "app: running for 30s, not started: its startup probe has not passed yet"
    ]


def test_a_missing_config_map() -> None:
    text = 'configmap "page" not found'
    assert why(container(waiting("CreateContainerConfigError", text))) == (
        'app: CreateContainerConfigError: configmap "page" not found (it starts by itself once that is there)'
    )
    mount = event("FailedMount", f'MountVolume.SetUp failed for volume "v" : {text}', name="")
    assert why(
        container(waiting("ContainerCreating")), container(waiting("ContainerCreating"), "side"), events=(mount,)
    ) == ('app, side: ContainerCreating: MountVolume.SetUp failed for volume "v" : configmap "page" not found')


def test_an_image_that_cannot_be_pulled_or_is_on_its_way() -> None:
    message = 'Back-off pulling image "i:1": ErrImagePull: manifest unknown'
    pulling = event("Pulling", 'Pulling image "i:1"', since=6, first=16, count=2)
    assert why(container(waiting("ImagePullBackOff", message)), events=(pulling,)) == (
        'app: ImagePullBackOff: Back-off pulling image "i:1": ErrImagePull: manifest unknown; '
        "last try 6s ago (x2 over 16s)"
    )
    assert why(container(waiting("ContainerCreating")), events=(pulling,)) == (
        'app: ContainerCreating: Pulling image "i:1" for 6s'
    )
    never = 'Container image "i:1" is not present with pull policy of Never'
    assert why(container(waiting("ErrImageNeverPull", never))) == f"app: ErrImageNeverPull: {never}"


def test_an_init_container_holds_up_the_rest() -> None:
    rest = [container(waiting("PodInitializing"), name) for name in ("app", "side")]
    assert why(*rest, init=(container(running(), "first"),)) == (
        "first: running for 30s, an init container: it has to end before others start\n"
        "app, side: waits for init container first"
    )
    done = container(terminated(0, "Completed"), "zero", ready=True)
    failed = container(waiting("CrashLoopBackOff", "back-off 10s restarting"), "first", last=terminated(2))
    assert why(*rest, init=(done, failed)) == (
        "first: CrashLoopBackOff: starts again in 2s (back-off 10s)\n"
        "  its last run ended 8s ago with exit code 2 (Error); its output: orchestrator logs web -c first\n"
        "app, side: waits for init container first"
    )


def test_what_the_first_container_of_an_initializing_pod_waits_for() -> None:
    rest = container(waiting("PodInitializing"), "app")
    mount = event("FailedMount", 'MountVolume.SetUp failed for volume "v" : no', name="")
    assert why(rest, init=(container(waiting("PodInitializing"), "first"),), events=(mount,)) == (
        'first: PodInitializing: MountVolume.SetUp failed for volume "v" : no\napp: waits for init container first'
    )
    done = container(terminated(0, "Completed"), "first", ready=True)
    pulling = event("Pulling", 'Pulling image "i:1"', since=6)
    assert why(rest, init=(done,), events=(pulling,)) == 'app: PodInitializing: Pulling image "i:1" for 6s'


def test_who_comes_after_a_sidecar_waits_for_its_start_not_for_its_readiness() -> None:
    side = {**container(running(), "side"), "started": True}
    spec = {"initContainers": [{"name": "side", "restartPolicy": "Always"}], "containers": [{"name": "app"}]}
    status = {
        "phase": "Pending",
        "initContainerStatuses": [side],
        "containerStatuses": [container(waiting("PodInitializing"))],
    }
    told = why_not_well({"metadata": {"name": "web"}, "spec": spec, "status": status}, [], NOW)
    assert told[-1] == "app: PodInitializing: it is being made"


def test_a_sandbox_that_cannot_be_made() -> None:
    text = "host port 0.0.0.0:80 is in use by another container: end that, or choose another hostPort"
    assert why(container(waiting("ContainerCreating", text))) == f"app: ContainerCreating: {text}"
    told = event("FailedCreatePodSandBox", "Failed to create pod sandbox: no address is free", name="")
    assert why(container(waiting("ContainerCreating")), events=(told,)) == (
        "app: ContainerCreating: Failed to create pod sandbox: no address is free"
    )


def test_a_post_start_hook_that_goes_on() -> None:
    steps = (event("FailedMount", "over", name="", since=9), event("Created", "Container created", since=5))
    assert why(container(waiting("ContainerCreating"), containerID="docker://1"), events=steps) == (
        "app: ContainerCreating: its postStart hook is running"
    )
    assert why(container(waiting("ContainerCreating"))) == "app: ContainerCreating: it is being made"


def test_a_pod_that_failed() -> None:
    assert why(container(terminated(7, message="bad config\n")), phase="Failed") == (
        "app: ended 8s ago with exit code 7 (Error): bad config"
    )
    sick = event("Unhealthy", "Liveness probe failed: no pulse", since=9, first=9)
    assert why(container(terminated(137, "OOMKilled")), phase="Failed", events=(sick,)) == (
        "app: ended 8s ago with exit code 137 (OOMKilled)\n  9s ago: Liveness probe failed: no pulse"
    )


def test_a_pod_that_failed_waits_for_nothing_any_more() -> None:
    never = container(waiting("PodInitializing"), "web")
    failed = container(terminated(3, message="no table"), "first")
    assert why(never, init=(failed,), phase="Failed") == "first: ended 8s ago with exit code 3 (Error): no table"
    late = {"phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active too long"}
    assert why(never, **late) == "DeadlineExceeded: Pod was active too long"


def test_a_pod_that_waits_for_the_end_of_the_one_before() -> None:
    text = "the pod that had this name before is still ending"
    assert why(container(waiting("ContainerCreating", text))) == f"app: ContainerCreating: {text}"


def test_an_engine_that_is_away_is_told_first() -> None:
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "app"}]}, "status": {}}
    assert why_not_well(pod, [], NOW, "cannot reach the engine") == [
        "cannot reach the engine; what is shown is from before"
    ]
    ready = {**pod, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert len(why_not_well(ready, [], NOW, "cannot reach the engine")) == 1


def test_a_condition_where_no_container_tells_more() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "message": "Insufficient memory"}]
    assert why(conditions=conditions) == "PodScheduled: Insufficient memory"


def test_many_containers_stay_within_the_first_screen() -> None:
    assert len(why(*(container(waiting("E", str(n)), f"c{n}") for n in range(30))).splitlines()) == MOST
