"""Case D07: what `make uninstall` takes away, and what it leaves: below a folder, and on a machine that runs pods."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pods import config_map, text
from tests.systemd.conftest import TREE
from tests.systemd.machine import Machine
from tests.systemd.service import SPECS, UNIT, Service

pytestmark = [pytest.mark.races, pytest.mark.xdist_group("machine")]

STATE, PROGRAM = "/var/lib/orchestrator", "/usr/local/bin/orchestrator"
ENABLED = f"/etc/systemd/system/multi-user.target.wants/{UNIT}"


def test_D07_uninstall_takes_away_what_install_brought_but_specs(installed: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    shutil.copytree(installed, place, symlinks=True)
    (place / "etc/orchestrator/specs/mine.yaml").write_text("# mine")
    subprocess.run(["make", "-C", TREE, "uninstall", f"DESTDIR={place}"], check=True, capture_output=True, timeout=60)
    left = [str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir()]
    assert left == ["etc/orchestrator/specs/mine.yaml"]


@pytest.fixture
def source(machine: Machine, installed: Path, tmp_path: Path) -> Iterator[str]:
    """The tree's folder in the machine; what a test uninstalls is installed again after it."""
    folder = tmp_path / "source" / "source"
    folder.mkdir(parents=True)
    shutil.copy(TREE / "Makefile", folder)
    shutil.copytree(TREE / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    machine.copy(folder.parent)
    yield "/source"
    _install(machine, installed)


def _install(machine: Machine, installed: Path) -> None:
    machine.copy(installed)
    machine.run("systemctl", "daemon-reload")


def test_D07_uninstall_ends_the_daemon_and_nothing_else_until_it_is_to_purge(
    service: Service, installed: Path, source: str
) -> None:
    machine, before = service.machine, service.lives()
    machine.run("systemctl", "enable", UNIT)
    assert _there(machine, PROGRAM, STATE, SPECS) == [PROGRAM, STATE, SPECS]
    refused = machine.ask("make", "-C", source, "uninstall", "PURGE=1")
    assert refused.returncode != 0
    assert "cannot purge: pods are left" in refused.stderr
    assert service.show("ActiveState") == "active"

    machine.run("make", "-C", source, "uninstall")
    assert (service.show("ActiveState"), service.show("LoadState")) == ("inactive", "not-found")
    assert _there(machine, PROGRAM, f"/etc/systemd/system/multi-user.target.wants/{UNIT}", STATE, SPECS) == [
        STATE,
        SPECS,
    ]
    assert service.lives() == before
    assert service.inside("cat /token/token") == "one"

    # Who installs it again has what was left.
    _install(machine, installed)
    service.start()
    assert service.lives() == before
    machine.write(SPECS, text(config_map("other", key="value")))
    machine.wait("the end of all pods", lambda: not service.pods() and not service.lives())
    machine.run("make", "-C", source, "uninstall", "PURGE=1")
    assert _there(machine, PROGRAM, STATE, "/run/orchestrator", SPECS) == [SPECS]


def _there(machine: Machine, *paths: str) -> list[str]:
    """Those of the paths that exist."""
    return machine.run("sh", "-c", 'for path; do ! test -e "$path" || echo "$path"; done', "sh", *paths).split()
