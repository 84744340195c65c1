"""Case D05 at a start: a file that is wrong then goes on as it was when it was last good."""

import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.host import clear, docker, mounts_below
from tests.e2e.pod_status import is_ready, restarts, waiting_reason
from tests.e2e.pods import FOR_EVER, config_map, container, pod, text

pytestmark = pytest.mark.races

WRONG = "kind: ["
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "Pl4nted"}}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}
READS = {"env": [{"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "key"}}}]}
WEB = (SERVICE, config_map("settings", key="one"), pod("web", container(FOR_EVER, **READS), labels={"app": "web"}))
USES = container(FOR_EVER, env=[{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}])
MOUNTS = container(FOR_EVER, volumeMounts=[{"name": "db", "mountPath": "/db"}])
VOLUMES = [{"name": "db", "secret": {"secretName": "db"}}]
DATABASE = (SECRET, pod("plain", FOR_EVER), pod("uses", USES), pod("mounts", MOUNTS, volumes=VOLUMES))


@pytest.fixture
def stopped(own_daemon: Daemon) -> Daemon:
    """A daemon that was stopped while its pods, of three files, ran; then two of the files were spoilt."""
    own_daemon.write(text(*WEB), "web.yaml")
    own_daemon.write(text(*DATABASE), "database.yaml")
    own_daemon.write(text(pod("other", FOR_EVER)), "other.yaml")
    for name in ("web", "plain", "uses", "mounts", "other"):
        own_daemon.wait_ready(name)
    assert own_daemon.stop() == 0
    own_daemon.write(WRONG, "web.yaml")
    own_daemon.write(WRONG, "database.yaml")
    return own_daemon


def reboot(daemon: Daemon) -> None:
    """As after a loss of power: no process, no rule, no network, and nothing of what was in memory."""
    clear(daemon.instance, daemon.home)
    shutil.rmtree(daemon.home / "run")


def lose_memory(daemon: Daemon) -> None:
    """The run folder is gone, while all pods run."""
    for mount in mounts_below(daemon.home / "run"):
        subprocess.run(["umount", "-l", mount], check=True)
    shutil.rmtree(daemon.home / "run")


def test_D05_a_start_on_wrong_files_goes_on_with_their_last_good_versions(stopped: Daemon) -> None:
    before, address = stopped.life(), None
    stopped.write(WRONG, "new.yaml")
    stopped.write(text(pod("other", f"echo edited; {FOR_EVER}")), "other.yaml")
    stopped.start()
    told = stopped.run_cli("get", "pods").stderr
    for name in ("web", "database", "new"):
        place = f"{stopped.specs}/{name}.yaml:"
        assert place in told
        assert place in stopped.log.read_text()
    assert f"no good version is known of {stopped.specs}/new.yaml" in told
    assert "forgotten" not in told
    stopped.wait_log("other", "edited")
    address = stopped.get("services", "web")["spec"]["clusterIP"]
    # It is looked after, with all that it needs.
    for name in ("web", "uses"):
        docker("kill", stopped.engine_id(name, "main"))
        stopped.wait_pod(name, lambda found: restarts(found) == 1 and is_ready(found))
    assert stopped.exec("uses", "sh", "-c", "echo $P") == "Pl4nted\n"
    healed = ("web/main", "uses/main", "other/main")
    now = stopped.life()
    assert {one: now[one] for one in now if one not in healed} == {
        one: before[one] for one in before if one not in healed
    }

    stopped.remove("new.yaml")
    stopped.write(text(*DATABASE), "database.yaml")
    mended = container(f"echo mended $KEY; {FOR_EVER}", **READS)
    stopped.write(
        text(SERVICE, config_map("settings", key="two"), pod("web", mended, labels={"app": "web"})), "web.yaml"
    )
    stopped.wait_problem("")
    stopped.wait_log("web", "mended two")
    assert stopped.get("services", "web")["spec"]["clusterIP"] == address
    assert stopped.life("mounts") == {one: before[one] for one in before if one.startswith("mounts/")}


def test_D05_after_a_reboot_pods_of_wrong_files_come_back_but_for_what_needs_their_secrets(stopped: Daemon) -> None:
    reboot(stopped)
    stopped.new_reader()
    stopped.start()
    for name in ("web", "plain", "other"):
        stopped.wait_ready(name)
    told = stopped.run_cli("get", "pods").stderr
    assert (
        f"{stopped.specs}/database.yaml: Secrets are remembered in memory only, and are forgotten: default/db" in told
    )
    stopped.wait_pod("uses", lambda found: waiting_reason(found) == "CreateContainerConfigError")
    assert 'secret "db" not found' in stopped.wait_event("mounts", "FailedMount")["message"]
    before = stopped.life("plain")
    # Another start changes nothing of what is known.
    stopped.restart()
    stopped.wait_problem("and are forgotten: default/db")
    stopped.write(text(*DATABASE), "database.yaml")
    for name in ("uses", "mounts"):
        stopped.wait_ready(name)
    assert stopped.life("plain") == before
    assert stopped.exec("mounts", "cat", "/db/password") == "Pl4nted"


def test_D05_a_lost_run_folder_touches_no_pod_of_a_wrong_file(stopped: Daemon) -> None:
    before = stopped.life()
    lose_memory(stopped)
    stopped.start()
    stopped.wait_problem("are forgotten: default/db")
    assert stopped.life() == before
    stopped.write(text(*DATABASE), "database.yaml")
    stopped.write(text(*WEB), "web.yaml")
    stopped.wait_problem("")
    assert stopped.life() == before


def test_D05_while_nothing_is_known_of_a_wrong_file_no_pod_is_deleted(stopped: Daemon) -> None:
    before = stopped.life()
    for kept in (stopped.home / "state" / "last-good").iterdir():
        # Of one file nothing is left, as after a disk that was full.
        if b"web.yaml" in kept.read_bytes():
            kept.unlink()
    # Another was renamed, and spoilt.
    (stopped.specs / "database.yaml").rename(stopped.specs / "renamed.yaml")
    stopped.start()
    told = stopped.run_cli("get", "pods").stderr
    assert f"no good version is known of {stopped.specs}/renamed.yaml, {stopped.specs}/web.yaml" in told
    assert stopped.life() == before
    docker("kill", stopped.engine_id("web", "main"))
    stopped.wait_pod("web", lambda found: waiting_reason(found) == "CreateContainerConfigError")
    stopped.write(text(*DATABASE), "renamed.yaml")
    stopped.write(text(*WEB[:2]), "web.yaml")
    stopped.wait_problem("")
    stopped.wait_gone("web")
    stopped.wait_containers(lambda left: left == [], "web")
    kept = {one: life for one, life in before.items() if not one.startswith("web/")}
    assert stopped.life() == kept


def test_D05_a_folder_that_was_never_good_is_refused_at_the_start(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.write(text(pod("first", FOR_EVER)))
    daemon.start()
    daemon.wait_ready("first")
    daemon.stop()
    other = daemon.home / "other"
    other.mkdir()
    (other / "typo.yaml").write_text(WRONG)
    before, daemon.specs = daemon.life(), other
    done = daemon.run_to_end()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "orchestrator: cannot start: the specs have errors; nothing was touched"
    assert daemon.life() == before
