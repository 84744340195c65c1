"""What a pod has come to: phases, conditions, container states (L01, L02, L05)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import ContainerStatus, PodCondition, PodStatus
from orchestrator.objects.times import format_time
from orchestrator.planning.observed import (
    Failure,
    Hook,
    HookState,
    ImageState,
    LastState,
    Observed,
    Restarts,
    SeenContainer,
)
from orchestrator.planning.probe_state import ProbeStatus
from orchestrator.planning.status import pod_status
from tests.unit.planning.builders import (
    ADDRESS,
    AROUND,
    T0,
    deleted,
    ended,
    observed,
    planned,
    pod,
    seen,
    seen_sandbox,
    simple,
)

INIT = 'initContainers: [{name: first, image: "init:1"}]\ncontainers: [{name: web, image: "web:1"}]'
NEVER = "restartPolicy: Never\n"
READINESS = "readinessProbe: {tcpSocket: {port: 1}}"


def status(of: Pod, what: Observed, now: float = T0 + 100) -> PodStatus:
    return pod_status(of, what, planned(of, what, now), AROUND, now)


def conditions(of: PodStatus) -> dict[str, str]:
    return {c.type: f"{c.status} {c.reason}".strip() for c in of.conditions}


def web(of: PodStatus) -> ContainerStatus:
    return next(c for c in of.container_statuses if c.name == "web")


def state(container: ContainerStatus) -> str:
    """The state in words: "running", "waiting ContainerCreating", "terminated Error"."""
    now = container.state
    if now.running:
        return "running"
    if now.terminated:
        return f"terminated {now.terminated.reason}"
    return f"waiting {now.waiting.reason if now.waiting else ''}"


# --- L01: phases ---


@pytest.mark.parametrize(
    ("spec", "codes", "phase"),
    [
        ("", {}, "Pending"),
        ("", {"web": None}, "Running"),
        ("", {"web": 1}, "Running"),
        (NEVER, {"web": 0}, "Succeeded"),
        (NEVER, {"web": 1}, "Failed"),
        ("restartPolicy: OnFailure\n", {"web": 0}, "Succeeded"),
        ("restartPolicy: OnFailure\n", {"web": 1}, "Running"),
    ],
)
def test_L01_the_phase_of_one_container(spec: str, codes: dict[str, int | None], phase: str) -> None:
    of = pod(f'{spec}containers: [{{name: web, image: "web:1"}}]')
    containers = [seen(of, n) if code is None else ended(of, n, code=code) for n, code in codes.items()]
    assert status(of, observed(of, *containers)).phase == phase


@pytest.mark.parametrize(
    ("codes", "phase"),
    [
        ({"web": None}, "Pending"),
        ({"web": 0, "log": None}, "Running"),
        ({"web": 1, "log": None}, "Running"),
        ({"web": 0, "log": 0}, "Succeeded"),
        ({"web": 0, "log": 3}, "Failed"),
    ],
)
def test_L01_the_phase_of_two_containers(codes: dict[str, int | None], phase: str) -> None:
    of = pod(f'{NEVER}containers: [{{name: web, image: "web:1"}}, {{name: log, image: "log:1"}}]')
    containers = [seen(of, n) if code is None else ended(of, n, code=code) for n, code in codes.items()]
    assert status(of, observed(of, *containers)).phase == phase


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("", None, "Pending"), ("", 1, "Pending"), (NEVER, 1, "Failed"), ("", 0, "Pending")],
)
def test_L01_the_phase_while_it_is_initialized(policy: str, code: int | None, phase: str) -> None:
    of = pod(policy + INIT)
    first = seen(of, "first") if code is None else ended(of, "first", code=code)
    assert status(of, observed(of, first)).phase == phase


def test_a_pod_that_was_Running_stays_so_when_its_container_is_gone() -> None:
    of = simple()
    running = status(of, observed(of, seen(of)))
    again = status(msgspec.structs.replace(of, status=running), observed(of))
    assert (running.phase, again.phase) == ("Running", "Running")


# --- L10: the last of a pod that was deleted ---

SIDE = "{name: side, image: 'init:1', restartPolicy: Always}"


def last_told(of: Pod, *containers: SeenContainer, **facts: Any) -> PodStatus:
    """What is told of a pod with these containers once it is deleted and all of them are gone."""
    of = deleted(of, 30)
    for what in (observed(of, *containers, **facts), Observed()):
        of = msgspec.structs.replace(of, status=status(of, what))
    assert status(of, Observed()) == of.status
    return of.status


@pytest.mark.parametrize(
    ("spec", "codes", "phase"),
    [
        ("", {"web": 0}, "Succeeded"),
        ("", {"web": 143}, "Failed"),
        ("", {"web": None}, "Failed"),
        ("", {}, "Failed"),
        (f"initContainers: [{SIDE}]\n", {"side": 137, "web": 0}, "Succeeded"),
    ],
)
def test_L10_a_deleted_pod_ends_Succeeded_or_Failed(spec: str, codes: dict[str, int | None], phase: str) -> None:
    of = pod(f'{spec}containers: [{{name: web, image: "web:1"}}]')
    containers = [seen(of, n) if code is None else ended(of, n, code=code) for n, code in codes.items()]
    found = last_told(of, *containers)
    assert found.phase == phase
    reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
    assert {conditions(found)[name] for name in ("Ready", "ContainersReady")} == {f"False {reason}"}
    assert conditions(found)["PodReadyToStartContainers"] == "False"


def test_L10_what_was_not_seen_to_end_is_told_to_be_lost() -> None:
    found = web(last_told(simple(), seen(simple())))
    assert (state(found), found.ready, found.started) == ("terminated ContainerStatusUnknown", False, False)
    of = pod(INIT)
    begun = last_told(of, seen(of, "first"))
    assert state(begun.init_container_statuses[0]) == "terminated ContainerStatusUnknown"
    assert state(web(begun)) == "waiting PodInitializing"
    assert state(web(last_told(of, ended(of, "first", code=0)))) == "terminated ContainerStatusUnknown"


def test_L10_a_pod_that_no_host_had_ends_as_it_was() -> None:
    of = deleted(simple(), 30)
    waiting = PodStatus(phase="Pending", conditions=(PodCondition(type="PodScheduled", status="False"),))
    assert status(msgspec.structs.replace(of, status=waiting), Observed()) == waiting


# --- L01: conditions ---


def test_L01_the_conditions_of_a_pod_that_is_well() -> None:
    of = simple()
    assert conditions(status(of, observed(of, seen(of)))) == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }


def test_L01_the_conditions_name_what_is_missing() -> None:
    of = pod(INIT)
    begun = status(of, observed(of, seen(of, "first")))
    assert conditions(begun) | {"PodScheduled": ""} == {
        "PodReadyToStartContainers": "True",
        "Initialized": "False ContainersNotInitialized",
        "Ready": "False ContainersNotReady",
        "ContainersReady": "False ContainersNotReady",
        "PodScheduled": "",
    }
    messages = {c.type: c.message for c in begun.conditions}
    assert messages["Initialized"] == "containers with incomplete status: [first]"
    assert messages["Ready"] == "containers with unready status: [web]"


def test_L01_conditions_say_which_generation_they_are_of() -> None:
    of = simple()
    of = msgspec.structs.replace(of, metadata=msgspec.structs.replace(of.metadata, generation=4))
    assert {c.observed_generation for c in status(of, observed(of, seen(of))).conditions} == {4}


@pytest.mark.parametrize(
    ("code", "ready", "initialized"),
    [(0, "False PodCompleted", "True PodCompleted"), (1, "False PodFailed", "True")],
)
def test_L01_the_conditions_of_a_pod_that_is_over(code: int, ready: str, initialized: str) -> None:
    of = pod(f'{NEVER}containers: [{{name: web, image: "web:1"}}]')
    found = conditions(status(of, observed(of, ended(of, code=code))))
    assert (found["Ready"], found["Initialized"]) == (ready, initialized)


def test_L01_a_condition_keeps_its_time_until_its_status_changes() -> None:
    of = simple(READINESS)
    times: list[str] = []
    for now, ready in ((T0 + 10, False), (T0 + 20, False), (T0 + 30, True), (T0 + 40, True)):
        current = status(of, observed(of, seen(of), probes={"web-0": ProbeStatus(ready=ready)}), now)
        of = msgspec.structs.replace(of, status=current)
        times += [c.last_transition_time for c in current.conditions if c.type == "Ready"]
    assert times == [format_time(T0 + seconds) for seconds in (10, 10, 30, 30)]


# --- readiness ---


@pytest.mark.parametrize(
    ("fields", "facts", "started", "ready"),
    [
        ("", {}, True, True),
        (READINESS, {}, True, False),
        (READINESS, {"probes": {"web-0": ProbeStatus(ready=True)}}, True, True),
        (READINESS, {"probes": {"web-0": ProbeStatus(ready=False)}}, True, False),
        ("startupProbe: {tcpSocket: {port: 1}}", {}, False, False),
        ("startupProbe: {tcpSocket: {port: 1}}", {"probes": {"web-0": ProbeStatus(started=True)}}, True, True),
    ],
)
def test_P06_started_and_ready(fields: str, facts: dict[str, Any], started: bool, ready: bool) -> None:
    of = simple(fields)
    found = web(status(of, observed(of, seen(of), **facts)))
    assert (found.started, found.ready) == (started, ready)


def test_H01_a_container_is_not_running_until_postStart_has_ended() -> None:
    of = simple("lifecycle: {postStart: {exec: {command: [hello]}}}")
    during = observed(of, seen(of), post_starts={"web-0": Hook(HookState.RUNNING)})
    after = observed(of, seen(of), post_starts={"web-0": Hook(HookState.SUCCEEDED)})
    assert [state(web(status(of, what))) for what in (during, after)] == ["waiting ContainerCreating", "running"]
    assert [web(status(of, what)).ready for what in (during, after)] == [False, True]


# --- L02: states ---


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        (ended(simple(), code=0), "waiting CrashLoopBackOff"),
        (seen(simple()), "running"),
        (seen(simple(), phase="paused"), "running"),
    ],
)
def test_L02_states(container: SeenContainer, expected: str) -> None:
    of = simple()
    what = observed(of, container, restarts={"web": Restarts(next_attempt=1, delay=300)})
    assert state(web(status(of, what))) == expected


@pytest.mark.parametrize(
    ("facts", "reason", "code"),
    [
        ({"code": 0}, "Completed", 0),
        ({"code": 2}, "Error", 2),
        ({"code": 137}, "Error", 137),
        ({"code": 137, "oom_killed": True}, "OOMKilled", 137),
    ],
)
def test_L02_how_it_ended(facts: dict[str, Any], reason: str, code: int) -> None:
    of = pod(f'{NEVER}containers: [{{name: web, image: "web:1"}}]')
    now = web(status(of, observed(of, ended(of, **facts)))).state.terminated
    assert now is not None
    assert (now.reason, now.exit_code) == (reason, code)
    assert (now.started_at, now.finished_at) == (format_time(T0 + 1), format_time(T0 + 60))


def test_L02_a_container_that_could_not_start() -> None:
    of = pod(f'{NEVER}containers: [{{name: web, image: "web:1"}}]')
    refused = seen(of, phase="created", started_at=0.0, error="exec: no such file", exit_code=127)
    now = web(status(of, observed(of, refused))).state.terminated
    assert now is not None
    assert (now.reason, now.exit_code, now.message) == ("StartError", 128, "exec: no such file")
    assert now.started_at == "1970-01-01T00:00:00Z"


def test_L02_containers_that_wait_for_init_say_so() -> None:
    of = pod(INIT)
    assert state(web(status(of, observed(of, seen(of, "first"))))) == "waiting PodInitializing"
    assert state(web(status(simple(), Observed()))) == "waiting ContainerCreating"


@pytest.mark.parametrize(
    "what",
    [
        lambda of: observed(of, images={"init:1": ImageState(present=False, pulling=True)}),
        lambda of: Observed(failures={"POD": Failure("ContainerCreating", "no such network", T0 + 500)}),
    ],
    ids=["a pull", "no sandbox"],
)
def test_L02_the_word_for_what_takes_its_time_is_one_for_the_whole_pod(what: Callable[[Pod], Observed]) -> None:
    """The kubelet's default waiting reason: PodInitializing for all containers of a pod with init containers."""
    for of, reason in ((pod(INIT), "PodInitializing"), (pod(INIT.partition("\n")[2]), "ContainerCreating")):
        found = status(of, what(of))
        every = (*found.init_container_statuses, *found.container_statuses)
        assert {state(each) for each in every} <= {f"waiting {reason}", "running"}
        assert found.phase == "Pending"


def test_L02_the_last_state_is_how_the_run_before_ended() -> None:
    of = simple()
    running = web(status(of, observed(of, ended(of, code=3), seen(of, attempt=1))))
    assert state(running) == "running"
    assert running.last_state.terminated is not None
    assert running.last_state.terminated.exit_code == 3
    waiting = observed(of, ended(of, code=4), restarts={"web": Restarts(next_attempt=1, delay=300)})
    last = web(status(of, waiting)).last_state.terminated
    assert last is not None
    assert last.exit_code == 4


def test_L02_the_last_state_is_known_when_its_container_is_gone() -> None:
    of = simple()
    history = Restarts(2, 10, LastState("web-0", 9, "Error", "", T0, T0 + 5))
    found = web(status(of, observed(of, seen(of, attempt=1), restarts={"web": history})))
    assert found.last_state.terminated is not None
    assert found.last_state.terminated.exit_code == 9


@pytest.mark.parametrize(("containers", "most"), [(1, 4096), (3, 4096), (4, 3072), (12, 1024)])
def test_L12_the_messages_of_a_pod_have_twelve_KiB_together(containers: int, most: int) -> None:
    of = pod(f"{NEVER}containers:" + "".join(f'\n- {{name: c{n}, image: "web:1"}}' for n in range(containers)))
    found = status(of, observed(of, *(ended(of, f"c{n}", message="x" * 4096) for n in range(containers))))
    ends = [each.state.terminated for each in found.container_statuses]
    assert [len(end.message) for end in ends if end] == [most] * containers


def test_L12_a_message_is_not_cut_within_a_letter() -> None:
    of = pod(f"{NEVER}containers:" + "".join(f'\n- {{name: c{n}, image: "web:1"}}' for n in range(4)))
    now = status(of, observed(of, ended(of, "c0", message="x" + "ä" * 2000))).container_statuses[0].state.terminated
    assert now is not None
    assert now.message == "x" + "ä" * 1535


def test_L05_the_restart_count_is_the_attempt_or_what_the_journal_knows() -> None:
    of = simple()
    assert web(status(of, observed(of, seen(of, attempt=3)))).restart_count == 3
    gone = observed(of, restarts={"web": Restarts(next_attempt=8)})
    assert web(status(of, gone)).restart_count == 7


def test_an_init_container_that_somebody_removed_has_still_succeeded() -> None:
    of = pod(INIT)
    before = status(of, observed(of, ended(of, "first", code=0), seen(of)))
    after = status(msgspec.structs.replace(of, status=before), observed(of, seen(of)))
    assert after.init_container_statuses == before.init_container_statuses
    assert conditions(after)["Initialized"] == "True"


# --- addresses ---


def test_the_pods_address_is_its_sandboxs() -> None:
    of = simple()
    found = status(of, observed(of, seen(of)))
    assert (found.pod_ip, [each.ip for each in found.pod_ips], found.host_ip) == (ADDRESS, [ADDRESS], "192.0.2.1")
    assert status(of, Observed(containers=(seen_sandbox(of, phase="exited", ip=""),))).pod_ip == ""


def test_a_pod_on_the_host_network_has_the_hosts_address() -> None:
    of = pod('hostNetwork: true\ncontainers: [{name: web, image: "web:1"}]')
    assert status(of, observed(of, seen_sandbox(of, ip=""), seen(of))).pod_ip == "192.0.2.1"


@pytest.mark.parametrize("code", [0, 1])
def test_a_pod_that_is_over_stays_so_when_its_dead_containers_are_removed(code: int) -> None:
    of = pod(f'{NEVER}containers: [{{name: web, image: "web:1"}}]')
    before = status(of, observed(of, ended(of, code=code)))
    of = msgspec.structs.replace(of, status=before)
    assert str(planned(of, Observed())) == "nothing"
    after = status(of, Observed())
    assert (after.phase, web(after)) == (before.phase, web(before))
