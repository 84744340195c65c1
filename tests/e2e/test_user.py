"""A daemon of a user who is not root: in the engine's group, with the folders that his session gives him (D07)."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.client import Client
from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.e2e.traffic import HAS_FILE, server, service, wait_reached

NOBODY = 65534
ENGINE_SOCKET = Path("/var/run/docker.sock")


class UserDaemon(Daemon):
    """Run by another user, who names no folders."""

    def __init__(self, home: Path, session: Path, image: str) -> None:
        super().__init__(home, image)
        self.environment = {
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_RUNTIME_DIR": str(session),
        }
        self.socket = session / "orchestrator" / "orchestrator.sock"
        self.client = Client(self.socket)

    def command(self, *more: str) -> list[str]:
        """As its user, and without the options that name folders."""
        words = super().command(*more)
        for option in ("--state-dir", "--run-dir"):
            at = words.index(option)
            del words[at : at + 2]
        return [*as_user(), *words]

    def own_cli(self, *words: str) -> str:
        """Run `orchestrator ...` as its user; gives both outputs, whatever the exit code."""
        python = self.command()[len(as_user())]
        done = subprocess.run(
            [*as_user(), python, "-m", "orchestrator", *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, **self.environment},
        )
        return done.stdout + done.stderr


def as_user() -> list[str]:
    """What makes a command another user's, with the engine's group and no rights."""
    group = ENGINE_SOCKET.stat().st_gid
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", f"--groups={group}", "--bounding-set=-all"]


@pytest.fixture
def users_daemon(image: str) -> Iterator[UserDaemon]:
    if os.geteuid() or not ENGINE_SOCKET.stat().st_gid or shutil.which("setpriv") is None:
        pytest.skip("needs root, to be somebody else, and an engine whose socket has a group")
    # pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory(dir="/dev/shm") as session:
        for folder in (home, session):
            os.chown(folder, NOBODY, NOBODY)
        daemon = UserDaemon(Path(home), Path(session), image)
        if subprocess.run([*daemon.command()[: len(as_user()) + 1], "-c", "import orchestrator"]).returncode:
            pytest.skip("others may not read this checkout, or its Python")
        try:
            yield daemon
        finally:
            daemon.down()


def test_services_by_name_for_a_user_who_is_not_root(users_daemon: UserDaemon) -> None:
    daemon = users_daemon
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": "hidden-word"}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": {"greeting": "hello"}}
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("key", "words", "scratch")]
    volumes = [
        {"name": "key", "secret": {"secretName": "key"}},
        {"name": "words", "configMap": {"name": "words"}},
        {"name": "scratch", "emptyDir": {}},
    ]
    client = pod("client", container(FOR_EVER, volumeMounts=mounts), volumes=volumes)
    late = server("late", "web", readiness=HAS_FILE)
    daemon.write(text(secret, config, service("web", "web"), server("one", "web"), late, client))
    daemon.start()
    for name in ("one", "client"):
        daemon.wait_ready(name)
    daemon.wait_event("late", "Unhealthy")
    wait_reached(daemon, "client", "web", "one")
    daemon.exec("late", "touch", "/ready")
    daemon.wait_ready("late")
    wait_reached(daemon, "client", "web", "one", "late")
    assert "only root" in daemon.log.read_text()
    daemon.wait_event("web", "ServedByName")
    assert "served by name alone" in daemon.own_cli("doctor")
    assert "client" in daemon.own_cli("get", "pods")

    # Nothing is on disk that must not be, and what is there is his.
    shown = daemon.exec("client", "sh", "-c", "cat /key/key /words/greeting; echo written > /scratch/file")
    assert shown == "hidden-wordhello"
    assert "on disk" not in daemon.log.read_text()
    files = [path for root in (daemon.home, daemon.socket.parent) for path in root.rglob("*")]
    assert {path.lstat().st_uid for path in files if "scratch" not in path.parts} <= {NOBODY, 0}
    holders = [path for path in files if path.is_file() and b"hidden-word" in path.read_bytes()]
    assert holders
    assert all(path.is_relative_to("/dev/shm") for path in holders if path.parent != daemon.specs)

    # What stands is taken over, an edit reaches its files, and the end leaves nothing of the pods.
    lives = daemon.life()
    daemon.restart()
    wait_reached(daemon, "client", "web", "one", "late")
    assert daemon.life() == lives
    daemon.remove()
    for name in ("one", "late", "client"):
        daemon.wait_gone(name)
    assert not [path for path in (daemon.socket.parent / "volumes").rglob("*") if path.is_file()]
