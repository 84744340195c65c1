"""Cases L10, L11 and D01: a user deletes a pod; a later grace only shortens; with its spec there it is made anew."""

from itertools import groupby
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.notes import STAYS, noted, noting, noting_pod, sh, wait_noted
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import FOR_EVER, config_map, pod, text

pytestmark = pytest.mark.races

DEAF = "echo NAME begin >>/out/log; trap 'echo NAME term >>/out/log' TERM; while :; do sleep 1000 & wait; done"
ENDLESS = sh("echo hook >>/out/log; while :; do sleep 1000 & wait; done")


def uid(document: Document) -> str:
    return str(document["metadata"]["uid"])


def begun(daemon: Daemon, name: str, out: Path, main: Document, grace: int = 600) -> str:
    """A pod that is ready, and its script begun; gives its uid."""
    daemon.write(text(noting_pod(name, out, main, terminationGracePeriodSeconds=grace)))
    made = daemon.wait_ready(name)
    wait_noted(out, lambda lines: lines == ["main begin"])
    return uid(made)


def another(daemon: Daemon, name: str, old: str) -> Document:
    """The pod that is made after the one with this uid, when it is ready."""
    return daemon.wait_pod(name, lambda p: uid(p) != old and is_ready(p))


def dismiss(daemon: Daemon, name: str) -> None:
    """Have a pod that would take ten minutes to end go for good."""
    daemon.remove()
    daemon.wait_pod(name, lambda p: "deletionTimestamp" in p["metadata"])
    daemon.cli("delete", "pod", name, "--force")


def test_L10_a_deleted_pod_of_the_folder_ends_in_order_and_is_made_anew(daemon: Daemon, tmp_path: Path) -> None:
    hook = {"preStop": sh("echo hook >>/out/log")}
    old = begun(daemon, "l10-anew", tmp_path, noting("main", STAYS, lifecycle=hook), 30)
    daemon.exec("l10-anew", "sh", "-c", "kill -TERM 1", code=None)
    daemon.wait_pod("l10-anew", lambda p: restarts(p) == 1 and is_ready(p))
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "main term", "main begin"])
    (tmp_path / "log").unlink()

    said = daemon.cli("delete", "pod", "l10-anew")
    assert said.startswith('pod "l10-anew" deleted; its spec is still in ')
    assert said.endswith(".yaml, so it is made anew\n")
    # It has waited: whoever is there now is another one.
    made = another(daemon, "l10-anew", old)
    assert restarts(made) == 0
    assert made["status"]["containerStatuses"][0]["lastState"] == {}
    wait_noted(tmp_path, lambda lines: lines == ["hook", "main term", "main begin"])
    labels = {one["Config"]["Labels"]["orchestrator.dev/uid"] for one in daemon.containers("l10-anew")}
    assert labels == {uid(made)}


def test_L11_a_shorter_grace_shortens_the_wait(daemon: Daemon, tmp_path: Path) -> None:
    begun(daemon, "l11-delete", tmp_path, noting("main", DEAF))
    daemon.remove()
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "main term"])
    assert daemon.cli("delete", "pod", "l11-delete", "--grace-period", "1") == 'pod "l11-delete" deleted\n'
    # It has waited, for far less than ten minutes.
    assert daemon.run_cli("get", "pod", "l11-delete").returncode == 1
    assert daemon.containers("l11-delete") == []
    assert noted(tmp_path) == ["main begin", "main term"]


def test_L11_a_shorter_grace_ends_the_wait_for_a_hook_too(daemon: Daemon, tmp_path: Path) -> None:
    main = noting("main", STAYS, lifecycle={"preStop": ENDLESS})
    old = begun(daemon, "l11-hook", tmp_path, main)
    daemon.cli("delete", "pod/l11-hook", "--no-wait")
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "hook"])
    daemon.cli("delete", "pod/l11-hook", "--grace", "1")
    assert noted(tmp_path)[:3] == ["main begin", "hook", "main term"]
    another(daemon, "l11-hook", old)
    dismiss(daemon, "l11-hook")


def test_L11_a_longer_grace_does_not_lengthen_the_wait(daemon: Daemon, tmp_path: Path) -> None:
    old = begun(daemon, "l11-long", tmp_path, noting("main", DEAF))
    daemon.cli("delete", "pod", "l11-long", "--grace-period=3", "--no-wait")
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "main term"])
    for longer in (["--grace-period=600"], []):
        daemon.cli("delete", "pod", "l11-long", "--no-wait", *longer)
    going = daemon.pod("l11-long")
    assert (uid(going), going["metadata"]["deletionGracePeriodSeconds"]) == (old, 3)
    another(daemon, "l11-long", old)
    dismiss(daemon, "l11-long")


@pytest.mark.parametrize("begins", [(), ("--grace-period=600", "--no-wait")])
def test_L11_force_is_now(daemon: Daemon, tmp_path: Path, begins: tuple[str, ...]) -> None:
    """Without a hook or a signal; or in the middle of a hook."""
    main = noting("main", STAYS, lifecycle={"preStop": ENDLESS})
    old = begun(daemon, "l11-force", tmp_path, main)
    if begins:
        daemon.cli("delete", "pod", "l11-force", *begins)
        wait_noted(tmp_path, lambda lines: lines == ["main begin", "hook"])
    assert daemon.cli("delete", "pod", "l11-force", "--force").startswith('pod "l11-force" force deleted; ')
    another(daemon, "l11-force", old)
    expected = ["main begin", *(["hook"] if begins else []), "main begin"]
    wait_noted(tmp_path, lambda lines: lines == expected)
    dismiss(daemon, "l11-force")


def test_L11_what_is_over_goes_at_once_and_runs_again(daemon: Daemon, tmp_path: Path) -> None:
    document = noting_pod(
        "l11-over",
        tmp_path,
        noting("main", "echo run >>/out/log"),
        restartPolicy="Never",
        terminationGracePeriodSeconds=600,
    )
    daemon.write(text(document))
    old = uid(daemon.wait_pod("l11-over", lambda p: p["status"].get("phase") == "Succeeded"))
    daemon.cli("delete", "pod", "l11-over")
    daemon.wait_pod("l11-over", lambda p: uid(p) != old and p["status"].get("phase") == "Succeeded")
    assert noted(tmp_path) == ["run", "run"]


def test_L10_a_pod_whose_file_goes_while_it_ends_is_not_made_anew(daemon: Daemon, tmp_path: Path) -> None:
    until = "until test -e /out/go; do sleep 0.05; done"
    main = noting("main", STAYS, lifecycle={"preStop": sh(f"echo hook >>/out/log; {until}")})
    old = begun(daemon, "l10-leaves", tmp_path, main)
    daemon.cli("delete", "pod", "l10-leaves", "--no-wait")
    daemon.remove()
    # The folder was read: a second deletion has nothing to say of it any more.
    while "still" in daemon.cli("delete", "pod", "l10-leaves", "--no-wait"):
        assert uid(daemon.pod("l10-leaves")) == old
    (tmp_path / "go").touch()
    daemon.wait_gone("l10-leaves")
    assert daemon.containers("l10-leaves") == []
    assert noted(tmp_path) == ["main begin", "hook", "main term"]


@pytest.mark.parametrize("stage", ["hook", "signal"])
def test_D01_a_deletion_goes_on_after_a_kill_of_the_daemon_and_ends_once(
    own_daemon: Daemon, tmp_path: Path, stage: str
) -> None:
    """The hook is under way, or over and the signal sent."""
    hook = sh("echo hook >>/out/log; until test -e /out/go; do sleep 0.05; done; echo hook over >>/out/log")
    old = begun(own_daemon, "d01-delete", tmp_path, noting("main", DEAF, lifecycle={"preStop": hook}))
    own_daemon.cli("delete", "pod", "d01-delete", "--grace-period=120", "--no-wait")
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "hook"])
    if stage == "signal":
        (tmp_path / "go").touch()
        wait_noted(tmp_path, lambda lines: lines[-1] == "main term")
    own_daemon.kill()
    own_daemon.start()
    going = own_daemon.pod("d01-delete")
    assert (uid(going), going["metadata"]["deletionGracePeriodSeconds"]) == (old, 120)
    (tmp_path / "go").touch()
    wait_noted(tmp_path, lambda lines: "main term" in lines)
    own_daemon.cli("delete", "pod", "d01-delete", "--grace-period=1")
    made = another(own_daemon, "d01-delete", old)
    assert restarts(made) == 0
    lines = wait_noted(tmp_path, lambda lines: lines.count("main begin") == 2)
    # What the daemon did in its last moment, before it could write it down, may be done again: a hook, or a signal.
    assert lines.count("main term") <= 2
    if stage == "signal":
        order = [line for line, _ in groupby(lines)]
        assert order == ["main begin", "hook", "hook over", "main term", "main begin"]
    # It is over: the next daemon finds the new one and leaves it alone.
    own_daemon.restart()
    assert uid(own_daemon.wait_ready("d01-delete")) == uid(made)


def test_D01_a_pod_that_an_earlier_daemon_began_to_delete_is_told_of_and_can_be_hurried(
    own_daemon: Daemon, tmp_path: Path
) -> None:
    own_daemon.write(text(config_map("stays")), "stays.yaml")
    old = begun(own_daemon, "d01-gone", tmp_path, noting("main", DEAF))
    own_daemon.remove()
    wait_noted(tmp_path, lambda lines: lines == ["main begin", "main term"])
    told = own_daemon.pod("d01-gone")
    own_daemon.kill()
    own_daemon.start()
    going = own_daemon.pod("d01-gone")
    assert uid(going) == old
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        assert going["metadata"][field] == told["metadata"][field]
    assert going["status"] == told["status"]
    assert own_daemon.cli("get", "pod", "d01-gone", "--no-headers").split()[1:3] == ["1/1", "Terminating"]
    assert own_daemon.cli("delete", "pod", "d01-gone", "--force") == 'pod "d01-gone" force deleted\n'
    assert own_daemon.containers("d01-gone") == []
    assert noted(tmp_path) == ["main begin", "main term"]


def test_L10_what_is_not_there_or_belongs_to_the_folder_cannot_be_deleted(daemon: Daemon) -> None:
    daemon.write(text(pod("l10-other", FOR_EVER)))
    old = uid(daemon.wait_ready("l10-other"))
    done = daemon.run_cli("delete", "pod", "l10-nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'Error from server (NotFound): pods "l10-nobody" not found\n'
    done = daemon.run_cli("delete", "configmap", "stays")
    assert done.returncode == 1
    assert "the folder is the source: remove the document from " in done.stderr
    assert done.stderr.endswith("stays.yaml\n")
    assert uid(daemon.pod("l10-other")) == old
