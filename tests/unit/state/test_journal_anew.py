"""A journal that is damaged, removed or replaced: at no moment can a kill -9 cost a row that could be read."""

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.state.journal import Journal

MANY = 300


def write(path: Path, text: str) -> Journal:
    journal = Journal(path)
    for number in range(MANY):
        journal.put("b", f"{number:04}", {"n": number, "text": text})
    journal.flush()
    return journal


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 4096)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def remove(path: Path) -> None:
    for file in path.parent.glob("journal.db*"):
        file.unlink()


def replace(path: Path) -> None:
    other = path.with_name("other")
    db = sqlite3.connect(other)
    with db:
        db.execute("CREATE TABLE guests (name TEXT)")
    db.close()
    other.rename(path)


def a_log(folder: Path) -> bytes:
    """The log of a journal like the one of `write`, with a change of some rows before the damage."""
    folder.mkdir()
    path = folder / "journal.db"
    write(path, "x" * 200).close()
    journal = Journal(path)
    for number in range(20):
        journal.put("b", f"{number:04}", {"n": number, "text": "newest"})
    journal.flush()
    log = path.with_name("journal.db-wal").read_bytes()
    journal.close()
    assert log
    return log


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Work in a process that is killed before its step number so many with names of files; False where it had fewer."""
    child = os.fork()
    if not child:
        steps = iter(range(step))

        def dying(real: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **more: object) -> object:
                if next(steps, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **more)

            return call

        for name in ("rename", "unlink", "hardlink_to", "touch"):
            setattr(Path, name, dying(getattr(Path, name)))
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("with_log", [False, True])
def test_D01_a_kill_while_a_damaged_journal_is_put_aside_loses_no_row(tmp_path: Path, with_log: bool) -> None:
    expected: dict[str, Any] = {}
    steps = 0
    newest_log = a_log(tmp_path / "log") if with_log else b""
    while True:
        folder = tmp_path / str(steps)
        folder.mkdir()
        path = folder / "journal.db"
        write(path, "x" * 200).close()
        damage(path)
        content = path.read_bytes()
        if with_log:
            # What another daemon wrote last, before a power cut.
            log = path.with_name("journal.db-wal")
            log.write_bytes(newest_log)
        was_killed = killed_at(steps, lambda path=path: Journal(path))
        journal = Journal(path)
        found = dict(journal.items("b"))
        expected = expected or found
        assert found == expected, f"killed before step {steps}"
        assert 20 < len(found) < MANY
        assert (found["0000"]["text"] == "newest") is with_log
        assert not was_killed or "was damaged" in journal.notice
        journal.close()
        (copy,) = (file for file in folder.glob("*.damaged-*") if not file.name.endswith("-wal"))
        assert with_log or copy.read_bytes() == content
        assert sorted(file.name for file in folder.iterdir() if "damaged" not in file.name) == ["journal.db"]
        steps += 1
        if not was_killed:
            break
    assert steps > 5


def test_D01_a_log_that_lost_its_file_is_kept_and_meets_no_other(tmp_path: Path) -> None:
    log = a_log(tmp_path / "log")
    path = tmp_path / "journal.db"
    path.with_name("journal.db-wal").write_bytes(log)
    for _ in range(2):
        journal = Journal(path)
        journal.put("b", "new", {"n": 1})
        assert dict(journal.items("b")) == {"new": {"n": 1}}
        journal.close()
    assert [file.read_bytes() for file in tmp_path.glob("journal.db.*")] == [log]


def test_D10_files_without_bytes_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for _ in range(3):
        write(path, "x").close()
        empty(path)
        journal = Journal(path)
        assert "was damaged (it is empty)" in journal.notice
        journal.close()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.db"]


@pytest.mark.parametrize(
    ("lose", "told"),
    [
        (remove, "was removed while the daemon ran: it was written anew from memory"),
        (lambda path: path.with_name("journal.db-wal").unlink(), "was replaced by another file while the daemon ran"),
        (replace, "was replaced by another file while the daemon ran and is now"),
        (lambda path: path.write_bytes(b"not what it was " * 9999), "while the daemon ran and is now"),
    ],
    ids=["removed", "its log removed", "replaced", "scribbled over"],
)
def test_D01_what_becomes_of_the_file_while_the_daemon_runs_costs_nothing(
    tmp_path: Path, lose: Callable[[Path], None], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.db"
    # More than SQLite keeps in memory, and all of it in the file itself.
    write(path, "old" * 1000).close()
    journal = Journal(path)
    lose(path)
    for text in ("new", "newer"):
        journal.put("b", "0000", {"text": text})
        for number in range(1, MANY, 7):
            journal.put("b", f"{number:04}", {"text": text * 500})
        journal.put("c", text, {})
        journal.flush()
        assert journal.trouble == ""
    assert told in journal.notice
    assert caplog.text.count("written anew from memory") == 1
    after = tmp_path / "after"
    after.mkdir()
    for file in tmp_path.glob("journal.db*"):
        (after / file.name).write_bytes(file.read_bytes())
    crashed = Journal(after / "journal.db")
    assert (len(dict(crashed.items("b"))), len(dict(crashed.items("c")))) == (MANY, 2)
    assert (crashed.get("b", "0000"), crashed.notice) == ({"text": "newer"}, "")
    crashed.close()
    journal.close()
    again = Journal(path)
    assert len(dict(again.items("b"))) == MANY
    again.close()


def test_D01_a_file_that_is_removed_and_not_written_again_is_there_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = write(path, "x")
    remove(path)
    journal.close()
    again = Journal(path)
    assert (len(dict(again.items("b"))), again.notice) == (MANY, "")
    again.close()
