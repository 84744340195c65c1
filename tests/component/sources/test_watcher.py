"""The watcher on real folders: every way in which people and tools save files."""

import asyncio
import contextlib
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from orchestrator.sources.watcher import Snapshot, SpecWatcher

pytestmark = pytest.mark.races

PATIENCE = 60.0


def config_map(name: str, value: str = "1") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: '{value}'\n"


class Follower:
    """Reads snapshots, and waits for the one that is wanted."""

    def __init__(self, snapshots: AsyncIterator[Snapshot]) -> None:
        self._snapshots = snapshots
        self.seen: list[Snapshot] = []

    async def next(self) -> Snapshot:
        async with asyncio.timeout(PATIENCE):
            snapshot = await anext(self._snapshots)
        self.seen.append(snapshot)
        return snapshot

    async def until(self, condition: Callable[[Snapshot], bool]) -> Snapshot:
        while not condition(snapshot := await self.next()):
            pass
        return snapshot

    async def silent(self, seconds: float) -> None:
        """Nothing new may come in this time; the follower is of no use afterwards."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await anext(self._snapshots)


@contextlib.asynccontextmanager
async def following(*paths: Path, delay: float = 10.0, poll: float = 60.0) -> AsyncIterator[Follower]:
    watcher = SpecWatcher(paths, empty_folder_delay=delay, poll_interval=poll)
    async with contextlib.aclosing(watcher.snapshots()) as snapshots:
        yield Follower(snapshots)


def values(snapshot: Snapshot) -> dict[str, str]:
    return {sourced.object.metadata.name: sourced.object.data["key"] for sourced in snapshot.objects}


def save_by_rename(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "a.yaml").write_text(config_map("a"))
    (folder / "b.yaml").write_text(config_map("b"))
    return folder


async def test_the_first_snapshot_comes_at_once(specs: Path) -> None:
    async with following(specs) as follower:
        assert values(await follower.next()) == {"a": "1", "b": "1"}


@pytest.mark.parametrize("save", [save_by_rename, Path.write_text])
async def test_D04_a_saved_file_is_followed_in_time(specs: Path, save: Callable[[Path, str], None]) -> None:
    async with following(specs) as follower:
        await follower.next()
        began = time.monotonic()
        save(specs / "a.yaml", config_map("a", "2"))
        snapshot = await follower.next()
        took = time.monotonic() - began
        assert values(snapshot) == {"a": "2", "b": "1"}
        assert snapshot.changed == {str(specs / "a.yaml")}
        assert took < 2.0  # the bar is 0.3 s on a quiet machine; this one may be shared


async def test_D04_a_truncated_file_that_is_written_again_deletes_nothing(specs: Path) -> None:
    async with following(specs) as follower:
        await follower.next()
        with (specs / "a.yaml").open("w") as file:
            file.flush()
            await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.08)
            file.write(config_map("a", "2"))
        snapshot = await follower.next()
        assert values(snapshot) == {"a": "2", "b": "1"}


async def test_D10_a_file_that_stays_empty_is_told_and_deletes_nothing(specs: Path) -> None:
    async with following(specs) as follower:
        await follower.next()
        (specs / "a.yaml").write_text("")
        snapshot = await follower.next()
        assert values(snapshot) == {"a": "1", "b": "1"}
        assert "the file is empty" in snapshot.problems[0].text
        (specs / "a.yaml").unlink()
        assert values(await follower.until(lambda later: len(later.objects) == 1)) == {"b": "1"}


async def test_D04_two_hundred_files_are_one_reaction(specs: Path) -> None:
    async with following(specs) as follower:
        await follower.next()
        for number in range(200):
            (specs / f"c{number}.yaml").write_text(config_map(f"c{number}"))
        await follower.until(lambda snapshot: len(snapshot.objects) == 202)
        assert len(follower.seen) <= 3  # one, where the writing itself takes less than the longest wait


async def test_D04_a_deleted_and_recreated_folder_goes_on_being_followed(specs: Path) -> None:
    async with following(specs) as follower:
        await follower.next()
        shutil.rmtree(specs)
        specs.mkdir()
        (specs / "a.yaml").write_text(config_map("a", "2"))
        (specs / "b.yaml").write_text(config_map("b"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "2", "b": "1"})
        (specs / "a.yaml").write_text(config_map("a", "3"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "3", "b": "1"})
        assert all(values(snapshot).keys() == {"a", "b"} for snapshot in follower.seen)


async def test_D04_a_folder_moved_into_place_is_followed(specs: Path) -> None:
    other = specs.with_name("other")
    shutil.copytree(specs, other)
    (other / "a.yaml").write_text(config_map("a", "2"))
    async with following(specs) as follower:
        await follower.next()
        specs.rename(specs.with_name("old"))
        other.rename(specs)
        await follower.until(lambda snapshot: values(snapshot) == {"a": "2", "b": "1"} and not snapshot.notices)
        (specs / "b.yaml").write_text(config_map("b", "3"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "2", "b": "3"})


async def test_D04_a_configmap_volume_swaps_its_link(tmp_path: Path) -> None:
    for name, value in (("..v1", "1"), ("..v2", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(config_map("a", value))
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    async with following(tmp_path) as follower:
        assert values(await follower.next()) == {"a": "1"}
        (tmp_path / "..next").symlink_to("..v2")
        (tmp_path / "..next").replace(tmp_path / "..data")
        assert values(await follower.next()) == {"a": "2"}


async def test_D04_a_linked_file_is_followed_to_its_place(tmp_path: Path, specs: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "real.yaml").write_text(config_map("linked"))
    (specs / "link.yaml").symlink_to(elsewhere / "real.yaml")
    async with following(specs) as follower:
        await follower.next()
        (elsewhere / "real.yaml").write_text(config_map("linked", "2"))
        assert values(await follower.next())["linked"] == "2"


async def test_a_new_folder_inside_is_followed(specs: Path) -> None:
    async with following(specs) as follower:
        await follower.next()
        inner = specs / "x" / "y"
        inner.mkdir(parents=True)
        (inner / "c.yaml").write_text(config_map("c"))
        await follower.until(lambda snapshot: "c" in values(snapshot))
        (inner / "c.yaml").write_text(config_map("c", "2"))
        await follower.until(lambda snapshot: values(snapshot)["c"] == "2")


async def test_a_single_file_is_followed_through_renames(specs: Path) -> None:
    async with following(specs / "a.yaml") as follower:
        assert values(await follower.next()) == {"a": "1"}
        for value in ("2", "3"):
            save_by_rename(specs / "a.yaml", config_map("a", value))
            assert values(await follower.next()) == {"a": value}


async def test_a_path_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two"
    async with following(folder) as follower:
        first = await follower.next()
        assert not first.objects
        assert "no such file or folder" in first.problems[0].text
        folder.mkdir(parents=True)
        (folder / "a.yaml").write_text(config_map("a"))
        await follower.until(lambda snapshot: values(snapshot) == {"a": "1"} and not snapshot.problems)


async def test_D05_a_broken_edit_keeps_the_last_good_version(specs: Path) -> None:
    async with following(specs) as follower:
        first = await follower.next()
        (specs / "a.yaml").write_text(config_map("a", "2") + "dta: {}\n")
        broken = await follower.next()
        assert broken.objects == first.objects
        assert not broken.changed
        assert broken.errors[0].text == f'{specs / "a.yaml"}:7:1: dta: unknown field "dta" (did you mean "data"?)'
        (specs / "a.yaml").write_text(config_map("a", "3"))
        mended = await follower.next()
        assert not mended.errors
        assert values(mended)["a"] == "3"


async def test_D06_a_deleted_file_deletes_its_objects(specs: Path) -> None:
    async with following(specs) as follower:
        await follower.next()
        (specs / "a.yaml").unlink()
        snapshot = await follower.next()
        assert values(snapshot) == {"b": "1"}
        assert not snapshot.notices


@pytest.mark.parametrize("vanish", [shutil.rmtree, lambda folder: [path.unlink() for path in folder.iterdir()]])
async def test_D06_an_emptied_or_vanished_folder_waits_and_says_so(specs: Path, vanish: Callable[[Path], None]) -> None:
    async with following(specs, delay=0.6) as follower:
        await follower.next()
        vanish(specs)
        told = await follower.until(lambda snapshot: bool(snapshot.notices))
        assert values(told) == {"a": "1", "b": "1"}
        assert "its 2 objects will be deleted after 0.6 s unless the files come back" in told.notices[0]
        gone = await follower.until(lambda snapshot: not snapshot.objects)
        assert not gone.notices


async def test_D06_files_that_come_back_in_time_were_never_away(specs: Path) -> None:
    async with following(specs, delay=30.0) as follower:
        first = await follower.next()
        specs.rename(specs.with_name("away"))
        await follower.until(lambda snapshot: bool(snapshot.notices))
        specs.with_name("away").rename(specs)
        back = await follower.until(lambda snapshot: not snapshot.notices)
        assert values(back) == values(first)
        assert all(values(snapshot) == values(first) for snapshot in follower.seen)


async def test_a_folder_that_cannot_even_be_asked_for_is_an_error_among_others(specs: Path, tmp_path: Path) -> None:
    """As on a disk that is in trouble; a name too long is refused by every system call, too."""
    async with following(specs, tmp_path / ("x" * 300) / "specs") as follower:
        first = await follower.next()
        assert "name too long" in first.errors[0].text
        assert values(first) == {"a": "1", "b": "1"}


async def test_what_no_alarm_tells_of_is_found_by_looking(specs: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    for name, value in (("one", "1"), ("two", "2")):
        (tmp_path / "far" / name).mkdir()
        (tmp_path / "far" / name / "c.yaml").write_text(config_map("c", value))
    (tmp_path / "far" / "current").symlink_to("one")
    (specs / "c.yaml").symlink_to(tmp_path / "far" / "current" / "c.yaml")
    async with following(specs, poll=0.1) as follower:
        await follower.next()
        (tmp_path / "far" / "next").symlink_to("two")
        os.replace(tmp_path / "far" / "next", tmp_path / "far" / "current")
        assert values(await follower.next())["c"] == "2"


async def test_touching_files_is_not_a_change(specs: Path) -> None:
    async with following(specs, poll=0.05) as follower:
        await follower.next()
        (specs / "a.yaml").touch()
        (specs / "notes.txt").write_text("x")
        await follower.silent(0.4)


_FOLLOW_WITHOUT_INOTIFY = """
import asyncio, contextlib, pathlib, sys
from orchestrator.sources.watcher import SpecWatcher

async def main(folder):
    async with contextlib.aclosing(SpecWatcher([folder]).snapshots()) as snapshots:
        # That the alarm failed may come with the first snapshot or after it.
        async with asyncio.timeout(10):
            while not (notices := (await anext(snapshots)).notices):
                pass
        print(*notices)
        (folder / "a.yaml").unlink()
        async with asyncio.timeout(10):
            print(len((await anext(snapshots)).objects))

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize("limit", ["watches", "instances"])
def test_D10_without_inotify_it_says_so_and_goes_on_looking(specs: Path, limit: str) -> None:
    """In a user namespace of its own, so that nobody else runs out of watches."""
    lowered = f'echo 0 > /proc/sys/user/max_inotify_{limit} && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", lowered, "sh"]
    if subprocess.run([*inside, "true"], check=False, capture_output=True, timeout=PATIENCE).returncode:
        pytest.skip("user namespaces are not allowed here")
    command = [*inside, sys.executable, "-c", _FOLLOW_WITHOUT_INOTIFY, str(specs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=3 * PATIENCE)
    notice, objects = done.stdout.splitlines()
    assert notice.startswith(f"cannot watch the spec folders (the limit of inotify {limit}")
    assert notice.endswith("looking every 0.5 s instead")
    assert objects == "1"


async def test_D10_an_alarm_that_failed_is_tried_again_though_nothing_is_edited(
    specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter((RuntimeError("Too many open files (os error 24)"),))

    def watch(*folders: str, **how: Any) -> Iterator[set[tuple[watchfiles.Change, str]]]:
        for trouble in tries:
            raise trouble
        yield from watchfiles.watch(*folders, **how)

    monkeypatch.setattr("orchestrator.sources.alarm.watch", watch)
    monkeypatch.setattr("orchestrator.sources.watcher.REARM_INTERVAL", 0.3)
    async with contextlib.aclosing(SpecWatcher([specs], poll_interval=3600.0).snapshots()) as snapshots:
        follower = Follower(snapshots)
        # That it failed may come with the first snapshot or after it.
        told = await follower.until(lambda snapshot: bool(snapshot.notices))
        assert "open files is reached" in told.notices[0]
        await follower.until(lambda snapshot: not snapshot.notices)
        (specs / "c.yaml").write_text(config_map("c"))
        assert "c" in values(await follower.next())


async def test_a_look_that_is_asked_for_sees_what_leaves_no_trace() -> None:
    """On tmpfs what is written by a file's memory changes none of its times, and no alarm tells of it."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        path = Path(name) / "a.yaml"
        path.write_text(config_map("a"))
        watcher = SpecWatcher([name])
        async with contextlib.aclosing(watcher.snapshots()) as snapshots:
            assert values(await anext(snapshots)) == {"a": "1"}
            with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as text:
                text[:] = text[:].replace(b"'1'", b"'2'")
            following = asyncio.create_task(anext(snapshots))
            looking = asyncio.create_task(watcher.look_again())
            async with asyncio.timeout(PATIENCE):
                assert values(await following) == {"a": "2"}
            looking.cancel()


async def test_a_look_that_is_asked_for_sees_what_no_alarm_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(*_arguments: object) -> bool:
        return False

    monkeypatch.setattr("orchestrator.sources.alarm.Alarm.arm", deaf)
    (tmp_path / "a.yaml").write_text(config_map("a"))
    watcher = SpecWatcher([tmp_path], poll_interval=3600.0)
    async with contextlib.aclosing(watcher.snapshots()) as snapshots:
        follower = Follower(snapshots)
        assert values(await follower.next()) == {"a": "1"}
        (tmp_path / "a.yaml").write_text(config_map("a", "2"))
        following = asyncio.create_task(follower.next())
        looking = asyncio.create_task(watcher.look_again())
        assert values(await following) == {"a": "2"}
        # It is over when whoever follows asks for more.
        assert not looking.done()
        more = asyncio.create_task(follower.next())
        async with asyncio.timeout(PATIENCE):
            await looking
            await watcher.look_again()
        more.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await more
