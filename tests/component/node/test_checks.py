"""Probes and hooks at work: they report, the plan decides (P01, P04-P06, H01-H04)."""

import asyncio

import pytest

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime


class Switch:
    """Answers commands in a container; `ok` says how, command by command."""

    def __init__(self, **ok: bool) -> None:
        self.ok = ok
        self.asked: list[str] = []

    def __call__(self, argv: tuple[str, ...]) -> ExecResult:
        self.asked.append(argv[0])
        good = self.ok.get(argv[0], True)
        return ExecResult(0 if good else 1, b"fine" if good else b"sick")


def web(fields: str) -> str:
    return f"containers: [{{name: web, image: 'web:1', {fields}}}]"


def probe(kind: str, more: str = "") -> str:
    return f"{kind}Probe: {{exec: {{command: [{kind}]}}, periodSeconds: 2{more}}}"


async def test_P04_a_container_that_fails_its_liveness_probe_is_restarted(daemon: Daemon, engine: Engine) -> None:
    switch = Switch()
    engine.program("web:1", Program(exec=switch))
    daemon.pod(web(probe("liveness")))
    await daemon.ready()
    first = await engine.newest()
    switch.ok["liveness"] = False
    failing = engine.now()
    await daemon.until(lambda: "Killing" in daemon.reasons())
    assert engine.now() - failing == pytest.approx(5, abs=1.1), "three failures, two seconds apart"
    switch.ok["liveness"] = True
    await daemon.until(lambda: daemon.container().restart_count == 1 and daemon.state() == "running")
    assert daemon.reasons().count("Unhealthy") == 3
    assert daemon.message("Unhealthy") == "Liveness probe failed: sick"
    assert daemon.message("Killing") == "Container web failed liveness probe, will be restarted"
    assert (await engine.newest()).id != first.id


async def test_P06_readiness_flips_and_restarts_nothing(daemon: Daemon, engine: Engine) -> None:
    switch = Switch(readiness=False)
    engine.program("web:1", Program(exec=switch))
    daemon.pod(web(probe("readiness")))
    await daemon.until(lambda: daemon.state() == "running")
    await asyncio.sleep(10)
    assert daemon.condition("Ready") == "False"
    switch.ok["readiness"] = True
    await daemon.until(lambda: daemon.condition("Ready") == "True", 3)
    switch.ok["readiness"] = False
    await daemon.until(lambda: daemon.condition("Ready") == "False", 7)
    assert daemon.container().restart_count == 0


async def test_P05_the_startup_probe_goes_first_and_then_readiness_at_once(daemon: Daemon, engine: Engine) -> None:
    switch = Switch(startup=False)
    engine.program("web:1", Program(exec=switch))
    every = ", ".join((probe("startup", ", failureThreshold: 30"), probe("readiness"), probe("liveness")))
    daemon.pod(web(every))
    await daemon.until(lambda: daemon.state() == "running")
    await asyncio.sleep(9)
    assert set(switch.asked) == {"startup"}
    assert not daemon.container().started
    switch.ok["startup"] = True
    await daemon.until(lambda: daemon.container().started, 3)
    started = engine.now()
    await daemon.ready()
    assert engine.now() - started < 0.1
    asked = switch.asked.count("startup")
    await asyncio.sleep(10)
    assert switch.asked.count("startup") == asked


async def test_P04_a_container_that_never_starts_up_is_restarted(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(exec=Switch(startup=False)))
    daemon.pod(web(probe("startup")))
    await daemon.until(lambda: daemon.state() and daemon.container().restart_count == 1)
    assert daemon.message("Killing") == "Container web failed startup probe, will be restarted"


async def test_P03_a_probe_that_hangs_has_failed(daemon: Daemon, engine: Engine) -> None:
    async def hang(argv: tuple[str, ...]) -> ExecResult:
        await asyncio.sleep(3600)
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=hang))
    daemon.pod(web(probe("readiness", ", timeoutSeconds: 1")))
    await daemon.until(lambda: "Unhealthy" in daemon.reasons())
    assert daemon.message("Unhealthy") == 'Readiness probe failed: command timed out: "readiness" timed out after 1s'


async def test_P08_a_pod_that_is_deleted_goes_unready_when_its_probe_says_so(daemon: Daemon, engine: Engine) -> None:
    switch = Switch()
    engine.program("web:1", Program(exec=switch, ignores=("TERM",)))
    daemon.pod(web(", ".join((probe("readiness"), probe("liveness")))))
    await daemon.ready()
    daemon.delete()
    await asyncio.sleep(3)
    switch.asked.clear()
    switch.ok["readiness"] = False
    await daemon.until(lambda: daemon.condition("Ready") == "False", 10)
    assert set(switch.asked) == {"readiness"}


async def test_a_probe_of_a_port_that_nobody_named_fails_and_breaks_nothing(daemon: Daemon) -> None:
    daemon.pod(web("readinessProbe: {tcpSocket: {port: nobody}, periodSeconds: 1}"))
    await daemon.until(lambda: "Unhealthy" in daemon.reasons())
    assert daemon.message("Unhealthy") == "Readiness probe failed: couldn't find port: nobody in container web"
    assert daemon.state() == "running"


async def test_H01_a_container_is_running_when_postStart_has_ended(daemon: Daemon, engine: Engine) -> None:
    async def hello(argv: tuple[str, ...]) -> ExecResult:
        await asyncio.sleep(7)
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=hello))
    daemon.pod(web("lifecycle: {postStart: {exec: {command: [hello]}}}"))
    await daemon.ready()
    assert engine.now() - (await engine.newest()).started_at == pytest.approx(7, abs=0.1)
    states = daemon.history(lambda pod: [bool(c.state.running) for c in pod.status.container_statuses])
    assert [state for state in states if state] == [[False], [True]]


async def test_H02_a_postStart_that_fails_ends_the_container(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(exec=Switch(hello=False)), Program())
    daemon.pod(web("lifecycle: {postStart: {exec: {command: [hello]}}}"))
    await daemon.ready()
    assert daemon.message("FailedPostStartHook") == "PostStartHook failed: command 'hello' exited with 1: sick"
    assert daemon.reasons().index("FailedPostStartHook") < daemon.reasons().index("Killing")
    assert daemon.container().restart_count == 1


@pytest.mark.parametrize("hangs", [False, True])
async def test_H04_a_preStop_that_fails_or_hangs_does_not_stop_the_end(
    daemon: Daemon, engine: Engine, hangs: bool
) -> None:
    async def bye(argv: tuple[str, ...]) -> ExecResult:
        await asyncio.sleep(3600 if hangs else 1)
        return ExecResult(1, b"no")

    engine.program("web:1", Program(exec=bye, ignores=("TERM",)))
    daemon.pod(web("lifecycle: {preStop: {exec: {command: [bye]}}}"))
    await daemon.ready()
    began, web_id = engine.now(), (await engine.newest()).id
    daemon.delete(grace=10)
    await asyncio.sleep(11 if hangs else 2)
    assert [name for _, name in engine.signals(web_id)] == ["TERM"]
    await daemon.gone()
    assert engine.now() - began == pytest.approx(12 if hangs else 10, abs=0.1), "two seconds for the signal at least"
    assert daemon.reasons().count("FailedPreStopHook") == 1


async def test_P07_a_slow_probe_delays_no_other(daemon: Daemon, engine: Engine) -> None:
    """Neither another container's, nor the other probe of its own."""
    asked: list[tuple[float, str]] = []

    async def answer(argv: tuple[str, ...]) -> ExecResult:
        asked.append((engine.now(), argv[0]))
        await asyncio.sleep(50 if argv[0] == "slow" else 0)
        return ExecResult(0, b"")

    engine.program("*", Program(exec=answer))
    slow = "livenessProbe: {exec: {command: [slow]}, periodSeconds: 60, timeoutSeconds: 60}"
    fast = "readinessProbe: {exec: {command: [NAME]}, periodSeconds: 1}"
    names = ("web", "log")
    both = ", ".join(f"{{name: {name}, image: 'web:1', {slow}, {fast.replace('NAME', name)}}}" for name in names)
    daemon.pod(f"containers: [{both}]")
    await daemon.ready()
    begun = engine.now()
    await asyncio.sleep(40.5)
    for name in names:
        moments = [at - begun for at, what in asked if what == name and at > begun]
        assert moments == pytest.approx([number + 1 for number in range(40)], abs=0.2)
    assert [what for _, what in asked].count("slow") == 2


async def test_P09_the_end_of_what_a_probe_said_is_in_its_Event(daemon: Daemon, engine: Engine) -> None:
    output = b"begin" + b"x" * 20_000 + b"the reason"
    engine.program("web:1", Program(exec=lambda argv: ExecResult(1, output)))
    daemon.pod(web(probe("readiness")))
    await daemon.until(lambda: "Unhealthy" in daemon.reasons())
    said = daemon.message("Unhealthy").removeprefix("Readiness probe failed: ")
    assert said == "x" * (10 * 1024 - 10) + "the reason"


async def test_P09_values_of_the_environment_are_not_told_by_us(
    daemon: Daemon, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    engine.program("web:1", Program(exec=lambda argv: ExecResult(1, b"no good")))
    daemon.pod(web("env: [{name: PASSWORD, value: hunter2}], " + probe("liveness", ", failureThreshold: 1")))
    await daemon.until(lambda: "BackOff" in daemon.reasons())
    events = [change.object for change in daemon.changes if change.key.kind == "Event"]
    assert events
    assert all("hunter2" not in event.message for event in events)
    assert "hunter2" not in caplog.text
    assert "hunter2" not in str(daemon.get().status)
