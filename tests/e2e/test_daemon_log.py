"""The daemon's own log: a line an action, for people and for programs, whatever a container says."""

import json
import re
from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pods import FOR_EVER, container, pod, text

FORGED = "2026-01-02T15:04:05.678Z ERROR   app: forged"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) +[a-z_.]+: .")
SAYS = rf"printf 'a\n{FORGED} \033[31m\n'; exit 1"


@pytest.mark.parametrize("form", ["text", "json"])
def test_D07_the_log_is_one_line_an_action_and_no_container_forges_one(
    new_daemon: Callable[..., Daemon], form: str
) -> None:
    daemon = new_daemon("--log-format", form).start()
    probe = {"exec": {"command": ["sh", "-c", SAYS]}, "periodSeconds": 1, "timeoutSeconds": 20}
    daemon.write(text(pod("forger", container(FOR_EVER, readinessProbe=probe))))
    said = daemon.wait_event("forger", "Unhealthy")["message"]
    assert f"a\n{FORGED} \x1b[31m" in said, "an Event has it as it was said"
    assert daemon.stop() == 0
    lines = daemon.log.read_text().split("\n")
    assert lines.pop() == ""
    if form == "text":
        assert all(line.isprintable() and LINE.match(line) and not line.startswith(FORGED) for line in lines), lines
        assert [line for line in lines if "Unhealthy" in line and rf"a\n{FORGED} \x1b[31m" in line]
        return
    told = [json.loads(line) for line in lines]
    assert {frozenset(each) for each in told} == {frozenset(("time", "level", "room", "message"))}
    assert {each["level"] for each in told} <= {"debug", "info", "warning", "error"}
    rooms = {each["room"] for each in told}
    assert {"app", "node.executor"} <= rooms
    assert not [each for each in told if each["message"].startswith("forged") or each["time"].startswith(FORGED[:10])]
    assert [each for each in told if "Unhealthy" in each["message"] and FORGED in each["message"]]
