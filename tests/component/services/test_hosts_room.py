"""D10: the run folder is full in the middle of a hosts file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.node import mounts
from orchestrator.services.hosts import HostsFiles, Name
from tests.unit.services.test_hosts import BACKEND, pod

PAGE = 4096


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for four pages, and no more."""
    if not mounts.can_bind(tmp_path):
        pytest.skip("this process may not mount")
    folder = tmp_path / "run"
    folder.mkdir()
    mounts.mount_tmpfs(folder, 4 * PAGE)
    yield folder
    mounts.unmount_below(tmp_path)


def test_D10_a_full_run_folder_leaves_every_name_as_it_was(small: Path) -> None:
    files = HostsFiles(small)
    files.publish((BACKEND,))
    path = files.prepare(pod(), "10.201.0.2")
    before, inode = path.read_text(), path.stat().st_ino
    assert "10.201.2.9\tbackend" in before
    # Enough for three pages, where two are left.
    filler = small / "filler"
    filler.write_bytes(b"x" * PAGE)
    many = tuple(Name("default", f"name{number:04}", (f"10.201.3.{number % 250}",)) for number in range(130))
    with pytest.raises(OSError, match="No space left"):
        files.publish(many)
    assert path.read_text() == before

    filler.unlink()
    files.publish(many)
    assert path.stat().st_ino == inode
    assert path.read_text().endswith("\tname0129.default.svc.cluster.local\n")
