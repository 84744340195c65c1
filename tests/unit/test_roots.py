"""What should not happen: one line for the user, and everything else goes on."""

import asyncio
import itertools
import logging
import re

import pytest

from orchestrator import app
from orchestrator.errors import Unavailable
from orchestrator.roots import LoopTroubles, for_ever
from orchestrator.settings import Settings

SETTINGS = Settings(specs=())


@pytest.mark.looptime
async def test_a_root_that_breaks_begins_anew_and_says_so_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[float] = []
    clock = asyncio.get_running_loop().time

    async def work() -> None:
        begun.append(clock())
        if len(begun) < 4:
            raise KeyError("Id")
        await asyncio.Event().wait()

    caplog.set_level(logging.INFO)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await for_ever("node", work)
    assert [after - before for before, after in itertools.pairwise(begun)] == [0.5, 1.0, 2.0]
    assert "node broke, beginning anew in 0.5 s: this should not happen: KeyError: 'Id' (test_roots.py:" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable("cannot reach it"), "orchestrator: cannot reach it\n"),
        (
            ExceptionGroup("g", [ExceptionGroup("h", [Unavailable("cannot reach it")])]),
            "orchestrator: cannot reach it\n",
        ),
        (
            app.BadSpecs("a.yaml:1:1: wrong"),
            "a.yaml:1:1: wrong\norchestrator: cannot start: the specs have errors; nothing was touched\n",
        ),
        (
            ExceptionGroup("g", [ValueError("two\nlines")]),
            "orchestrator: cannot go on: this should not happen: ValueError: two lines\n",
        ),
    ],
)
def test_no_traceback_ever_reaches_a_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    async def run(_settings: Settings) -> None:
        raise error

    monkeypatch.setattr(app, "run", run)
    assert app.main(SETTINGS) == 1
    assert re.sub(r" \(test_roots\.py:\d+\)", "", capsys.readouterr().err) == said


def test_a_daemon_that_ends_well_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(_settings: Settings) -> None:
        return

    monkeypatch.setattr(app, "run", run)
    assert app.main(SETTINGS) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.looptime
async def test_what_nobody_awaits_is_a_line_and_the_same_is_not_told_all_the_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(LoopTroubles())
    full = OSError(24, "Too many open files")
    for _ in range(400):
        loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": full})
        await asyncio.sleep(0.1)
    assert caplog.text.count("out of system resource: this should not happen: OSError: [Errno 24]") == 2
    loop.call_soon(lambda: {}["Id"])
    loop.call_exception_handler({"message": "a transport that is odd"})
    await asyncio.sleep(0.1)
    assert "Exception in callback" in caplog.text
    assert "this should not happen: KeyError: 'Id' (test_roots.py:" in caplog.text
    assert "a transport that is odd: this should not happen" in caplog.text
    assert "Traceback" not in caplog.text
