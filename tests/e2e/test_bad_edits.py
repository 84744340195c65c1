"""Cases D05 and D06: a bad edit changes nothing and is told; removed files remove, an emptied folder waits."""

import shutil
from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import restarts
from tests.e2e.pods import FOR_EVER, config_map, pod, text

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: IMAGE
    command: [sh, -c, "echo VERSION; sleep 1000"]
"""


@pytest.mark.parametrize(
    ("name", "broken", "place", "message"),
    [
        ("syntax", ("command: [sh", 'command: ["sh'), "9:", ""),
        ("field", ("image:", "imige:"), "8:5", 'unknown field "imige" (did you mean "image"?)'),
        ("type", ("PeriodSeconds: 0", "PeriodSeconds: soon"), "5:34", "expected an integer"),
        ("kind", ("kind: Pod", "kind: Pods"), "2:7", 'unknown kind "Pods" in v1 (did you mean "Pod"?)'),
    ],
)
def test_D05_a_bad_edit_changes_nothing_and_is_told(
    daemon: Daemon, name: str, broken: tuple[str, str], place: str, message: str
) -> None:
    name = f"d05-{name}"
    good = POD.replace("NAME", name)
    path = daemon.write(good)
    daemon.wait_log(name, "VERSION")
    before, generation = daemon.life(name), daemon.pod(name)["metadata"]["generation"]
    daemon.write(good.replace("VERSION", "lost").replace(*broken))
    status = daemon.wait_problem(f"{path}:{place}")
    assert any(message in problem["message"] for problem in status["problems"])
    got = daemon.run_cli("get", "pods")
    assert name in got.stdout
    assert "the last good versions go on" in got.stderr
    assert f"{path}:{place}" in got.stderr
    assert message in got.stderr
    assert f"{path}:{place}" in daemon.log.read_text()
    assert f"{path}:{place}" in daemon.cli("validate", str(daemon.specs), code=1)
    assert daemon.life(name) == before
    assert daemon.pod(name)["metadata"]["generation"] == generation

    daemon.write(good.replace("VERSION", "mended"))
    daemon.wait_problem("")
    daemon.wait_log(name, "mended")
    assert restarts(daemon.wait_ready(name)) == 1
    assert "problems" not in daemon.run_cli("get", "pods").stderr


def test_D05_other_files_are_followed_while_one_is_broken(daemon: Daemon) -> None:
    daemon.write("kind: [", "broken.yaml")
    daemon.wait_problem("broken.yaml")
    daemon.write(text(pod("d05-other", FOR_EVER)))
    daemon.wait_ready("d05-other")
    assert daemon.client.status()["problems"]


def test_D06_a_removed_file_removes_its_objects_and_no_others(daemon: Daemon) -> None:
    daemon.write(text(pod("d06-stays", FOR_EVER)), "stays-too.yaml")
    daemon.write(text(config_map("d06"), pod("d06-goes", FOR_EVER)), "goes.yaml")
    daemon.wait_ready("d06-stays")
    daemon.wait_ready("d06-goes")
    before = daemon.life("d06-stays")
    daemon.remove("goes.yaml")
    daemon.wait_gone("d06-goes")
    daemon.wait_gone("d06", "configmaps")
    assert daemon.containers("d06-goes") == []
    assert daemon.life("d06-stays") == before


def test_D06_a_document_that_leaves_its_file_is_deleted(daemon: Daemon) -> None:
    daemon.write(text(pod("d06-first", FOR_EVER), pod("d06-second", FOR_EVER)))
    daemon.wait_ready("d06-first")
    daemon.wait_ready("d06-second")
    before = daemon.life("d06-first")
    daemon.write(text(pod("d06-first", FOR_EVER)))
    daemon.wait_gone("d06-second")
    assert daemon.life("d06-first") == before


def _empty(daemon: Daemon) -> None:
    daemon.remove()


def _vanish(daemon: Daemon) -> None:
    shutil.rmtree(daemon.specs)


def _move_away(daemon: Daemon) -> None:
    daemon.specs.rename(daemon.home / "elsewhere")


@pytest.mark.parametrize("lose", [_empty, _vanish, _move_away])
def test_D06_an_empty_folder_waits_says_so_and_comes_back(
    new_daemon: Callable[..., Daemon], lose: Callable[[Daemon], None]
) -> None:
    daemon = new_daemon("--empty-folder-delay", "60").start()
    daemon.write(text(pod("d06-held", FOR_EVER)))
    daemon.wait_ready("d06-held")
    before = daemon.life()
    lose(daemon)
    daemon.wait_problem("its 1 object will be deleted after 60 s unless the files come back")
    assert "unless the files come back" in daemon.run_cli("get", "pods").stderr
    assert "unless the files come back" in daemon.log.read_text()
    assert "deletionTimestamp" not in daemon.pod("d06-held")["metadata"]
    daemon.specs.mkdir(exist_ok=True)
    daemon.write(text(pod("d06-held", FOR_EVER)))
    daemon.wait_problem("")
    assert daemon.life() == before
    # And it is followed as before.
    daemon.write(text(pod("d06-held", f"echo followed; {FOR_EVER}")))
    daemon.wait_log("d06-held", "followed")


@pytest.mark.parametrize("lose", [_empty, _vanish])
def test_D06_a_folder_that_stays_empty_is_believed(
    new_daemon: Callable[..., Daemon], lose: Callable[[Daemon], None]
) -> None:
    daemon = new_daemon("--empty-folder-delay", "1").start()
    daemon.write(text(pod("d06-lost", FOR_EVER)))
    daemon.wait_ready("d06-lost")
    lose(daemon)
    daemon.wait_problem("its 1 object will be deleted after 1 s unless the files come back")
    daemon.wait_gone("d06-lost")
    assert daemon.containers() == []
