"""Case D07: the unit for one user, under that user's own systemd, without root.

The engine is the machine's, which the user may use: a rootless one is not among Debian's packages.
"""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.pods import FOR_EVER, config_map, container, pod, text
from tests.images import BUSYBOX_IMAGE
from tests.systemd.machine import Machine
from tests.systemd.service import UNIT, Lives

pytestmark = [pytest.mark.races, pytest.mark.xdist_group("machine")]

USER = "anna"
LABEL = f"label=orchestrator.dev/instance={USER}"
CONFIG = f"/home/{USER}/.config/orchestrator"
ENVIRONMENT = f"DOCKER_HOST=unix:///run/docker.sock\nORCHESTRATOR_INSTANCE={USER}\n"


class User:
    """Somebody whose systemd runs without a login."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.run("useradd", "--create-home", "--groups", "docker", USER)
        self._runtime = f"/run/user/{machine.run('id', '-u', USER)}"
        machine.run("loginctl", "enable-linger", USER)
        machine.wait("the user's systemd", lambda: self._ask("systemctl", "--user", "show-environment") is not None)

    def _ask(self, *words: str) -> str | None:
        """What a command of this user prints, None where it fails."""
        done = self.machine.ask("runuser", "-u", USER, "--", "env", f"XDG_RUNTIME_DIR={self._runtime}", *words)
        return done.stdout.strip() if done.returncode == 0 else None

    def run(self, *words: str) -> str:
        """Run a command as this user, which must do well."""
        told = self._ask(*words)
        assert told is not None, f"{words}: {self.machine.ask('journalctl', '-n', '40', '--no-pager').stdout}"
        return told

    def write(self, name: str, content: str) -> None:
        """Write a file of the user's configuration."""
        self.machine.write(f"{CONFIG}/{name}", content)
        self.machine.run("chown", "-R", f"{USER}:", f"/home/{USER}")

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.run("systemctl", "--user", "show", UNIT, "--value", f"--property={name}")

    def lives(self) -> Lives:
        """Every container of the user's that runs: engine id and start time, by name."""
        ids = self.run("docker", "ps", "-q", "--no-trunc", "--filter", LABEL).split()
        found = json.loads(self.run("docker", "inspect", *ids)) if ids else []
        return {one["Name"]: (one["Id"], one["State"]["StartedAt"]) for one in found}

    def setting(self) -> str | None:
        """What the pod sees of its ConfigMap."""
        return self._ask("orchestrator", "exec", "mine", "--", "cat", "/settings/key")


@pytest.fixture
def user(machine: Machine) -> Iterator[User]:
    user = User(machine)
    yield user
    user.run("systemctl", "--user", "stop", UNIT)
    for listed, removed in ((("ps", "-aq"), ("rm", "-f")), (("network", "ls", "-q"), ("network", "rm"))):
        if ids := machine.run("docker", *listed, "--filter", LABEL).split():
            machine.run("docker", *removed, *ids)
    machine.run("loginctl", "disable-linger", USER)


def specs(value: str) -> str:
    """A pod that has a ConfigMap."""
    mounts = [{"name": "settings", "mountPath": "/settings"}]
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    mine = pod("mine", container(FOR_EVER, volumeMounts=mounts), volumes=volumes)
    return text(config_map("settings", key=value), mine).replace("IMAGE", BUSYBOX_IMAGE)


def test_D07_the_users_unit_starts_is_watched_reloads_and_stops(user: User) -> None:
    machine = user.machine
    user.write("environment", ENVIRONMENT)
    user.write("specs/mine.yaml", specs("one"))
    user.run("systemctl", "--user", "enable", "--now", UNIT)
    # No wait: `systemctl start` has waited for READY=1.
    assert (user.show("ActiveState"), user.show("NotifyAccess")) == ("active", "main")
    machine.wait("the count of pods", lambda: user.show("StatusText") == "1 pod: 1 Running")
    assert user.setting() == "one"
    pid, before = user.show("MainPID"), user.lives()
    assert machine.run("stat", "-c", "%U", f"/proc/{pid}") == USER
    assert len(before) == 2

    machine.run("sh", "-c", f"kill -KILL {pid}")
    machine.wait("another daemon", lambda: user.show("MainPID") not in (pid, "0"))
    machine.wait("its socket", user.setting)
    pid = user.show("MainPID")
    user.write("specs/mine.yaml", specs("two"))
    user.run("systemctl", "--user", "reload", UNIT)
    machine.wait("the new value in the pod", lambda: user.setting() == "two")
    assert (user.show("MainPID"), user.lives()) == (pid, before)

    user.run("systemctl", "--user", "stop", UNIT)
    assert (user.show("ActiveState"), user.show("Result")) == ("inactive", "success")
    assert user.lives() == before
    user.run("systemctl", "--user", "start", UNIT)
    machine.wait("the pod again", lambda: user.setting() == "two")
    assert user.lives() == before
