"""Folders as they are in the field: a big checkout, files that grow, what editors leave, an overlay (D04, D05)."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.component.sources.test_watcher import config_map, following, specs, values

__all__ = ["specs"]

pytestmark = pytest.mark.races


async def test_D04_two_thousand_files_in_one_checkout(tmp_path: Path) -> None:
    """git takes a while for them: never is an object away between the first and the last file."""
    specs = tmp_path / "specs"
    specs.mkdir()

    def git(*words: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *words], cwd=specs, check=True, capture_output=True)

    def write(value: str) -> None:
        for number in range(2000):
            folder = specs / f"team{number % 20}"
            folder.mkdir(exist_ok=True)
            (folder / f"c{number}.yaml").write_text(config_map(f"c{number}", value))

    git("init", "-q", "-b", "one")
    for branch in ("one", "two"):
        if branch == "two":
            git("checkout", "-q", "-b", "two")
        write(branch)
        git("add", "-A")
        git("commit", "-q", "-m", branch)
    async with following(specs) as follower:
        assert set(values(await follower.next()).values()) == {"two"}
        await asyncio.to_thread(git, "checkout", "-q", "one")
        await follower.until(lambda snapshot: set(values(snapshot).values()) == {"one"})
    assert all(len(snapshot.objects) == 2000 for snapshot in follower.seen)
    assert not [problem for snapshot in follower.seen for problem in snapshot.problems]
    changed = [file for snapshot in follower.seen[1:] for file in snapshot.changed]
    assert len(changed) == len(set(changed)) == 2000, "each file is one change"


async def test_D05_a_file_that_grows_while_it_is_read_never_loses_what_it_had(specs: Path) -> None:
    """Each piece is a document or half of one: what was there stays until the whole can be read."""
    whole = "---\n".join(config_map(f"c{number}", "2") for number in range(40))
    (specs / "a.yaml").write_text("---\n".join(config_map(f"c{number}") for number in range(40)))

    async def grow() -> None:
        with (specs / "a.yaml").open("w") as file:
            for start in range(0, len(whole), 137):
                file.write(whole[start : start + 137])
                file.flush()
                await asyncio.sleep(0.01)

    async with following(specs) as follower:
        assert len((await follower.next()).objects) == 41
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(grow())
            wanted = {f"c{number}": "2" for number in range(40)} | {"b": "1"}
            await follower.until(lambda snapshot: values(snapshot) == wanted)
    names = [{sourced.object.metadata.name for sourced in snapshot.objects} for snapshot in follower.seen]
    assert all(seen == set(wanted) for seen in names)


def vim(path: Path, text: str) -> None:
    """As vim saves with `backup`: a swap file, a test file, the old one moved away, a new one, all tidied up after."""
    swap = path.with_name(f".{path.name}.swp")
    swap.write_bytes(b"b0VIM 9.0")
    path.with_name("4913").touch()
    path.with_name("4913").unlink()
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)
    swap.unlink()


def emacs(path: Path, text: str) -> None:
    """As emacs: a lock that is a link to nowhere, an autosave file, a backup, the file written in place."""
    lock = path.with_name(f".#{path.name}")
    lock.symlink_to("somebody@somewhere.123:456")
    path.with_name(f"#{path.name}#").write_text("half of wh")
    path.with_name(f"{path.name}~").write_bytes(path.read_bytes())
    path.write_text(text)
    path.with_name(f"#{path.name}#").unlink()
    lock.unlink()


def gedit(path: Path, text: str) -> None:
    """As GNOME's editors: a file with a strange name, renamed."""
    fresh = path.with_name(f".goutputstream-{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)


@pytest.mark.parametrize("save", [vim, emacs, gedit])
async def test_D04_what_editors_leave_is_nothing(specs: Path, save: Callable[[Path, str], None]) -> None:
    async with following(specs) as follower:
        await follower.next()
        save(specs / "a.yaml", config_map("a", "2"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "2", "b": "1"})
    assert not [problem for snapshot in follower.seen for problem in snapshot.problems]
    assert all(set(values(snapshot)) == {"a", "b"} for snapshot in follower.seen)


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Path]:
    """A folder of an overlay, as in a container or an image-based system; skips where none can be mounted."""
    for name in ("lower", "upper", "work", "merged"):
        (tmp_path / name).mkdir()
    (tmp_path / "lower" / "a.yaml").write_text(config_map("a"))
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    merged = tmp_path / "merged"
    mounted = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", layers, merged], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no overlay can be mounted here: {mounted.stderr.strip()}")
    yield merged
    subprocess.run(["umount", merged], check=True)


async def test_D04_an_overlay_is_followed(overlay: Path) -> None:
    """A file of the lower layer becomes another inode with its first write."""
    async with following(overlay) as follower:
        assert values(await follower.next()) == {"a": "1"}
        (overlay / "a.yaml").write_text(config_map("a", "2"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "2"})
        (overlay / "a.yaml").write_text(config_map("a", "3"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "3"})
        (overlay / "b.yaml").write_text(config_map("b"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "3", "b": "1"})
