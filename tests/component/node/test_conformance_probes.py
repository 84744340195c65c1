"""What Kubernetes' conformance tests say of probes and need minutes for, on virtual time (docs/conformance.md)."""

import asyncio

import pytest

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

FINE, SICK = ExecResult(0, b"fine"), ExecResult(1, b"sick")


def web(fields: str, spec: str = "") -> str:
    """A pod's spec with one container."""
    return f"{spec}\ncontainers: [{{name: web, image: 'web:1', {fields}}}]"


def probe(kind: str, **numbers: int) -> str:
    """A probe that runs a command by the name of its kind."""
    more = "".join(f", {name}: {value}" for name, value in numbers.items())
    return f"{kind}Probe: {{exec: {{command: [{kind}]}}{more}}}"


def healthy_for(engine: Engine, seconds: float) -> Program:
    """A program whose health file is there for so long after each of its starts."""

    async def cat(argv: tuple[str, ...]) -> ExecResult:
        age = engine.now() - (await engine.newest()).started_at
        return FINE if age < seconds else SICK

    return Program(exec=cat)


async def test_P01_not_ready_before_the_initial_delay_and_never_restarted(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(web(probe("readiness", initialDelaySeconds=15)))
    await daemon.ready()
    assert engine.now() - (await engine.newest()).started_at >= 15
    await asyncio.sleep(60)
    assert daemon.condition("Ready") == "True"
    assert daemon.container().restart_count == 0


async def test_P06_what_fails_readiness_is_never_ready_and_never_restarted(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(exec=lambda argv: SICK))
    daemon.pod(web(probe("readiness", initialDelaySeconds=5)))
    await daemon.until(lambda: daemon.state() == "running")
    await asyncio.sleep(60)
    conditions = daemon.history(lambda pod: [c.status for c in pod.status.conditions if c.type == "Ready"])
    assert ["False"] in conditions
    assert ["True"] not in conditions
    assert daemon.container().restart_count == 0


async def test_P04_a_health_file_that_vanishes_restarts_once(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", healthy_for(engine, 10), Program())
    daemon.pod(web(probe("liveness", initialDelaySeconds=15, failureThreshold=1)))
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    second, first = [attempt.started_at for attempt in await engine.of("web")]
    assert 15 <= second - first < 30
    await asyncio.sleep(240)
    assert daemon.container().restart_count == 1


async def test_P04_what_is_healthy_for_four_minutes_is_not_restarted(daemon: Daemon, engine: Engine) -> None:
    asked: list[float] = []

    def cat(argv: tuple[str, ...]) -> ExecResult:
        asked.append(engine.now())
        return FINE

    engine.program("web:1", Program(exec=cat))
    daemon.pod(web(probe("liveness", initialDelaySeconds=15, failureThreshold=1)))
    await daemon.ready()
    await asyncio.sleep(240)
    assert len(asked) >= 22, "every ten seconds"
    assert daemon.container().restart_count == 0
    assert "Unhealthy" not in daemon.reasons()


async def test_P04_the_restart_count_only_grows_five_times_in_five_minutes(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", healthy_for(engine, 10))
    daemon.pod(web(probe("liveness", initialDelaySeconds=5, failureThreshold=1)))
    await daemon.until(lambda: daemon.state() == "running")
    began = engine.now()
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 5, 300)
    waits = 10 + 20 + 40 + 80
    assert engine.now() - began > waits + 5 * 10, "with back-off"
    counts = daemon.history(lambda pod: [c.restart_count for c in pod.status.container_statuses])
    assert [count for count in counts if count] == [[0], [1], [2], [3], [4], [5]]


@pytest.mark.parametrize("code", [0, 1])
async def test_P03_liveness_that_takes_too_long_restarts_whatever_its_exit_code(
    daemon: Daemon, engine: Engine, code: int
) -> None:
    async def slow(argv: tuple[str, ...]) -> ExecResult:
        await asyncio.sleep(10)
        return ExecResult(code, b"")

    engine.program("web:1", Program(exec=slow), Program())
    daemon.pod(web(probe("liveness", initialDelaySeconds=15, timeoutSeconds=1, failureThreshold=1)))
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    words = 'Liveness probe failed: command timed out: "liveness" timed out after 1s'
    assert daemon.message("Unhealthy") == words


async def test_P03_readiness_that_takes_too_long_is_never_ready(daemon: Daemon, engine: Engine) -> None:
    async def slow(argv: tuple[str, ...]) -> ExecResult:
        await asyncio.sleep(10)
        return FINE

    engine.program("web:1", Program(exec=slow))
    daemon.pod(web(probe("readiness", timeoutSeconds=1)))
    await daemon.until(lambda: "Unhealthy" in daemon.reasons())
    await asyncio.sleep(60)
    assert daemon.condition("Ready") == "False"
    assert ["True"] not in daemon.history(lambda pod: [c.status for c in pod.status.conditions if c.type == "Ready"])
    assert daemon.container().restart_count == 0


async def test_P05_liveness_restarts_once_startup_has_let_it_begin(daemon: Daemon, engine: Engine) -> None:
    """Liveness fails from the first second; the startup probe holds it back for twenty."""

    async def answer(argv: tuple[str, ...]) -> ExecResult:
        age = engine.now() - (await engine.newest()).started_at
        return FINE if argv[0] == "startup" and age >= 20 else SICK

    engine.program("web:1", Program(exec=answer), Program())
    probes = probe("startup", periodSeconds=1, failureThreshold=60), probe("liveness", failureThreshold=1)
    daemon.pod(web(", ".join(probes)))
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    second, first = [attempt.started_at for attempt in await engine.of("web")]
    assert second - first >= 20
    assert daemon.message("Killing") == "Container web failed liveness probe, will be restarted"


@pytest.mark.parametrize("kind", ["liveness", "startup"])
async def test_P01_a_probe_s_own_grace_period_beats_the_pod_s(daemon: Daemon, engine: Engine, kind: str) -> None:
    engine.program("web:1", Program(exec=lambda argv: SICK, ignores=("TERM",)), Program())
    own = probe(kind, periodSeconds=1, failureThreshold=1, terminationGracePeriodSeconds=5)
    daemon.pod(web(own, "terminationGracePeriodSeconds: 500"))
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    dead = (await engine.of("web"))[1]
    (term, _), (kill, _) = engine.signals(dead.id)
    assert [name for _, name in engine.signals(dead.id)] == ["TERM", "KILL"]
    assert kill - term == pytest.approx(5, abs=0.2)
