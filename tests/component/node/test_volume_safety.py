"""Volumes that a container fights for: links must not lead a write, a mount or an owner's change out (V05, V06)."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import Invalid
from orchestrator.node import mounts, sub_paths
from orchestrator.node.atomic_writer import write_atomically
from orchestrator.node.volumes import VolumeStore
from orchestrator.planning.ops import ResolveSubPath
from orchestrator.planning.projection import Ownership, ProjectedFile, VolumeContent

GROUP = 4242


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VolumeStore]:
    yield VolumeStore(tmp_path / "disk", tmp_path / "memory")
    mounts.unmount_below(tmp_path)


@pytest.fixture
def can_mount(tmp_path: Path) -> None:
    if not mounts.can_bind(tmp_path):
        pytest.skip("this process may not mount")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """What no container may reach."""
    folder = tmp_path / "host"
    folder.mkdir(mode=0o700)
    (folder / "file").write_text("the host's")
    (folder / "file").chmod(0o600)
    return folder


def files(**contents: bytes) -> tuple[ProjectedFile, ...]:
    return tuple(ProjectedFile(name.replace("__", "/"), content, 0o600) for name, content in contents.items())


def sub_path(root: Path, path: str, target: Path) -> ResolveSubPath:
    return ResolveSubPath(root=str(root), sub_path=path, make=True, target=str(target), cause="a mount names it")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# --- what is written (podman's CVE-2025-9566) ---


def test_V01_links_that_a_container_left_in_a_volume_lead_no_write_out(tmp_path: Path, host: Path) -> None:
    volume = tmp_path / "v"
    volume.mkdir()
    write_atomically(volume, files(a=b"1", dir__b=b"1"))
    for name in ("a", "dir", "..data", "..data_tmp", "c"):
        (volume / name).unlink(missing_ok=True)
        (volume / name).symlink_to(host / "file" if name in ("a", "c") else host)
    write_atomically(volume, files(a=b"2", dir__b=b"2", file=b"2", c=b"2"))
    assert sorted(entry.name for entry in host.iterdir()) == ["file"]
    assert (host / "file").read_text() == "the host's"
    read = {path: (volume / path).read_bytes() for path in ("a", "dir/b", "file", "c")}
    assert set(read.values()) == {b"2"}


def test_V01_whatever_a_container_puts_into_a_volume_goes_with_the_next_write(tmp_path: Path, host: Path) -> None:
    volume = tmp_path / "v"
    volume.mkdir()
    (volume / "a").mkdir()
    (volume / "a" / "deep").symlink_to(host)
    (volume / "..data").mkdir()
    (volume / "..data_tmp").write_text("in the way")
    (volume / "other").write_text("mine")
    (volume / "..2020_01_01").symlink_to(host)
    write_atomically(volume, files(a=b"1"))
    assert (volume / "a").read_bytes() == b"1"
    visible = sorted(entry.name for entry in volume.iterdir() if not entry.name.startswith("..2"))
    assert visible == ["..data", "a"]
    assert (host / "file").exists()


def test_V01_a_volume_that_became_a_link_is_not_written_to(tmp_path: Path, host: Path) -> None:
    (tmp_path / "v").symlink_to(host)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        write_atomically(tmp_path / "v", files(a=b"1"))
    assert sorted(entry.name for entry in host.iterdir()) == ["file"]


# --- fsGroup ---


async def test_V06_fs_group_owns_what_is_there_and_what_comes(store: VolumeStore, tmp_path: Path) -> None:
    volume = tmp_path / "disk" / "uid" / "v"
    (volume / "deep").mkdir(parents=True, mode=0o700)
    (volume / "deep" / "file").write_text("")
    (volume / "deep" / "file").chmod(0o600)
    await store.prepare(VolumeContent(str(volume), "emptyDir", f"{volume}.digest", ownership=Ownership(GROUP)))
    assert [mode(path) & 0o7070 for path in (volume, volume / "deep")] == [0o2070, 0o2070]
    assert mode(volume / "deep" / "file") == 0o660
    assert {path.stat().st_gid for path in (volume, volume / "deep", volume / "deep" / "file")} == {GROUP}
    (volume / "deep" / "new").touch()
    assert (volume / "deep" / "new").stat().st_gid == GROUP


async def test_V06_fs_group_may_read_what_is_projected(store: VolumeStore, tmp_path: Path) -> None:
    """Its files are no more open to others than they were."""
    volume = tmp_path / "memory" / "uid" / "v"
    await store.prepare(
        VolumeContent(
            str(volume), "1", f"{volume}.digest", files(a=b"1", dir__b=b"1"), ownership=Ownership(GROUP, True)
        )
    )
    for path in ("a", "dir/b"):
        found = (volume / path).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o640, GROUP)
    assert mode(volume / "..data" / "dir") == 0o2755
    assert volume.stat().st_gid == GROUP


async def test_V06_fs_group_follows_no_link(store: VolumeStore, tmp_path: Path, host: Path) -> None:
    volume = tmp_path / "disk" / "uid" / "v"
    volume.mkdir(parents=True)
    (volume / "link").symlink_to(host)
    (volume / "file").symlink_to(host / "file")
    (volume / "gone").symlink_to("nowhere")
    await store.prepare(VolumeContent(str(volume), "emptyDir", f"{volume}.digest", ownership=Ownership(GROUP)))
    assert (volume / "link").lstat().st_gid == GROUP
    assert [path.stat().st_gid for path in (host, host / "file")] == [os.getgid()] * 2
    assert (mode(host), mode(host / "file")) == (0o700, 0o600)


async def test_V06_a_volume_whose_folder_is_right_is_left_alone_if_asked(store: VolumeStore, tmp_path: Path) -> None:
    volume = tmp_path / "claims" / "v"
    volume.mkdir(parents=True)
    careful = Ownership(GROUP, unless_right=True)
    note = str(tmp_path / "disk" / "uid" / "v.digest")
    content = VolumeContent(str(volume), "outside", note, host_type="Directory", ownership=careful)
    await store.prepare(content)
    (volume / "file").touch()
    os.chown(volume / "file", 0, 0)
    await store.prepare(content)
    assert (volume / "file").stat().st_gid == 0
    volume.chmod(0o755)
    await store.prepare(content)
    assert (volume / "file").stat().st_gid == GROUP


# --- subPath ---


@pytest.mark.usefixtures("can_mount")
async def test_V05_what_is_mounted_is_what_was_checked(store: VolumeStore, tmp_path: Path, host: Path) -> None:
    """A container swaps the folder for a link after the check: the engine mounts what it was."""
    root, target = tmp_path / "v", tmp_path / "memory" / "uid" / ".subpaths" / "main" / "0"
    (root / "part").mkdir(parents=True)
    (root / "part" / "own").touch()
    await store.resolve(sub_path(root, "part", target))
    (root / "part").rename(root / "moved")
    (root / "part").symlink_to(host)
    assert [entry.name for entry in target.iterdir()] == ["own"]
    with pytest.raises(Invalid, match="leads out"):
        await store.resolve(sub_path(root, "part", target))


def test_V05_a_step_that_becomes_a_link_during_the_check_is_refused(
    tmp_path: Path, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "v"
    (root / "part").mkdir(parents=True)
    real = os.path.realpath

    def then_swapped(path: Path) -> str:
        found = real(path)
        if Path(path) == root / "part":
            (root / "part").rmdir()
            (root / "part").symlink_to(host)
        return found

    monkeypatch.setattr(os.path, "realpath", then_swapped)
    with pytest.raises(Invalid, match="became a link"):
        sub_paths.prepare_sub_path(root, "part", True, None)


@pytest.mark.usefixtures("can_mount")
async def test_V05_files_folders_and_links_inside_can_be_bound_again_and_again(
    store: VolumeStore, tmp_path: Path
) -> None:
    root, target = tmp_path / "v", tmp_path / "memory" / "uid" / ".subpaths" / "main" / "0"
    (root / "real").mkdir(parents=True)
    (root / "real" / "file").write_text("text")
    (root / "link").symlink_to("real")
    await store.resolve(sub_path(root, "link/file", target))
    assert target.read_text() == "text"
    await store.resolve(sub_path(root, "link", target))
    assert [entry.name for entry in target.iterdir()] == ["file"]
    await store.resolve(sub_path(root, "new/deep", target))
    assert list(target.iterdir()) == []
    assert len([point for point, _ in mounts.mounts() if point == target]) == 1


@pytest.mark.usefixtures("can_mount")
async def test_V05_the_end_of_a_pod_unmounts_and_leaves_the_data_behind_its_sub_paths(
    store: VolumeStore, tmp_path: Path
) -> None:
    """A claim's data lies behind a mount in a folder that is removed."""
    root, target = tmp_path / "claim", tmp_path / "memory" / "uid" / ".subpaths" / "main" / "0"
    (root / "part").mkdir(parents=True)
    (root / "part" / "data").write_text("precious")
    await store.resolve(sub_path(root, "part", target))
    await store.remove("uid")
    assert not (tmp_path / "memory" / "uid").exists()
    assert (root / "part" / "data").read_text() == "precious"
    assert not [point for point, _ in mounts.mounts() if point.is_relative_to(tmp_path)]


async def test_V05_new_folders_are_as_open_as_their_volume(store: VolumeStore, tmp_path: Path) -> None:
    root = tmp_path / "v"
    root.mkdir()
    os.chown(root, -1, GROUP)
    root.chmod(0o2777)
    await store.resolve(ResolveSubPath(root=str(root), sub_path="a/b", make=True, cause="a mount names it"))
    for made in (root / "a", root / "a" / "b"):
        assert (mode(made), made.stat().st_gid) == (0o2777, GROUP)


# --- tmpfs ---


@pytest.mark.usefixtures("can_mount")
async def test_V03_a_volume_in_memory_is_as_big_as_it_may_be_and_goes(store: VolumeStore, tmp_path: Path) -> None:
    volume = tmp_path / "memory" / "uid" / "v"
    content = VolumeContent(str(volume), "emptyDir", f"{volume}.digest", size_bytes=1 << 20)
    await store.prepare(content)
    with pytest.raises(OSError, match="No space left"):
        (volume / "big").write_bytes(b"x" * (1 << 21))
    (volume / "big").write_bytes(b"kept")
    await store.prepare(content)
    assert (volume / "big").read_bytes() == b"kept"
    assert mode(volume) == 0o777
    # As after a kill -9: another store, which remembers nothing.
    await VolumeStore(tmp_path / "disk", tmp_path / "memory").remove("uid")
    assert not volume.parent.exists()
    assert str(volume) not in subprocess.run(["mount"], capture_output=True, text=True, check=True).stdout
