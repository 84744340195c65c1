"""How an examination is told."""

import click

from orchestrator.cli.doctor import as_document, report, summary
from orchestrator.findings import error, ok, setting, warning

FOUND = [
    error("engine", "it is away", "start it"),
    warning("clock", "it is wrong", "mend it"),
    warning("disk", "it is odd\x1b[2J", "look"),
    ok("kernel", "Linux 6"),
    ok("disk", "room"),
]


def test_what_is_to_be_mended_comes_with_its_command_and_what_is_well_in_one_line() -> None:
    assert [click.unstyle(line) for line in report(FOUND, whole=False)] == [
        "error    engine  it is away",
        "                 $ start it",
        "warning  clock   it is wrong",
        "                 $ mend it",
        "warning  disk    it is odd^[[2J",
        "                 $ look",
        "ok       kernel",
        "1 error, 2 warnings",
    ]
    assert [click.unstyle(line) for line in report(FOUND, whole=True)][6:] == [
        "ok       kernel  Linux 6",
        "ok       disk    room",
        "1 error, 2 warnings",
    ]


def test_a_host_that_is_well_takes_two_lines() -> None:
    assert [click.unstyle(line) for line in report(FOUND[3:], whole=False)] == ["ok       kernel, disk", "all is well"]
    assert summary([]) == "all is well"


def test_of_many_findings_of_one_check_some_are_shown() -> None:
    found = [warning("left-overs", f"instance {number}", "away with it") for number in range(9)]
    lines = [click.unstyle(line) for line in report(found, whole=False)]
    assert lines[8:] == [
        "warning  left-overs  instance 4",
        "                     $ away with it",
        "         left-overs  and 4 more (--all)",
        "9 warnings",
    ]
    assert len(report(found, whole=True)) == 19


def test_programs_get_every_field() -> None:
    told = as_document(FOUND)
    assert told["counts"] == {"error": 1, "warning": 2, "ok": 2}
    assert told["findings"][0] == {"check": "engine", "level": "error", "found": "it is away", "mend": "start it"}


def test_a_setting_is_mended_for_now_and_for_every_boot() -> None:
    assert setting("net.ipv4.ip_forward", 1) == (
        "echo 'net.ipv4.ip_forward = 1' | sudo tee -a /etc/sysctl.d/90-orchestrator.conf"
        " && sudo sysctl -w net.ipv4.ip_forward=1"
    )
