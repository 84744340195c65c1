"""One line an action, for people, machines and the journal."""

import json
import logging
import sys

import pytest

from orchestrator.logs import formatter, last_words


def record(text: str, level: int = logging.INFO, *arguments: object) -> logging.LogRecord:
    made = logging.LogRecord("orchestrator.node.executor", level, __file__, 1, text, arguments, None)
    made.created, made.msecs = 1767366245.678, 678.0
    return made


def test_text_has_time_level_and_room() -> None:
    line = formatter("text").format(record("%s: start container web: first start", logging.INFO, "default/front"))
    assert line == "2026-01-02T15:04:05.678Z INFO    node.executor: default/front: start container web: first start"


def test_json_is_one_object_a_line() -> None:
    line = formatter("json").format(record('it said "two\nlines"', logging.WARNING))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-01-02T15:04:05.678Z",
        "level": "warning",
        "room": "node.executor",
        "message": 'it said "two\nlines"',
    }


def test_the_journal_gets_a_level_for_each_line_and_no_time() -> None:
    assert formatter("text", journal=True).format(record("one", logging.ERROR)) == "<3>node.executor: one"
    assert formatter("json", journal=True).format(record("one")).startswith('<6>{"time": ')


@pytest.mark.parametrize("journal", [False, True])
def test_what_a_container_said_forges_no_line(journal: bool) -> None:
    forged = "a\n2026-01-02T15:04:05.678Z ERROR   app: forged \x1b[31m"
    line = formatter("text", journal=journal).format(record("Liveness probe failed: %s", logging.WARNING, forged))
    assert line.isprintable()
    assert line.endswith(r"executor: Liveness probe failed: a\n2026-01-02T15:04:05.678Z ERROR   app: forged \x1b[31m")


def test_last_words_keep_their_lines_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    last_words("a.yaml:1: wrong\nb\x1b[2J.yaml:1: wrong")
    assert capsys.readouterr().err == "a.yaml:1: wrong\nb\\x1b[2J.yaml:1: wrong\n"


def test_a_traceback_is_part_of_the_record() -> None:
    made = record("broke", logging.DEBUG)
    try:
        raise KeyError("Id")
    except KeyError:
        made.exc_info = sys.exc_info()
    assert "KeyError: 'Id'" in formatter("text").format(made).splitlines()[-1]
    assert all(line.startswith("<7>") for line in formatter("text", journal=True).format(made).splitlines())
    assert "KeyError: 'Id'" in json.loads(formatter("json").format(made))["message"]
