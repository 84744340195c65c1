"""Case D09: what only one daemon may have at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import Conflict
from orchestrator.locks import holder_of, own_instance

HOLD = """
import sys
from orchestrator.locks import own_instance
with own_instance(*sys.argv[1:]):
    print(flush=True)
    input()
"""


def test_D09_the_second_daemon_of_an_instance_is_told_who_the_first_is(tmp_path: Path) -> None:
    engine = str(tmp_path)
    with own_instance("a", engine):
        with pytest.raises(Conflict, match=rf'\(pid {os.getpid()}\) runs instance "a" on this engine already'):
            own_instance("a", engine).__enter__()
        with own_instance("b", engine), own_instance("a", f"{engine}/other"):
            pass
    with own_instance("a", engine):
        pass


def test_D09_a_killed_daemon_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, "a", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout
        first.stdout.readline()
        with pytest.raises(Conflict, match=rf"\(pid {first.pid}\)"):
            own_instance("a", str(tmp_path)).__enter__()
        first.kill()
    with own_instance("a", str(tmp_path)):
        pass


def test_D09_who_runs_an_instance_can_be_asked_as_often_as_one_likes(tmp_path: Path) -> None:
    engine = str(tmp_path)
    assert holder_of("a", engine) == ""
    with own_instance("a", engine):
        assert holder_of("a", engine) == str(os.getpid())
        # Nobody accepts: what is asked in vain must not wait.
        answers = {holder_of("a", engine) for _ in range(5000)}
        assert answers <= {str(os.getpid()), "unknown"}
        assert holder_of("b", engine) == ""
    assert holder_of("a", engine) == ""
