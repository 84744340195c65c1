"""What a daemon says of itself when `doctor` asks."""

from pathlib import Path

from orchestrator.api.status import Problem
from orchestrator.complaints import complaints
from orchestrator.findings import ok
from orchestrator.services.health import troubles

MODE = ok("services", "the kernel carries them")
SPECS = (Path("/my specs"),)


def test_a_daemon_that_is_well_says_how_services_are_carried() -> None:
    warned = Problem("web.yaml:1:1", "no effect", "warning")
    assert list(complaints([MODE, *troubles("", "", "")], "", [warned], SPECS)) == [MODE]


def test_each_trouble_is_a_warning_with_its_mend() -> None:
    problems = (
        Problem("web.yaml:3:7", "unknown field"),
        Problem("db.yaml:1:1", "no such kind"),
        Problem("", "cannot watch the spec folders (the limit is reached): looking every 0.5 s instead"),
    )
    services = troubles("iptables not found", "port 53/UDP is taken", "they pass no rules: modprobe br_netfilter")
    found = list(complaints([MODE, *services], "cannot write the journal: disk full", problems, SPECS))[1:]
    assert [(each.check, each.level, bool(each.mend)) for each in found] == [
        ("node ports", "warning", True),
        ("names", "warning", True),
        ("network policies", "warning", True),
        ("state folder", "warning", True),
        ("inotify", "warning", True),
        ("specs", "warning", True),
    ]
    assert found[5].found == "the last good version goes on: web.yaml:3:7: unknown field (and 1 more)"
    assert found[5].mend == "orchestrator validate '/my specs'"
