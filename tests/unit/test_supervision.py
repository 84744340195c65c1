"""Signs of life: how often, when none, and what is told with them.  On virtual time."""

import asyncio

import pytest

from orchestrator.supervision import PERIOD, Supervision, summary
from orchestrator.systemd import Notifier

pytestmark = pytest.mark.looptime


class Heard(Notifier):
    """A manager that writes down what it is told, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[float, str]] = []

    def send(self, *assignments: str) -> None:
        now = asyncio.get_running_loop().time()
        self.told += ((now, assignment) for assignment in assignments)

    def times(self, assignment: str) -> list[float]:
        return [round(at, 3) for at, what in self.told if what == assignment]


async def run_for(supervision: Supervision, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await supervision.run()


async def test_the_watchdog_is_fed_three_times_in_its_time_and_at_least_every_five_seconds() -> None:
    heard = Heard()
    supervision = Supervision(heard, 3.0, summary=lambda: "", stuck=lambda: "")
    await run_for(supervision, 3.5)
    assert heard.times("WATCHDOG=1") == [1.0, 2.0, 3.0]

    heard = Heard()
    begun = asyncio.get_running_loop().time()
    await run_for(Supervision(heard, 600.0, summary=lambda: "", stuck=lambda: ""), PERIOD + 1)
    assert heard.times("WATCHDOG=1") == [round(begun + PERIOD, 3)]


async def test_nothing_is_fed_while_something_is_stuck_and_that_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    heard, stuck = Heard(), ["default/web: start container main: not over after 901 s"]
    supervision = Supervision(heard, 3.0, summary=lambda: "", stuck=lambda: stuck[0])
    await run_for(supervision, 3.5)
    assert heard.times("WATCHDOG=1") == []
    assert caplog.text.count("no sign of life for the watchdog: default/web: start container main") == 1
    stuck[0] = ""
    await run_for(supervision, 1.5)
    assert len(heard.times("WATCHDOG=1")) == 1


async def test_status_is_told_when_it_changes() -> None:
    heard, text = Heard(), ["1 pod: 1 Pending"]
    supervision = Supervision(heard, 3.0, summary=lambda: text[0], stuck=lambda: "")
    supervision.ready()
    await run_for(supervision, 2.5)
    text[0] = "1 pod: 1 Running"
    await run_for(supervision, 2.5)
    assert [what for _, what in heard.told if what != "WATCHDOG=1"] == [
        "READY=1",
        "STATUS=1 pod: 1 Pending",
        "STATUS=1 pod: 1 Running",
    ]


async def test_a_reload_is_told_before_and_after() -> None:
    heard, asked = Heard(), asyncio.Event()
    supervision = Supervision(heard, None, summary=lambda: "0 pods", stuck=lambda: "")

    async def wait() -> None:
        await asked.wait()
        asked.clear()

    async def reload() -> None:
        await asyncio.sleep(2)
        heard.send("read")

    task = asyncio.create_task(supervision.reload_for_ever(wait, reload))
    await asyncio.sleep(1)
    assert heard.told == []
    asked.set()
    await asyncio.sleep(5)
    names = [what.split("=")[0] for _, what in heard.told]
    assert names == ["RELOADING", "MONOTONIC_USEC", "read", "READY", "STATUS"]
    task.cancel()


async def test_the_summary_counts() -> None:
    assert summary([], (), "") == "0 pods"
    assert summary(["Running", None, "Running"], ("a", "b"), "away") == (
        "3 pods: 2 Running, 1 Pending; 2 problems in the specs; the engine does not answer"
    )
