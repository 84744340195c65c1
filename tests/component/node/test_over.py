"""L01: what is Succeeded or Failed stays so.  An edit of its containers is another pod, which runs from the start."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

SPECS = {
    "succeeded": 'restartPolicy: Never\ncontainers: [{name: web, image: "web:1"}]',
    "failed": 'restartPolicy: Never\ncontainers: [{name: web, image: "web:1"}]',
    "deadline": 'activeDeadlineSeconds: 3\ncontainers: [{name: web, image: "web:1"}]',
    "init": (
        'restartPolicy: Never\ninitContainers: [{name: first, image: "init:1"}]\n'
        'containers: [{name: web, image: "web:1"}]'
    ),
}
PHASES = {"succeeded": "Succeeded", "failed": "Failed", "deadline": "Failed", "init": "Failed"}
OTHER_IMAGE = ("web:1", "web:2")
ONE_MORE = ("{name: web", "{name: log, image: 'log:1'}, {name: web")


def ends(daemon: Daemon, engine: Engine, how: str) -> None:
    """Apply the pod that comes to this end."""
    engine.program("web:1", Program(run_for=None if how == "deadline" else 1, exit_code=int(how == "failed")))
    engine.program("init:1", Program(run_for=1, exit_code=1), Program(run_for=1))
    daemon.pod(SPECS[how])


def lives(daemon: Daemon) -> list[tuple[str, str]]:
    """Each phase that was told, with the uid that it was told of, one after another."""
    found: list[tuple[str, str]] = daemon.history(lambda pod: (pod.metadata.uid, pod.status.phase or ""))
    return [life for life in found if life[1]]


def by_uid(told: list[tuple[str, str]]) -> list[list[str]]:
    return [[phase for uid, phase in told if uid == one] for one in dict.fromkeys(uid for uid, _ in told)]


@pytest.mark.parametrize("edit", [OTHER_IMAGE, ONE_MORE], ids=["another image", "one more container"])
@pytest.mark.parametrize("how", SPECS)
async def test_L01_an_edit_of_a_pod_that_is_over_is_another_pod(
    daemon: Daemon, engine: Engine, how: str, edit: tuple[str, str]
) -> None:
    ends(daemon, engine, how)
    await daemon.until(lambda: daemon.get().status.phase == PHASES[how])
    first = daemon.get().metadata.uid
    engine.program("web:1", Program())
    daemon.pod(SPECS[how].replace(*edit))
    await daemon.until(lambda: daemon.condition("Ready") == "True")
    assert daemon.get().metadata.uid != first
    assert (daemon.container().restart_count, daemon.container().last_state.terminated) == (0, None)
    before, after = by_uid(lives(daemon))
    assert before[-1] == PHASES[how], "a phase that is final is left by no pod"
    assert before.count(PHASES[how]) == 1
    assert after == ["Pending", "Running"]
    uids = {container.labels["orchestrator.dev/uid"] for container in await engine.list_containers({})}
    assert uids == {daemon.get().metadata.uid}


@pytest.mark.parametrize("how", SPECS)
async def test_L01_so_it_is_for_a_daemon_that_finds_the_edit_at_its_start(
    engine: Engine, tmp_path: Path, how: str
) -> None:
    async with Daemon(engine, tmp_path) as daemon:
        ends(daemon, engine, how)
        await daemon.until(lambda: daemon.get().status.phase == PHASES[how])
        first = daemon.get().metadata.uid
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(SPECS[how].replace(*OTHER_IMAGE))
        await daemon.until(lambda: daemon.condition("Ready") == "True")
        assert daemon.get().metadata.uid != first
        assert by_uid(lives(daemon))[-1] == ["Pending", "Running"]


@pytest.mark.parametrize("how", SPECS)
async def test_L01_what_else_is_edited_leaves_it_as_it_is(daemon: Daemon, engine: Engine, how: str) -> None:
    ends(daemon, engine, how)
    await daemon.until(lambda: daemon.get().status.phase == PHASES[how])
    before, made = daemon.get(), engine.changes["create"]
    daemon.pod(f"terminationGracePeriodSeconds: 3\n{SPECS[how]}", labels={"a": "b"})
    await asyncio.sleep(60)
    after = daemon.get()
    assert (after.metadata.uid, after.metadata.labels) == (before.metadata.uid, {"a": "b"})
    assert (after.status.phase, engine.changes["create"]) == (PHASES[how], made)
    assert after.status.observed_generation == after.metadata.generation == 2


async def test_L01_an_edit_while_it_still_ends_is_another_pod_too(daemon: Daemon, engine: Engine) -> None:
    """Its deadline has come, its process takes its time: what is wanted now runs when that is gone."""
    spec = "activeDeadlineSeconds: 30\nterminationGracePeriodSeconds: 20\ncontainers: [{name: web, image: 'web:1'}]"
    engine.program("web:1", Program(ignores=("TERM",)))
    daemon.pod(spec)
    await daemon.until(lambda: "DeadlineExceeded" in daemon.reasons())
    first, began = daemon.get().metadata.uid, engine.now()
    await asyncio.sleep(5)
    assert daemon.get().status.phase == "Running", "a process of it runs"
    daemon.pod(spec.replace("web:1", "web:2"))
    await daemon.until(lambda: daemon.state() == "ContainerCreating")
    waiting = daemon.container().state.waiting
    assert waiting is not None
    assert waiting.message == "the pod that had this name before is still ending"
    await daemon.until(lambda: daemon.condition("Ready") == "True")
    assert daemon.get().metadata.uid != first
    assert 19 <= engine.now() - began <= 21, "the pod before keeps its grace period, and gets no second one"


async def test_D01_a_pod_that_is_over_stays_so_whatever_becomes_of_its_containers(
    daemon: Daemon, engine: Engine
) -> None:
    ends(daemon, engine, "failed")
    await daemon.until(lambda: daemon.get().status.phase == "Failed")
    engine.destroy((await engine.newest()).id)
    await asyncio.sleep(120)
    assert daemon.phases()[-1] == "Failed"
    assert await engine.list_containers({}) == []
