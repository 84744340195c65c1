"""What a daemon meets at its start: an engine in trouble, and containers that only look like ours."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.engine.base import Container, ContainerConfig, EngineEvent, EngineRefused
from orchestrator.node.inventory import list_instance, pods_left_behind, remember_running
from orchestrator.planning.labels import POD as POD_LABEL
from orchestrator.planning.labels import container_labels, container_name
from orchestrator.state.store import Key
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

POD = 'containers: [{name: web, image: "web:1"}]'
OURS = ContainerConfig(
    name=container_name("default", "default", "old", "1234", "web", 0),
    image="web:1",
    labels=container_labels("default", "default", "old", "1234", "web", 0, "h", "container"),
)


async def test_a_refusal_at_the_start_is_tried_again(engine: Engine, tmp_path: Path) -> None:
    engine.fail_next("list_containers", EngineRefused("out of memory"))
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(POD)
        await daemon.ready()


async def test_what_runs_is_remembered_though_the_engine_refuses_at_first(engine: Engine, tmp_path: Path) -> None:
    await engine.create(OURS)
    engine.fail_next("list_containers", EngineRefused("out of memory"))
    daemon = Daemon(engine, tmp_path)
    listed = await list_instance(engine, "default")
    assert remember_running(listed, daemon.store) == {Key("Pod", "default", "old")}


async def test_pods_of_an_earlier_daemon_are_known(engine: Engine, tmp_path: Path) -> None:
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(POD)
        await daemon.ready()
    assert pods_left_behind(Daemon(engine, tmp_path).journal) == {Key("Pod", "default", "web")}


@pytest.mark.parametrize("name", ["somebody", "orchestrator_default_old_web_1234_1"])
async def test_what_inherits_our_labels_is_not_ours(engine: Engine, tmp_path: Path, name: str) -> None:
    """`docker run` of an image that `docker commit` made from one of our containers."""
    await engine.create(OURS)
    stranger = await engine.create(replace(OURS, name=name))
    assert [found.name for found in await list_instance(engine, "default")] == [OURS.name]
    async with Daemon(engine, tmp_path) as daemon:
        await daemon.manager.adopted.wait()
        await daemon.manager.idle()
    assert [found.id for found in await engine.list_containers({})] == [stranger]


async def test_everything_is_looked_at_once_at_a_start(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a", "b", "dies"]
    async with Daemon(engine, tmp_path) as daemon:
        for name in names:
            daemon.pod(POD, name)
        for name in names:
            await daemon.ready(name)
    looks, whole = list[Mapping[str, str]](), engine.list_containers

    async def counted(labels: Mapping[str, str], *seconds: float) -> list[Container]:
        looks.append(labels)
        listed = await whole(labels, *seconds)
        if len(looks) == 1:
            # It is seen as it was a moment ago; what has happened since is heard.
            died = next(one for one in listed if "_dies_web_" in one.name)
            await engine.kill(died.id)
            await asyncio.sleep(0.01)
        return listed

    monkeypatch.setattr(engine, "list_containers", counted)
    async with Daemon(engine, tmp_path) as second:
        for name in names:
            second.pod(POD, name)
        await second.manager.adopted.wait()
        await second.until(lambda: second.get("dies").status.container_statuses[0].restart_count == 1)
        # Once all together, and each once more when its files are written.
        others = Counter(each.get(POD_LABEL) for each in looks if each.get(POD_LABEL) != "dies")
        assert others == {None: 1, "a": 1, "b": 1}
        assert second.get("a").status.container_statuses[0].restart_count == 0


async def test_events_that_cannot_be_read_end_nothing(engine: Engine, tmp_path: Path) -> None:
    whole = engine.events

    async def broken() -> AsyncIterator[EngineEvent]:
        engine.events = whole  # type: ignore[method-assign]
        raise KeyError("Actor")
        yield

    engine.events = broken  # type: ignore[method-assign]
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(POD)
        await daemon.ready()
        engine.crash((await engine.newest()).id)
        await daemon.until(lambda: daemon.container().restart_count == 1, 30)
