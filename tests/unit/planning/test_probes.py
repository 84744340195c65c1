"""Which probes run, what their verdicts do, and postStart (P01, P04-P06, P08, H01, H02)."""

import pytest

from orchestrator.planning.observed import Hook, HookState, Stop, StopReason
from orchestrator.planning.ops import Plan, RunHook
from orchestrator.planning.probe_state import ProbeCount, ProbeKind, ProbeStatus
from tests.unit.planning.builders import T0, observed, planned, pod, seen, simple, told

STARTUP = "startupProbe: {tcpSocket: {port: 1}}"
READINESS = "readinessProbe: {tcpSocket: {port: 1}}"
LIVENESS = "livenessProbe: {tcpSocket: {port: 1}, terminationGracePeriodSeconds: 5}"
ALL = f"{STARTUP}\n{READINESS}\n{LIVENESS}"
POST_START = "lifecycle: {postStart: {exec: {command: [hello]}}}"


def kinds(plan: Plan) -> set[str]:
    return {key.kind.value for key in plan.probes}


@pytest.mark.parametrize(
    ("fields", "verdicts", "wanted"),
    [
        ("", ProbeStatus(), set()),
        (f"{READINESS}\n{LIVENESS}", ProbeStatus(), {"readiness", "liveness"}),
        # P05: the startup probe runs alone until it has succeeded.
        (ALL, ProbeStatus(), {"startup"}),
        (ALL, ProbeStatus(started=True), {"readiness", "liveness"}),
        (STARTUP, ProbeStatus(started=True), set()),
        # A verdict does not end the watching.
        (READINESS, ProbeStatus(ready=False), {"readiness"}),
    ],
)
def test_P05_the_probes_that_should_be_running(fields: str, verdicts: ProbeStatus, wanted: set[str]) -> None:
    of = simple(fields)
    assert kinds(planned(of, observed(of, seen(of), probes={"web-0": verdicts}))) == wanted


def test_P08_readiness_alone_goes_on_while_a_pod_is_deleted() -> None:
    of = simple(ALL, grace=30)
    probes = {"web-0": ProbeStatus(started=True)}
    assert kinds(planned(of, observed(of, seen(of), probes=probes))) == {"readiness"}
    stops = {"web-0": Stop(StopReason.DELETED, T0, 30, signalled_at=T0)}
    assert kinds(planned(of, observed(of, seen(of), probes=probes, stops=stops), T0 + 5)) == {"readiness"}


def test_P08_readiness_alone_goes_on_while_a_container_is_replaced() -> None:
    before, after = simple(ALL), simple(f"{ALL}\nargs: [other]")
    probes = {"web-0": ProbeStatus(started=True)}
    assert kinds(planned(after, observed(before, seen(before), probes=probes))) == {"readiness"}
    stops = {"web-0": Stop(StopReason.REPLACED, T0, 30, signalled_at=T0)}
    assert kinds(planned(after, observed(before, seen(before), probes=probes, stops=stops), T0 + 5)) == {"readiness"}


def test_P08_a_container_that_never_started_up_has_no_probe_while_it_stops() -> None:
    of = simple(ALL, grace=30)
    assert kinds(planned(of, observed(of, seen(of)))) == set()


@pytest.mark.parametrize(
    ("fields", "verdicts", "text", "grace"),
    [
        (LIVENESS, ProbeStatus(alive=False), "liveness", 5),
        (STARTUP, ProbeStatus(started=False), "startup", 30),
    ],
)
def test_P04_a_failed_verdict_stops_the_container(fields: str, verdicts: ProbeStatus, text: str, grace: float) -> None:
    of = simple(fields)
    plan = planned(of, observed(of, seen(of), probes={"web-0": verdicts}))
    assert str(plan) == f"begin stop web: {text} probe failed"
    assert told(plan) == [f"Killing: Container web failed {text} probe, will be restarted"]
    assert [op.grace for op in plan.ops] == [grace]  # type: ignore[attr-defined]


ONE = "{top}\ncontainers: [{{name: web, image: 'web:1', {own}livenessProbe: {{tcpSocket: {{port: 1}}}}}}]"
RULES = "restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [143]}}], "


@pytest.mark.parametrize(
    ("policy", "own", "suffix"),
    [
        ("OnFailure", "", ", will be restarted"),
        ("Never", "", ""),
        ("Never", "restartPolicy: Always, ", ", will be restarted"),
        ("Always", "restartPolicy: Never, ", ""),
        # It runs: there is no exit code yet that a rule could look at.
        ("Never", f"restartPolicy: Never, {RULES}", ""),
    ],
)
def test_P04_the_event_says_what_the_policy_says(policy: str, own: str, suffix: str) -> None:
    of = pod(ONE.format(top=f"restartPolicy: {policy}", own=own))
    plan = planned(of, observed(of, seen(of), probes={"web-0": ProbeStatus(alive=False)}))
    assert told(plan) == [f"Killing: Container web failed liveness probe{suffix}"]


@pytest.mark.parametrize("kind", ["startup", "liveness"])
def test_P04_a_sidecar_is_called_an_init_container_and_nothing_is_said_of_its_restart(kind: str) -> None:
    probe = f"{kind}Probe: {{tcpSocket: {{port: 1}}}}"
    of = pod(
        f"initContainers: [{{name: side, image: x, restartPolicy: Always, {probe}}}]\n"
        "containers: [{name: web, image: 'web:1'}]"
    )
    verdict = ProbeStatus(started=False) if kind == "startup" else ProbeStatus(started=True, alive=False)
    plan = planned(of, observed(of, seen(of, "side"), probes={"side-0": verdict}))
    assert f"Killing: Init container side failed {kind} probe" in told(plan)


def test_P04_a_verdict_about_an_older_attempt_does_nothing() -> None:
    of = simple(LIVENESS)
    plan = planned(of, observed(of, seen(of, attempt=1), probes={"web-0": ProbeStatus(alive=False)}))
    assert str(plan) == "nothing"


def test_P06_readiness_stops_nothing() -> None:
    of = simple(READINESS)
    assert str(planned(of, observed(of, seen(of), probes={"web-0": ProbeStatus(ready=False)}))) == "nothing"


def test_H01_postStart_runs_once_and_no_probe_before_it_has_ended() -> None:
    of = simple(f"{POST_START}\n{LIVENESS}")
    begin = planned(of, observed(of, seen(of)))
    assert str(begin) == "run hook postStart of web: it has started"
    assert isinstance(begin.ops[0], RunHook)
    assert begin.ops[0].seconds is None
    assert not begin.probes
    running = planned(of, observed(of, seen(of), post_starts={"web-0": Hook(HookState.RUNNING)}))
    assert str(running) == "nothing"
    assert running.waiting["web"].reason == "ContainerCreating"
    assert not running.probes
    done = planned(of, observed(of, seen(of), post_starts={"web-0": Hook(HookState.SUCCEEDED)}))
    assert str(done) == "nothing"
    assert not done.waiting
    assert kinds(done) == {"liveness"}


def test_H02_a_postStart_that_fails_stops_the_container() -> None:
    of = simple(POST_START)
    plan = planned(of, observed(of, seen(of), post_starts={"web-0": Hook(HookState.FAILED, "boom")}))
    assert str(plan) == "begin stop web: its postStart hook failed"
    assert told(plan) == ["Killing: FailedPostStartHook"]


def test_L08_a_slow_hook_delays_no_other_container() -> None:
    of = pod("""
        containers:
        - {name: web, image: "web:1", lifecycle: {postStart: {exec: {command: [slow]}}}}
        - {name: log, image: "log:1"}
    """)
    plan = planned(of, observed(of, seen(of), post_starts={"web-0": Hook(HookState.RUNNING)}))
    assert "start log" in str(plan)


# --- counting ---


@pytest.mark.parametrize(
    ("results", "success", "failure", "verdict"),
    [
        ("", 1, 3, None),
        ("+", 1, 3, True),
        ("-", 1, 3, None),
        ("--", 1, 3, None),
        ("---", 1, 3, False),
        ("--+--", 1, 3, True),
        ("+--", 1, 3, True),
        ("+---", 1, 3, False),
        ("---+", 1, 3, True),
        ("---+", 2, 3, False),
        ("---++", 2, 3, True),
        ("+-+-", 2, 2, None),
        ("-", 1, 1, False),
    ],
)
def test_P01_thresholds_count_results_in_a_row(results: str, success: int, failure: int, verdict: bool | None) -> None:
    count = ProbeCount()
    for result in results:
        count = count.after(result == "+", success, failure)
    assert count.verdict is verdict


@pytest.mark.parametrize("kind", list(ProbeKind))
def test_each_probe_has_a_verdict_of_its_own(kind: ProbeKind) -> None:
    status = ProbeStatus().with_verdict(kind, True)
    assert [status.verdict(each) for each in ProbeKind] == [True if each is kind else None for each in ProbeKind]
