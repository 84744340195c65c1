"""Case L15: a container's own restart policy, and its rules by exit code, win over the pod's policy."""

from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.notes import noted, noting, noting_pod
from tests.e2e.pod_status import is_ready, restarts, status_of
from tests.e2e.pods import FOR_EVER, text

pytestmark = pytest.mark.races

CODES = "echo NAME >>/out/log; n=$(grep -c '^NAME$' /out/log); exit $(echo CODES | cut -d' ' -f$n)"
"""A script that ends with one code after another."""


def ending(name: str, codes: str, policy: str, operator: str = "", *values: int) -> Document:
    """A container that ends with these codes in turn; a rule restarts it."""
    rule = {"action": "Restart", "exitCodes": {"operator": operator, "values": list(values)}}
    rules = {"restartPolicyRules": [rule]} if operator else {}
    return noting(name, CODES.replace("CODES", codes), restartPolicy=policy, **rules)


def test_L15_rules_and_policies_of_containers(daemon: Daemon, tmp_path: Path) -> None:
    every = [
        ending("in", "42 43 5", "Never", "In", 42, 43),
        ending("notin", "1 0 7", "Never", "NotIn", 7),
        ending("never", "1", "Never"),
        ending("failure", "1 0", "OnFailure"),
        ending("always", "0 42 9", "Never", "In", 0, 42),
    ]
    daemon.write(text(noting_pod("l15", tmp_path, *every, restartPolicy="Never")))
    seen = daemon.wait_pod("l15", lambda p: p["status"]["phase"] == "Failed")
    told = {
        one["name"]: (one["restartCount"], one["state"]["terminated"]["exitCode"])
        for one in seen["status"]["containerStatuses"]
    }
    assert told == {"in": (2, 5), "notin": (2, 7), "never": (0, 1), "failure": (1, 0), "always": (2, 9)}
    assert {name: noted(tmp_path).count(name) for name in told} == {n: count + 1 for n, (count, _) in told.items()}
    assert daemon.events("l15", "BackOff"), "a restart by a rule waits like any other"


def test_L15_a_container_that_is_not_restarted_beside_others(daemon: Daemon, tmp_path: Path) -> None:
    """In a pod that always restarts."""
    once = ending("once", "3", "Never")
    document = noting_pod("l15-once", tmp_path, once, noting("main", FOR_EVER), noting("again", "exit 0"))
    daemon.write(text(document))
    seen = daemon.wait_pod("l15-once", lambda p: restarts(p, "again") >= 2)
    assert (restarts(seen, "once"), status_of(seen, "once")["state"]["terminated"]["exitCode"]) == (0, 3)
    assert seen["status"]["phase"] == "Running"
    assert not is_ready(seen)


def test_L15_an_init_container_with_a_rule(daemon: Daemon, tmp_path: Path) -> None:
    init = ending("first", "42 0", "Never", "In", 42)
    main = noting("main", FOR_EVER)
    daemon.write(text(noting_pod("l15-init", tmp_path, main, initContainers=[init], restartPolicy="Never")))
    seen = daemon.wait_ready("l15-init")
    assert restarts(seen, "first") == 1
