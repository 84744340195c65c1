"""Volumes on a real disk: all files at once, modes, subPaths that stay inside, hostPath types (V01, V02, V04, V05)."""

import os
import socket
import stat
from pathlib import Path

import pytest

from orchestrator.errors import Invalid, OrchestratorError
from orchestrator.node.volumes import VolumeStore
from orchestrator.planning.ops import ResolveSubPath
from orchestrator.planning.projection import ProjectedFile, VolumeContent


@pytest.fixture
def store(tmp_path: Path) -> VolumeStore:
    return VolumeStore(tmp_path / "disk", tmp_path / "memory")


def projected(directory: Path, digest: str, **files: bytes) -> VolumeContent:
    made = tuple(ProjectedFile(name.replace("__", "/"), content, 0o640) for name, content in files.items())
    return VolumeContent(str(directory), digest, f"{directory}.digest", made)


def sub_path(root: Path, path: str, *, make: bool, target: Path | str = "") -> ResolveSubPath:
    return ResolveSubPath(root=str(root), sub_path=path, make=make, target=str(target), cause="a mount names it")


def content(directory: Path) -> dict[str, bytes]:
    """What a container sees: names without the dots, through the links."""
    visible = [entry for entry in directory.iterdir() if not entry.name.startswith("..")]
    files = [file for entry in visible for file in ([entry] if entry.is_file() else entry.rglob("*"))]
    return {str(file.relative_to(directory)): file.read_bytes() for file in files}


async def test_V01_files_modes_and_folders(store: VolumeStore, tmp_path: Path) -> None:
    volume = tmp_path / "disk" / "uid" / "data"
    await store.prepare(projected(volume, "1", a=b"1", dir__b=b"2"))
    assert content(volume) == {"a": b"1", "dir/b": b"2"}
    assert stat.S_IMODE((volume / "a").stat().st_mode) == 0o640
    assert store.digests("uid") == {"data": "1"}


async def test_D01_what_was_written_before_a_power_cut_is_written_again(store: VolumeStore, tmp_path: Path) -> None:
    volume, folders = tmp_path / "disk" / "uid" / "data", (tmp_path / "disk", tmp_path / "memory")
    wanted = projected(volume, "1", a=b"1")
    await store.prepare(wanted)
    assert VolumeStore(*folders).digests("uid") == {"data": "1"}, "another daemon of this boot changes nothing"
    # What the disk had not got yet.
    os.truncate(volume / "a", 0)
    after = VolumeStore(*folders, boot=lambda: "another")
    assert after.digests("uid") == {}
    await after.prepare(wanted)
    assert (content(volume), after.digests("uid")) == ({"a": b"1"}, {"data": "1"})


async def test_D01_volumes_of_a_version_that_noted_no_boot_stay(store: VolumeStore, tmp_path: Path) -> None:
    (tmp_path / "disk" / "uid" / "data").mkdir(parents=True)
    (tmp_path / "disk" / "uid" / "data.digest").write_text("1")
    assert store.digests("uid") == {"data": "1"}


async def test_V02_an_edit_changes_all_files_at_once_and_takes_removed_ones_away(
    store: VolumeStore, tmp_path: Path
) -> None:
    volume = tmp_path / "disk" / "uid" / "data"
    await store.prepare(projected(volume, "1", a=b"1", b=b"1", dir__c=b"1"))
    held = os.open(volume / "..data", os.O_PATH | os.O_DIRECTORY)
    before = os.readlink(volume / "..data")
    await store.prepare(projected(volume, "2", a=b"2", d=b"2"))
    os.close(held)
    assert content(volume) == {"a": b"2", "d": b"2"}
    assert os.readlink(volume / "..data") != before
    assert len([entry for entry in volume.iterdir() if entry.name.startswith("..2")]) == 1, "the old files are gone"
    assert os.readlink(volume / "a") == "..data/a"


async def test_V03_an_emptyDir_keeps_what_is_in_it(store: VolumeStore, tmp_path: Path) -> None:
    volume = tmp_path / "memory" / "uid" / "scratch"
    await store.prepare(VolumeContent(str(volume), "emptyDir", f"{volume}.digest"))
    (volume / "file").write_text("kept")
    await store.prepare(VolumeContent(str(volume), "emptyDir", f"{volume}.digest"))
    assert (volume / "file").read_text() == "kept"
    assert stat.S_IMODE(volume.stat().st_mode) == 0o777
    await store.remove("uid")
    assert store.uids() == set()
    await store.remove("uid")


async def test_what_is_in_the_way_is_said_in_a_sentence(store: VolumeStore, tmp_path: Path) -> None:
    (tmp_path / "disk").write_text("a file")
    with pytest.raises(OrchestratorError, match=f"cannot write {tmp_path}/disk"):
        await store.prepare(projected(tmp_path / "disk" / "uid" / "data", "1", a=b"1"))


@pytest.mark.parametrize("path", ["..", "../other", "a/../../other", "link", "link/deeper", "loop"])
async def test_V05_a_subPath_that_leads_out_is_refused(store: VolumeStore, tmp_path: Path, path: str) -> None:
    root = tmp_path / "volume"
    root.mkdir()
    (root / "link").symlink_to("/etc")
    (root / "loop").symlink_to("../volume/../other")
    with pytest.raises(Invalid, match="leads out of its volume"):
        await store.resolve(sub_path(root, path, make=True))
    assert not (tmp_path / "other").exists()


async def test_V05_a_subPath_is_made_where_it_may_be(store: VolumeStore, tmp_path: Path) -> None:
    await store.resolve(sub_path(tmp_path, "a/b", make=True))
    assert (tmp_path / "a" / "b").is_dir()
    with pytest.raises(OrchestratorError, match="is not in the volume"):
        await store.resolve(sub_path(tmp_path, "c", make=False))


async def test_V05_a_subPath_that_cannot_be_made_is_said_in_a_sentence(store: VolumeStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OrchestratorError, match="cannot use"):
        await store.resolve(sub_path(tmp_path, "file/below", make=True))


@pytest.mark.parametrize(
    ("kind", "there", "good"),
    [
        ("", "nothing", True),
        ("DirectoryOrCreate", "nothing", True),
        ("DirectoryOrCreate", "file", False),
        ("Directory", "directory", True),
        ("Directory", "nothing", False),
        ("FileOrCreate", "nothing", True),
        ("File", "file", True),
        ("File", "directory", False),
        ("Socket", "socket", True),
        ("Socket", "file", False),
        ("CharDevice", "device", True),
        ("BlockDevice", "device", False),
    ],
)
async def test_V04_hostPath_types(store: VolumeStore, tmp_path: Path, kind: str, there: str, good: bool) -> None:
    path = Path("/dev/null") if there == "device" else tmp_path / "p"
    if there == "directory":
        path.mkdir()
    elif there == "file":
        path.write_text("")
    elif there == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    note = str(tmp_path / "disk" / "uid" / "v.digest")
    volume = VolumeContent(str(path), f"outside {path}", note, host_type=kind)  # type: ignore[arg-type]
    if good:
        await store.prepare(volume)
        assert path.exists()
        assert store.digests("uid") == {"v": f"outside {path}"}
    else:
        with pytest.raises(OrchestratorError, match="hostPath type check failed"):
            await store.prepare(volume)


async def test_V04_FileOrCreate_makes_the_folder_too(store: VolumeStore, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    await store.prepare(VolumeContent(str(path), f"outside {path}", str(tmp_path / "d"), host_type="FileOrCreate"))
    assert path.read_bytes() == b""
