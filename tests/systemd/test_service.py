"""Case D07: the daemon as a system service, under a real systemd, with pods that never notice what becomes of it."""

import re
import shutil
from pathlib import Path

import pytest

from tests.systemd.machine import Machine
from tests.systemd.service import ENVIRONMENT, SIZE, SPECS, UNIT, Service, specs

# One machine for all of them: they run in one process.
pytestmark = [pytest.mark.races, pytest.mark.xdist_group("machine")]

UNHEARD = """
import mmap, sys
path, old, new = sys.argv[1:]
with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as text:
    text[:] = text[:].replace(old.encode(), new.encode())
"""
"""A program that writes into a file by its memory, of which inotify(7) tells nobody."""


def test_D07_the_unit_is_sound(machine: Machine) -> None:
    machine.run("mkdir", "-p", "/run/user/0")
    for place, scope in (("system", ()), ("user", ("--user",))):
        path = f"/usr/local/lib/systemd/{place}/{UNIT}"
        told = machine.ask("env", "XDG_RUNTIME_DIR=/run/user/0", "systemd-analyze", *scope, "verify", path)
        assert told.stdout + told.stderr == ""
        assert told.returncode == 0
    level = machine.run("systemd-analyze", "security", "--no-pager", UNIT)
    exposure = re.search(r"Overall exposure level for .*: ([0-9.]+)", level)
    assert exposure
    assert float(exposure[1]) < 5.0


def test_D07_start_is_over_when_the_folder_was_applied_and_status_counts_pods(service: Service) -> None:
    machine = service.machine
    machine.run("systemctl", "restart", UNIT)
    # No wait: `systemctl restart` has waited for READY=1.
    assert {one["metadata"]["name"] for one in service.pods()} == {"plain", "mounts"}
    assert (service.show("ActiveState"), service.show("NotifyAccess")) == ("active", "main")
    machine.wait("the count of pods", lambda: service.show("StatusText") == "2 pods: 2 Running")
    assert machine.run("stat", "-c", "%a %U:%G", "/run/orchestrator/orchestrator.sock") == "660 root:orchestrator"
    assert machine.run("stat", "-c", "%a", "/var/lib/orchestrator") == "700"


def test_D07_what_the_daemon_mounts_reaches_the_engine(service: Service) -> None:
    """The unit's hardening must leave the daemon in the host's mount namespace."""
    assert service.inside("grep ' /memory ' /proc/mounts").split()[2] == "tmpfs"
    assert service.inside("df -k /memory | tail -n 1 | awk '{print $2}'") == str(int(SIZE[:-2]) * 1024)
    assert service.inside("cat /token/token /settings; stat -f -c %T /token") == "oneonetmpfs"
    address = service.cli("get", "service", "plain", "-o", "json")
    vip = re.search(r'"clusterIP": *"([0-9.]+)"', address)
    assert vip
    assert service.inside(f"wget -qO- http://{vip[1]}") == "well"


def test_D07_stop_and_start_leave_pods_and_what_they_mount(service: Service) -> None:
    before = service.lives()
    service.machine.run("systemctl", "stop", UNIT)
    assert (service.show("ActiveState"), service.show("Result")) == ("inactive", "success")
    assert service.lives() == before
    assert service.inside("cat /token/token; grep -c mounts /etc/hosts") == "one1"
    service.machine.write(SPECS, specs("two"))
    service.machine.run("systemctl", "start", UNIT)
    # The one who came back writes into the same mounts.
    service.machine.wait("the new secret in the pod", lambda: service.inside("cat /token/token") == "two")
    assert service.lives() == before


def test_D07_reload_reads_the_specs_again(service: Service) -> None:
    """An edit that leaves no trace: on the machine's disk, which is in memory, not even a time changes."""
    before, pid = service.lives(), service.pid()
    service.machine.run("python3", "-c", UNHEARD, SPECS, "one", "two")
    service.machine.run("systemctl", "reload", UNIT)
    told = "reading the specs again: SIGHUP"
    service.machine.wait("the reload", lambda: told in service.journal(f"_PID={pid}"))
    service.machine.wait("the new secret in the pod", lambda: service.inside("cat /token/token") == "two")
    # "reloading" until the daemon says that it is done.
    service.machine.wait("the end of the reload", lambda: service.show("ActiveState") == "active")
    assert (service.lives(), service.pid()) == (before, pid)


def test_D07_a_daemon_that_stands_still_is_ended_by_the_watchdog_and_comes_back(service: Service) -> None:
    before = service.lives()
    service.override("[Service]\nWatchdogSec=2\nTimeoutAbortSec=2\n")
    pid, restarts = service.pid(), int(service.show("NRestarts"))
    service.machine.run("sh", "-c", f"kill -STOP {pid}")
    service.machine.wait("another daemon", lambda: service.pid() not in (pid, "0"))
    service.wait_ready()
    assert int(service.show("NRestarts")) == restarts + 1
    assert "Watchdog timeout" in service.journal()
    assert service.lives() == before


def test_D07_a_daemon_that_is_killed_comes_back(service: Service) -> None:
    before, pid = service.lives(), service.pid()
    service.machine.run("sh", "-c", f"kill -KILL {pid}")
    service.machine.wait("another daemon", lambda: service.pid() not in (pid, "0"))
    service.wait_ready()
    assert service.lives() == before


def test_D07_why_it_cannot_start_is_an_error_in_the_journal_and_mending_it_is_enough(service: Service) -> None:
    before = service.lives()
    service.machine.write(ENVIRONMENT, "ORCHESTRATOR_POOL=nonsense")
    assert service.machine.ask("systemctl", "restart", UNIT).returncode != 0
    assert "nonsense" in service.journal("--priority", "err")
    service.machine.run("rm", ENVIRONMENT)
    service.machine.wait("the unit", lambda: service.show("ActiveState") == "active")
    service.wait_ready()
    assert service.lives() == before


def test_D05_D07_a_start_on_a_wrong_file_runs_its_last_good_version_and_status_says_so(service: Service) -> None:
    before = service.lives()
    service.machine.write(SPECS, "kind: Nonsense")
    service.machine.run("systemctl", "restart", UNIT)
    assert service.show("StatusText").endswith("; 1 problem in the specs")
    assert f"{SPECS}:1:" in service.journal("--priority", "warning")
    service.wait_ready()
    assert service.lives() == before
    service.machine.write(SPECS, specs("two"))
    service.machine.wait("the new secret in the pod", lambda: service.inside("cat /token/token") == "two")
    assert service.lives() == before


def test_D07_an_upgrade_leaves_pods_alone(service: Service, installed: Path, tmp_path: Path) -> None:
    before = service.lives()
    newer = tmp_path / "newer"
    shutil.copytree(installed, newer, symlinks=True)
    (file,) = newer.glob("usr/local/lib/orchestrator/lib/python3*/site-packages/orchestrator/__init__.py")
    file.write_text(re.sub(r'(?m)^__version__ = ".*"', '__version__ = "99.0"', file.read_text()))
    service.machine.copy(newer)
    service.machine.run("systemctl", "daemon-reload")
    service.machine.run("systemctl", "restart", UNIT)
    assert "99.0" in service.cli("version")
    service.wait_ready()
    assert service.lives() == before
