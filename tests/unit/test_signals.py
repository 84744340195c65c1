"""Signals while the daemon starts: none is lost, and none ends it by itself."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from orchestrator.signals import Signals


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    taken = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in taken.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_start_that_hangs_is_ended_in_order(number: signal.Signals) -> None:
    signals, tidied = Signals(), False

    async def start() -> str:
        nonlocal tidied
        os.kill(os.getpid(), number)
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            tidied = True

    async with asyncio.timeout(20):
        assert await signals.unless_ended(start()) is None
    assert tidied


async def test_a_wish_to_reload_meanwhile_is_kept_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.signals._has_terminal", lambda: False)
    signals = Signals()

    async def start() -> str:
        os.kill(os.getpid(), signal.SIGHUP)
        return "begun"

    async with asyncio.timeout(20):
        assert await signals.unless_ended(start()) == "begun"
        await signals.reload()


async def test_a_signal_at_the_last_moment_ends_what_was_begun() -> None:
    signals, begun = Signals(), asyncio.Event()

    async def start() -> str:
        await begun.wait()
        return "begun"

    def both() -> None:
        begun.set()
        signals._ends.put_nowait(signal.SIGTERM)

    asyncio.get_running_loop().call_soon(both)
    async with asyncio.timeout(20):
        assert await signals.unless_ended(start()) == "begun"
        assert await signals.end() == signal.SIGTERM


async def test_a_start_that_fails_fails() -> None:
    async def start() -> str:
        raise KeyError("engine")

    with pytest.raises(KeyError, match="engine"):
        await Signals().unless_ended(start())
