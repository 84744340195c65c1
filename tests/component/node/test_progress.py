"""When the watchdog is fed: while workers get on, in whatever trouble the engine is; never while one hangs (D07)."""

import asyncio
from typing import Any

import pytest

from orchestrator.node.progress import LIMIT
from orchestrator.supervision import Supervision
from orchestrator.systemd import Notifier
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

WEB = 'containers: [{name: web, image: "web:1"}]'


class Manager(Notifier):
    """A service manager that counts the signs of life."""

    def __init__(self) -> None:
        super().__init__()
        self.signs = 0

    def send(self, *assignments: str) -> None:
        self.signs += "WATCHDOG=1" in assignments


async def signs(daemon: Daemon, seconds: float) -> int:
    """How many signs of life there are in a time."""
    manager = Manager()
    supervision = Supervision(manager, 30.0, summary=str, stuck=daemon.manager.stuck)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await supervision.run()
    return manager.signs


async def test_D07_a_worker_that_hangs_in_a_step_ends_the_signs_of_life(
    engine: Engine, daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    engine.freeze_at(2, False)
    daemon.pod(WEB)
    await asyncio.wait_for(engine.frozen.wait(), 60)
    assert await signs(daemon, LIMIT - 60) > 100
    await asyncio.sleep(60)
    assert await signs(daemon, 60) == 0
    assert daemon.manager.stuck().startswith("default/web: start POD: the pod has no sandbox: not over after")
    assert caplog.text.count("no sign of life for the watchdog") == 1


async def test_D07_an_engine_that_is_away_for_hours_is_no_reason(engine: Engine, daemon: Daemon) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    engine.go_away()
    daemon.pod(WEB, "other")
    assert await signs(daemon, 7200) == 7200 // 5 - 1


async def test_D07_a_manager_that_does_not_read_the_store_ends_the_signs_of_life(
    engine: Engine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    assert await signs(daemon, 60) > 10

    async def never(_self: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(type(daemon.manager._watch), "next", never)
    daemon.pod(WEB, "one")
    daemon.pod(WEB, "two")
    await asyncio.sleep(1)
    daemon.pod(WEB, "three")
    # The first look finds it behind, the second that it does not move.
    assert await signs(daemon, 60) <= 1
    assert daemon.manager.stuck() == "the node does not see what the specs say"
