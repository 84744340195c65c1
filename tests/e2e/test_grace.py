"""Case L11: a later, shorter grace period shortens the wait; a longer one never lengthens it.

A folder of specs can say it by an edit of `terminationGracePeriodSeconds` while a container is being stopped.
"""

import time
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.notes import noted, noting, noting_pod, sh, wait_noted
from tests.e2e.pod_status import is_ready, restarts, status_of
from tests.e2e.pods import text

pytestmark = pytest.mark.races

DEAF = "echo NAME begin >>/out/log; trap 'echo NAME term >>/out/log' TERM; while :; do sleep 1000 & wait; done"
ENDS = "echo NAME new >>/out/log; trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"


def deaf(name: str, out: Path, grace: int, script: str = DEAF) -> Document:
    return noting_pod(name, out, noting("main", script), terminationGracePeriodSeconds=grace)


def begin(daemon: Daemon, name: str, out: Path, grace: int) -> None:
    """Have a deaf container, and an edit that replaces it: it was told to end, and has so many seconds."""
    daemon.write(text(deaf(name, out, grace)))
    daemon.wait_ready(name)
    wait_noted(out, lambda lines: lines == ["main begin"])
    daemon.write(text(deaf(name, out, grace, ENDS)))
    wait_noted(out, lambda lines: lines == ["main begin", "main term"])


def test_L11_a_shorter_one_shortens_the_wait(daemon: Daemon, tmp_path: Path) -> None:
    begin(daemon, "l11-shorter", tmp_path, 600)
    daemon.write(text(deaf("l11-shorter", tmp_path, 1, ENDS)))
    seen = daemon.wait_pod("l11-shorter", lambda p: restarts(p) == 1 and is_ready(p))
    assert status_of(seen)["lastState"]["terminated"]["exitCode"] == 137
    assert noted(tmp_path)[:2] == ["main begin", "main term"]


def test_L11_a_longer_one_does_not_lengthen_it(daemon: Daemon, tmp_path: Path) -> None:
    begin(daemon, "l11-longer", tmp_path, 4)
    daemon.write(text(deaf("l11-longer", tmp_path, 600, ENDS)))
    daemon.wait_pod("l11-longer", lambda p: p["spec"]["terminationGracePeriodSeconds"] == 600)
    seen = daemon.wait_pod("l11-longer", lambda p: restarts(p) == 1 and is_ready(p))
    assert status_of(seen)["lastState"]["terminated"]["exitCode"] == 137


def test_L11_a_deletion_gives_its_own_time_in_the_middle_of_an_edit(daemon: Daemon, tmp_path: Path) -> None:
    """More has gone by since the edit than the deletion gives: it counts from now, and does not kill at once."""
    noted_term = "echo NAME term >>/out/log"
    slow = DEAF.replace(noted_term, f"{noted_term}; sleep 2; echo NAME later >>/out/log")
    daemon.write(text(deaf("l11-middle", tmp_path, 600, slow)))
    daemon.wait_ready("l11-middle")
    daemon.write(text(deaf("l11-middle", tmp_path, 600, ENDS)))
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "main term", "main later"])
    begun = time.monotonic()
    daemon.cli("delete", "pod", "l11-middle", "--grace", "2")
    assert time.monotonic() - begun > 1.5
    daemon.remove()


def test_L11_a_deletion_with_a_shorter_one_shortens_the_wait(daemon: Daemon, tmp_path: Path) -> None:
    """A liveness probe has given it ten minutes; the pod's own period is a second."""
    probe = {**sh("false"), "periodSeconds": 1, "failureThreshold": 1, "terminationGracePeriodSeconds": 600}
    main = noting("main", DEAF, livenessProbe=probe)
    daemon.write(text(noting_pod("l11-gone", tmp_path, main, terminationGracePeriodSeconds=1)))
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "main term"])
    daemon.remove()
    daemon.wait_gone("l11-gone")
    assert daemon.containers("l11-gone") == []
