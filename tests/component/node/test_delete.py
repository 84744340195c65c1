"""L11, D01: a pod that a user deletes ends in order, once, and is made anew, whatever becomes of the daemon."""

import asyncio
import logging
from pathlib import Path

import pytest

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.node.inventory import known_pods
from orchestrator.planning.surroundings import Surroundings
from orchestrator.state.store import Key
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

WEB = Key("Pod", "default", "web")
PLAIN = 'containers: [{name: web, image: "web:1"}]'
HOOKED = """
containers:
- name: web
  image: web:1
  lifecycle: {preStop: {exec: {command: [bye]}}}
"""


def sent(engine: Engine, container: str, since: float) -> list[tuple[int, str]]:
    """The signals that a container was sent, each with its second."""
    return [(round(at - since), signal) for target, at, signal in engine.sent if target == container]


async def test_L11_it_ends_in_order_and_is_made_anew_without_a_past(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(exit_code=1, run_for=5))
    daemon.pod(PLAIN)
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    first, began = daemon.get().metadata.uid, engine.now()
    engine.program("web:1", Program(ignores=("TERM",)))
    daemon.store.end(WEB, 10)
    await daemon.until(lambda: daemon.find() is not None and daemon.get().metadata.uid != first)
    assert engine.now() - began <= 10.1
    await daemon.ready()
    assert daemon.container().restart_count == 0
    assert daemon.container().last_state.terminated is None
    assert {container.labels["orchestrator.dev/uid"] for container in await engine.list_containers({})} == {
        daemon.get().metadata.uid
    }
    assert {uid for uid, _ in daemon.journal.items("pods")} == {daemon.get().metadata.uid}


async def test_L10_whoever_watches_a_pod_to_its_end_sees_how_it_ended(daemon: Daemon) -> None:
    daemon.pod(PLAIN)
    daemon.pod(PLAIN.replace("web:1", "web:9"), "never")
    await daemon.ready()
    await daemon.until(lambda: daemon.state(pod="never") == "ImagePullBackOff")
    for name in ("web", "never"):
        daemon.delete(name)
        await daemon.gone(name)
    assert daemon.phases() == ["Pending", "Running", "Failed"]
    assert daemon.phases("never") == ["Pending", "Failed"]


async def test_N02_neither_hook_nor_signal_comes_before_new_connections_go_elsewhere(
    daemon: Daemon, engine: Engine
) -> None:
    daemon.pod(PLAIN)
    await daemon.ready()
    first, web, began = daemon.get().metadata.uid, (await engine.newest()).id, engine.now()
    daemon.withdrawn.clear()
    daemon.store.end(WEB, 10)
    await asyncio.sleep(3)
    assert sent(engine, web, began) == []
    daemon.withdrawn.set()
    await daemon.until(lambda: daemon.find() is not None and daemon.get().metadata.uid != first)
    assert sent(engine, web, began) == [(3, "TERM")]


async def test_L11_force_does_not_wait_for_a_hook_nor_does_the_pod_that_comes_after(
    daemon: Daemon, engine: Engine
) -> None:
    daemon.pod("containers: [{name: web, image: 'web:1', lifecycle: {preStop: {sleep: {seconds: 25}}}}]")
    await daemon.ready()
    first, web = daemon.get().metadata.uid, (await engine.newest()).id
    began = engine.now()
    daemon.store.end(WEB)
    await asyncio.sleep(5)
    assert sent(engine, web, began) == []
    daemon.store.end(WEB, 0)
    await daemon.until(lambda: daemon.find() is not None and daemon.get().metadata.uid != first)
    assert engine.now() - began == pytest.approx(5, abs=0.1)
    assert sent(engine, web, began) == [(5, "KILL")]
    await daemon.ready()
    await asyncio.sleep(60)
    assert "FailedPreStopHook" not in daemon.reasons()


async def test_L11_a_shorter_grace_that_is_over_already_leaves_the_signal_its_two_seconds(
    daemon: Daemon, engine: Engine
) -> None:
    async def bye(_argv: tuple[str, ...]) -> ExecResult:
        await asyncio.sleep(1000)
        return ExecResult(0, b"")

    engine.program("web:1", Program(ignores=("TERM",), exec=bye))
    daemon.pod(HOOKED)
    await daemon.ready()
    web, began = (await engine.newest()).id, engine.now()
    daemon.store.end(WEB, 500)
    await asyncio.sleep(20)
    daemon.store.end(WEB, 600)
    await asyncio.sleep(1)
    assert sent(engine, web, began) == []
    daemon.store.end(WEB, 10)
    await daemon.until(lambda: daemon.find() is not None and not daemon.get().metadata.deletion_timestamp)
    assert sent(engine, web, began) == [(21, "TERM"), (23, "KILL")]


@pytest.mark.parametrize("seconds", [0, 3, 15])
async def test_D01_a_deletion_goes_on_when_the_daemon_comes_back(
    engine: Engine, tmp_path: Path, seconds: float
) -> None:
    """The daemon ends before anything was done, while the hook runs, or after the signal."""
    asked: list[str] = []

    async def bye(argv: tuple[str, ...]) -> ExecResult:
        asked.append(argv[0])
        await asyncio.sleep(10)
        return ExecResult(0, b"")

    engine.program("web:1", Program(ignores=("TERM",), exec=bye))
    async with Daemon(engine, tmp_path) as first:
        first.pod(HOOKED)
        await first.ready()
        uid, web = first.get().metadata.uid, (await engine.newest()).id
        began = engine.now()
        first.store.end(WEB, 20)
        await asyncio.sleep(seconds)

    second = Daemon(engine, tmp_path)
    second.pod(HOOKED)
    assert (second.get().metadata.uid, second.get().metadata.deletion_grace_period_seconds) == (uid, 20)
    async with second:
        await second.until(lambda: second.find() is not None and second.get().metadata.uid != uid)
        assert engine.now() - began == pytest.approx(20, abs=0.2)
        assert [signal for _, signal in sent(engine, web, began)] == ["TERM", "KILL"]
        await second.ready()
        again = second.get().metadata.uid
        await asyncio.sleep(100)
        assert second.get().metadata.uid == again
    assert 1 <= len(asked) <= 2

    third = Daemon(engine, tmp_path)
    third.pod(HOOKED)
    async with third:
        await third.ready()
        assert third.get().metadata.uid == again
        assert third.container().restart_count == 0


@pytest.mark.parametrize("asked", [False, True])
async def test_L11_what_an_earlier_daemon_began_to_delete_can_be_hurried(
    engine: Engine, tmp_path: Path, asked: bool
) -> None:
    """Its spec is gone: it is still told of, and a user may lose patience."""
    engine.program("web:1", Program(ignores=("TERM",)))
    async with Daemon(engine, tmp_path) as first:
        first.pod(PLAIN)
        await first.ready()
        web, began = (await engine.newest()).id, engine.now()
        first.delete(grace=600)
        await asyncio.sleep(5)

    second = Daemon(engine, tmp_path)
    second.store.go_on_going(known_pods(second.journal))
    second.store.forget_lost([])
    async with second:
        await asyncio.sleep(5)
        going = second.get()
        assert (going.metadata.deletion_grace_period_seconds, going.status.phase) == (600, "Running")
        if asked:
            second.store.end(WEB, 2)
        await second.until(lambda: second.find() is None, 1000)
        ends = 10 if asked else 600
        assert sent(engine, web, began) == [(0, "TERM"), (ends, "KILL")]
        await second.manager.idle()
    assert await engine.list_containers({}) == []


def _surprises(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert all(not record.exc_info for record in caplog.records if record.levelno > logging.DEBUG)
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


async def test_a_bug_in_a_worker_is_one_line_and_the_pod_comes_up(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Daemon._surroundings
    broken = [True]

    def surroundings(daemon: Daemon, namespace: str) -> Surroundings:
        if broken.pop() if broken else False:
            raise KeyError("Id")
        return right(daemon, namespace)

    monkeypatch.setattr(Daemon, "_surroundings", surroundings)
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(PLAIN)
        await daemon.ready()
    (line,) = _surprises(caplog)
    assert line.startswith("Pod/default/web: trying again in 0.2 s: this should not happen: KeyError: 'Id' (")


async def test_a_bug_beside_a_worker_is_one_line_and_another_worker_goes_on(
    daemon: Daemon, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [KeyError("Id")]

    async def hello(_argv: tuple[str, ...]) -> ExecResult:
        if answers:
            raise answers.pop()
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=hello))
    daemon.pod("containers: [{name: web, image: 'web:1', lifecycle: {postStart: {exec: {command: [hello]}}}}]")
    await daemon.ready()
    (line,) = _surprises(caplog)
    assert line.startswith("Pod/default/web: its worker broke, starting another in 5 s: this should not happen: Key")


async def test_L11_a_deletion_takes_no_time_from_an_edit_that_ends_the_container(
    daemon: Daemon, engine: Engine
) -> None:
    """The edit would have ended it at 60; the deletion at 50 promises 80, and must not end it at once."""
    spec = "terminationGracePeriodSeconds: 60\ncontainers: [{{name: web, image: 'web:1', args: [{}]}}]"
    engine.program("web:1", Program(ignores=("TERM",)))
    daemon.pod(spec.format("a"))
    await daemon.ready()
    web, began = (await engine.newest()).id, engine.now()
    daemon.pod(spec.format("b"))
    await asyncio.sleep(50)
    daemon.delete(grace=30)
    await daemon.gone()
    assert sent(engine, web, began) == [(0, "TERM"), (60, "KILL")]
