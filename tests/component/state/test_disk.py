"""Case D10: a journal on a disk that is full, without inodes or read-only, at a start and while the daemon runs."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.errors import Conflict
from orchestrator.locks import own_folders
from orchestrator.state import journal as journal_module
from orchestrator.state.journal import Journal

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")

MANY = 300
PATIENCE = 20.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=1024k,nr_inodes=50", "none", folder)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True, timeout=60)


def full(disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (disk / "filler").write_bytes(bytes(2 << 20))


def without_inodes(disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        all((disk / f"filler{number}").touch() is None for number in range(100))


def read_only(disk: Path) -> None:
    _mount("-o", "remount,ro", disk)


def mend(disk: Path) -> None:
    _mount("-o", "remount,rw", disk)
    for file in disk.glob("filler*"):
        file.unlink()


SPOILT = {
    full: "no space is left on its file system",
    without_inodes: "no inodes are left on its file system",
    read_only: "its file system is read-only",
}


def stopped(path: Path) -> int:
    journal = Journal(path)
    for number in range(MANY):
        journal.put("b", f"{number:04}", {"n": number, "text": "x" * 200})
    journal.close()
    return MANY


def killed(path: Path) -> int:
    """As after a power cut: what was written last is in the log, and the log has no index."""
    before = stopped(path)

    def work() -> None:
        journal = Journal(path)
        journal.put("b", "last", {"n": 0})
        journal.flush()

    _in_another_process(work)
    assert path.with_name("journal.db-wal").stat().st_size
    path.with_name("journal.db-shm").unlink()
    return before + 1


def damaged(path: Path) -> int:
    stopped(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 4096)
    return 0


def never_there(_path: Path) -> int:
    return 0


@pytest.mark.parametrize("before", [stopped, killed, damaged, never_there])
@pytest.mark.parametrize("spoil", SPOILT)
def test_D10_a_disk_that_takes_nothing_keeps_no_daemon_from_starting_and_gets_all_when_it_can(
    disk: Path,
    before: Callable[[Path], int],
    spoil: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_module, "RETRY", 0.05)
    path = disk / "journal.db"
    wanted = before(path)
    spoil(disk)
    for start in range(3):
        journal = Journal(path)
        found = len(dict(journal.items("b")))
        assert found == wanted if before is not damaged else 0 < found < MANY
        if start < 2:
            journal.close()
    journal.put("b", "new", {"text": "x" * 9000})
    journal.flush()
    # Where the file and its log are there, no inode is needed: the index of the log may be in memory.
    goes_on = before is killed and spoil is without_inodes
    assert journal.trouble == ("" if goes_on else f"cannot write the journal {path}: {SPOILT[spoil]}")
    mend(disk)
    _wait(lambda: not journal.trouble)
    # A kill -9: nothing is written or closed in an orderly way any more.
    _in_another_process(lambda: _same(Journal(_copy(path)), journal))
    journal.close()
    again = Journal(path)
    assert len(dict(again.items("b"))) == found + 1
    again.close()
    copies = [file for file in disk.iterdir() if "damaged" in file.name]
    assert len(copies) == (before is damaged)
    assert not [file for file in disk.iterdir() if file.suffix in (".fresh", ".next") or not file.stat().st_size]


def test_D10_a_nearly_full_disk_loses_no_row_of_a_damaged_journal(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "RETRY", 0.05)
    path = disk / "journal.db"
    found = []
    for free in (0, 8, 20, 40, 60, 200):
        for file in disk.iterdir():
            file.unlink()
        damaged(path)
        (disk / "filler").write_bytes(bytes((1024 - free) * 1024 - path.stat().st_size))
        journal = Journal(path)
        found.append(len(dict(journal.items("b"))))
        mend(disk)
        _wait(lambda journal=journal: not journal.trouble)
        journal.close()
        again = Journal(path)
        found.append(len(dict(again.items("b"))))
        again.close()
    assert found[0] > 0
    assert set(found) == {found[0]}


@pytest.mark.parametrize("spoil", SPOILT)
@pytest.mark.parametrize("used", [False, True])
def test_D09_D10_the_locks_of_a_state_folder_need_no_room(
    disk: Path, tmp_path: Path, spoil: Callable[[Path], None], used: bool
) -> None:
    settings: Any = SimpleNamespace(state_dir=disk / "state", run_dir=tmp_path / "run")
    settings.state_dir.mkdir(mode=0o700)
    if used:
        with own_folders(settings):
            pass
    spoil(disk)
    with own_folders(settings):
        with pytest.raises(Conflict, match=r"cannot start: a daemon \(pid \w+\) uses"), own_folders(settings):
            pass
        mend(disk)
        with pytest.raises(Conflict, match="cannot start: a daemon"), own_folders(settings):
            pass
    with own_folders(settings):
        assert (settings.state_dir / "lock").read_text() == str(os.getpid())
        assert (settings.state_dir / "volumes").stat().st_mode & 0o777 == 0o700


def _copy(path: Path) -> Path:
    """What a kill -9 would leave."""
    folder = path.parent / "copy"
    folder.mkdir()
    for file in path.parent.glob("journal.db*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder / path.name


def _same(one: Journal, other: Journal) -> None:
    assert dict(one.items("b")) == dict(other.items("b"))


def _in_another_process(work: Callable[[], None]) -> None:
    """Work in a process that ends as by a kill -9."""
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True, timeout=60)
