"""Fixtures: a machine with systemd and an engine, the daemon installed in it by `make install`, and running pods."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import BUSYBOX_IMAGE, find_busybox, image_tar
from tests.systemd.machine import Machine, Unable, disk
from tests.systemd.service import Service

TREE = Path(__file__).parents[2]
PYTHON = "/usr/bin/python3"
"""The distribution's own: the machine has the same."""


def install(tree: Path, destination: Path) -> Path:
    """Install a source tree below a folder, as a packager does."""
    environment = os.environ | {"DESTDIR": str(destination), "PYTHON": PYTHON}
    done = subprocess.run(["make", "-C", tree, "install"], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return destination


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make install DESTDIR=...` puts in place."""
    if not shutil.which(PYTHON):
        pytest.skip(f"there is no {PYTHON}")
    return install(TREE, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[Machine]:
    """A machine that has the daemon installed, and the test image; the unit is not started."""
    try:
        machine = Machine(tmp_path_factory.mktemp("machine"), installed, disk())
    except Unable as why:
        pytest.skip(str(why))
    try:
        try:
            machine.start()
        except Unable as why:
            pytest.skip(str(why))
        machine.run("docker", "import", "-", BUSYBOX_IMAGE, stdin=image_tar(find_busybox()))
        machine.run("systemd-sysusers")
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def service(machine: Machine) -> Iterator[Service]:
    """The unit, started as it was installed, with pods that are well; each test finds it so."""
    service = Service(machine)
    service.start()
    yield service
    service.mend()
