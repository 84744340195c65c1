"""Case D06 at a start: specs that are empty, while pods of an earlier daemon run, are more likely an accident."""

from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import restarts
from tests.e2e.pods import FOR_EVER, pod, text

SAID = "no spec is there: 1 pod of an earlier run will be deleted after"


@pytest.fixture
def killed(new_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon that was killed while a pod ran, and whose folder is empty now."""
    daemon = new_daemon().start()
    daemon.write(text(pod("d06-start", FOR_EVER)))
    daemon.wait_ready("d06-start")
    daemon.kill()
    daemon.specs.rename(daemon.home / "elsewhere")
    daemon.specs.mkdir()
    return daemon


def test_D06_an_empty_folder_at_start_waits_says_so_and_comes_back(killed: Daemon) -> None:
    before = killed.life()
    killed.start_waiting("--empty-folder-delay", "60")
    killed.wait_problem(f"{SAID} 60 s")
    assert SAID in killed.run_cli("get", "pods").stderr
    assert SAID in killed.log.read_text()
    # One that comes back broken goes on as it was.
    killed.write("kind: [")
    killed.wait_problem("cannot read the YAML")
    assert restarts(killed.wait_ready("d06-start")) == 0
    killed.write((killed.home / "elsewhere" / "test.yaml").read_text())
    killed.wait_problem("")
    assert restarts(killed.wait_ready("d06-start")) == 0
    assert killed.life() == before


def test_D06_an_empty_folder_at_start_is_believed_in_the_end(killed: Daemon) -> None:
    killed.start_waiting("--empty-folder-delay", "3")
    assert killed.life()
    killed.wait_problem("")
    killed.wait_containers(lambda left: left == [])


def test_D06_a_daemon_that_waits_can_be_ended_and_leaves_pods_running(killed: Daemon) -> None:
    before = killed.life()
    killed.start_waiting("--empty-folder-delay", "60")
    assert killed.stop() == 0
    assert killed.life() == before


def test_D06_a_daemon_that_waits_takes_everything_down_when_that_was_asked_for(killed: Daemon) -> None:
    killed.start_waiting("--empty-folder-delay", "60", "--down-on-exit")
    assert killed.life()
    assert killed.stop() == 0
    assert killed.containers() == []
