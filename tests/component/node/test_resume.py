"""D01, H05: a daemon dies in the middle of a hook, a termination or a wait; the next one goes on from there.

A daemon's end in these tests is that of its tasks; what it had begun in a container goes on by itself, as it does when
the process is killed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

HOOKED = """
containers:
- name: web
  image: web:1
  lifecycle: {postStart: {exec: {command: [hello]}}, preStop: {exec: {command: [bye]}}}
"""


class Commands:
    """Notes each command; each takes `seconds`."""

    def __init__(self, seconds: float = 10.0) -> None:
        self.seconds = seconds
        self.asked: list[str] = []

    async def __call__(self, argv: tuple[str, ...]) -> ExecResult:
        self.asked.append(argv[0])
        await asyncio.sleep(self.seconds)
        return ExecResult(0, b"")


async def life(engine: Engine, folder: Path, act: Callable[[Daemon], Awaitable[None]], spec: str = HOOKED) -> None:
    """One life of a daemon that has this pod."""
    daemon = Daemon(engine, folder)
    daemon.pod(spec)
    async with daemon:
        await act(daemon)


async def test_H05_postStart_that_was_under_way_is_delivered_again_and_one_that_is_over_is_not(
    engine: Engine, tmp_path: Path
) -> None:
    commands = Commands()
    engine.program("web:1", Program(exec=commands))

    async def begun(daemon: Daemon) -> None:
        await daemon.until(lambda: "Started" in daemon.reasons())
        await asyncio.sleep(3)
        assert commands.asked == ["hello"]

    async def ready(daemon: Daemon) -> None:
        await daemon.ready()
        assert daemon.container().restart_count == 0

    await life(engine, tmp_path, begun)
    await life(engine, tmp_path, ready)
    await life(engine, tmp_path, ready)
    assert commands.asked == ["hello", "hello"]


async def test_H01_a_container_whose_postStart_failed_is_told_so_until_its_end_by_the_next_daemon_too(
    engine: Engine, tmp_path: Path
) -> None:
    async def run(argv: tuple[str, ...]) -> ExecResult:
        asked.append(argv[0])
        await asyncio.sleep(0 if argv[0] == "hello" else 20)
        return ExecResult(3 if argv[0] == "hello" else 0, b"no luck")

    asked: list[str] = []
    engine.program("web:1", Program(exec=run))

    async def stopping(daemon: Daemon) -> None:
        await daemon.until(lambda: daemon.state() == "PostStartHookError")
        await asyncio.sleep(3)
        waiting = daemon.container().state.waiting
        assert waiting is not None
        assert (waiting.reason, waiting.message.endswith("no luck")) == ("PostStartHookError", True)
        assert daemon.get().status.phase == "Pending"

    await life(engine, tmp_path, stopping)
    await life(engine, tmp_path, stopping)
    assert asked == ["hello", "bye", "bye"]


@pytest.mark.parametrize(("at", "asked"), [(3, ["bye", "bye"]), (12, ["bye"])])
async def test_H05_preStop_that_was_under_way_is_delivered_again_and_one_that_is_over_is_not(
    engine: Engine, tmp_path: Path, at: float, asked: list[str]
) -> None:
    """The grace period is that of the first daemon, whichever ends the pod."""
    commands = Commands(0)
    engine.program("web:1", Program(exec=commands, ignores=("TERM",)))
    async with Daemon(engine, tmp_path) as first:
        first.pod(HOOKED)
        await first.ready()
        commands.asked.clear()
        commands.seconds = 10
        web, began = await engine.newest(), engine.now()
        first.delete()
        await asyncio.sleep(at)
    async with Daemon(engine, tmp_path) as second:
        await second.manager.adopted.wait()
        while web.id in {c.id for c in await engine.list_containers({}) if c.phase == "running"}:
            await asyncio.sleep(0.1)
        assert engine.now() - began == pytest.approx(30, abs=0.2)
        await second.manager.idle()
        assert await engine.list_containers({}) == []
    assert commands.asked == asked


async def test_H05_preStop_is_delivered_though_the_grace_is_over_when_the_daemon_is_back(
    engine: Engine, tmp_path: Path
) -> None:
    """Never zero times, and for two seconds; then the signal, with two seconds."""
    commands = Commands(0)
    engine.program("web:1", Program(exec=commands, ignores=("TERM",)))
    async with Daemon(engine, tmp_path) as first:
        first.pod(HOOKED)
        await first.ready()
        web = (await engine.newest()).id
        commands.asked.clear()
        commands.seconds = 1000
        first.delete()
        await asyncio.sleep(3)
    await asyncio.sleep(100)
    async with Daemon(engine, tmp_path) as second:
        began = engine.now()
        await second.manager.adopted.wait()
        await asyncio.sleep(3)
        assert [(round(at - began), name) for at, name in engine.signals(web)] == [(2, "TERM")]
        await second.manager.idle()
        assert engine.now() - began == pytest.approx(4, abs=0.2)
    assert commands.asked == ["bye", "bye"]


@pytest.mark.parametrize("away", [0, 5, 100])
async def test_D01_a_restart_that_a_probe_has_decided_goes_on(engine: Engine, tmp_path: Path, away: float) -> None:
    """With one hook, one signal, and the grace period as it began."""
    commands = Commands(0)
    sick = [True, False]

    async def answer(argv: tuple[str, ...]) -> ExecResult:
        if argv[0] == "alive":
            return ExecResult(int(sick[0]), b"")
        return await commands(argv)

    engine.program("web:1", Program(exec=answer, ignores=("TERM",)), Program(exec=answer))
    probe = "  livenessProbe: {exec: {command: [alive]}, failureThreshold: 1}\n"
    spec = HOOKED + probe
    began = 0.0

    async def begun(daemon: Daemon) -> None:
        nonlocal began
        await daemon.until(lambda: "Killing" in daemon.reasons())
        began = engine.now()
        await asyncio.sleep(3)

    await life(engine, tmp_path, begun, spec)
    web = (await engine.newest()).id
    sick[0] = False
    await asyncio.sleep(away)

    async def ended(daemon: Daemon) -> None:
        await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
        assert [name for _, name in engine.signals(web)] == ["TERM", "KILL"]
        assert engine.signals(web)[1][0] - began == pytest.approx(max(30, 3 + away), abs=0.5)
        await asyncio.sleep(100)
        assert daemon.container().restart_count == 1

    await life(engine, tmp_path, ended, spec)
    assert commands.asked == ["hello", "bye", "hello"]


async def test_D01_a_deletion_that_was_taken_back_before_any_signal_stops_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    commands = Commands(0)
    engine.program("web:1", Program(exec=commands))
    async with Daemon(engine, tmp_path) as first:
        first.pod(HOOKED)
        await first.ready()
        web = (await engine.newest()).id
        commands.seconds = 10
        first.delete()
        await asyncio.sleep(3)

    async def ready(daemon: Daemon) -> None:
        await daemon.ready()
        await asyncio.sleep(60)
        assert (await engine.newest()).id == web
        assert engine.signals(web) == []
        assert daemon.container().restart_count == 0

    await life(engine, tmp_path, ready)


async def test_D01_an_init_container_that_runs_goes_on_and_one_that_ended_is_not_run_again(
    engine: Engine, tmp_path: Path
) -> None:
    init = ", ".join(f'{{name: {name}, image: "init:1"}}' for name in ("first", "second"))
    spec = f'initContainers: [{init}]\ncontainers: [{{name: web, image: "web:1"}}]'
    engine.program("init:1", Program(run_for=10))

    async def wait(daemon: Daemon) -> None:
        await daemon.until(lambda: daemon.state("first") == "running")

    await life(engine, tmp_path, wait, spec)
    first = (await engine.newest("first")).id
    await asyncio.sleep(20)

    async def wait_more(daemon: Daemon) -> None:
        await daemon.until(lambda: daemon.state("second") == "running")

    await life(engine, tmp_path, wait_more, spec)
    second = (await engine.newest("second")).id

    async def ready(daemon: Daemon) -> None:
        await daemon.ready()
        assert [(await engine.newest(name)).id for name in ("first", "second")] == [first, second]
        assert [daemon.container(name).restart_count for name in ("first", "second", "web")] == [0, 0, 0]

    await life(engine, tmp_path, ready, spec)


async def test_P07_a_daemon_that_comes_back_spreads_the_first_runs_of_its_probes(
    engine: Engine, tmp_path: Path
) -> None:
    """Over the period; a container that it starts itself is probed at once."""
    firsts: dict[str, float] = {}

    def alive(argv: tuple[str, ...]) -> ExecResult:
        firsts.setdefault(argv[-1], engine.now())
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=alive))
    spec = "containers: [{name: web, image: 'web:1', livenessProbe: {exec: {command: [alive, %s]}, periodSeconds: 50}}]"
    names = [f"web{number}" for number in range(20)]
    async with Daemon(engine, tmp_path) as first:
        for name in names:
            first.pod(spec % name, name)
        for name in names:
            await first.ready(name)
        await asyncio.sleep(1)
        assert len(firsts) == 20, "each was probed at once"
    firsts.clear()
    second = Daemon(engine, tmp_path)
    for name in names:
        second.pod(spec % name, name)
    async with second:
        await second.manager.adopted.wait()
        begun = engine.now()
        await asyncio.sleep(51)
        after = [moment - begun for moment in firsts.values()]
        assert len(after) == 20
        assert max(after) < 50.5, "each within its period"
        # Their moments are as good as random: that twenty lie so near to one another comes once in 10^12 runs.
        assert max(after) - min(after) > 10


async def test_D01_a_reader_sees_what_was_last_told_until_the_new_daemon_has_looked(
    engine: Engine, tmp_path: Path
) -> None:
    """Nor do conditions forget since when they hold."""
    async with Daemon(engine, tmp_path) as first:
        first.pod('containers: [{name: web, image: "web:1"}]')
        await first.ready()
        await asyncio.sleep(5)
        told = first.get().status
    await asyncio.sleep(100)
    second = Daemon(engine, tmp_path)
    second.pod('containers: [{name: web, image: "web:1"}]')
    assert second.get().status == told
    async with second:
        await second.manager.adopted.wait()
        await asyncio.sleep(5)
        assert second.get().status == told
        assert second.history(lambda pod: pod.status) == [told]
        second.delete()
        await second.gone()
        assert list(second.journal.items("statuses")) == []


async def test_D01_what_was_told_of_another_pod_of_the_name_is_not_told_of_this_one(
    engine: Engine, tmp_path: Path
) -> None:
    async with Daemon(engine, tmp_path) as first:
        first.pod('containers: [{name: web, image: "web:1"}]')
        await first.ready()
    second = Daemon(engine, tmp_path)
    second.pod('hostname: other\ncontainers: [{name: web, image: "web:1"}]')
    assert second.get().status.container_statuses == ()
    async with second:
        await second.ready()
