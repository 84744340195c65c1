"""Case S07 where it matters most: hostile files in the folder of a running daemon harm nobody and are told."""

from tests.e2e.daemon import Daemon
from tests.e2e.pods import FOR_EVER, pod, text
from tests.fuzz.test_hostile import HOSTILE

MEMORY_MB = 250


def test_S07_hostile_files_are_told_and_harm_nothing(daemon: Daemon) -> None:
    daemon.write(text(pod("s07", FOR_EVER)), "good.yaml")
    daemon.wait_ready("s07")
    before = daemon.life("s07")
    for number, (make, _) in enumerate(HOSTILE.values()):
        make(daemon.specs / f"h{number:02}.yaml")
    for number, (_, expected) in enumerate(HOSTILE.values()):
        place, _, message = expected.partition(" ") if expected[0].isdigit() else ("", "", expected)
        status = daemon.wait_problem(f"h{number:02}.yaml:{place.rstrip(':')}")
        assert any(message in problem["message"] for problem in status["problems"]), expected
    assert status["rssBytes"] < MEMORY_MB * 2**20
    # Whoever edits beside them is heard as before.
    daemon.write(text(pod("s07-beside", FOR_EVER)), "beside.yaml")
    daemon.wait_ready("s07-beside")
    assert daemon.life("s07") == before
    for path in daemon.specs.glob("h[0-9]*"):
        path.unlink()
    daemon.wait_problem("")
    assert daemon.life("s07") == before
