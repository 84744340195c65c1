"""A journal that is damaged, older or newer: what can be read is kept, and nothing is thrown away."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import OrchestratorError
from orchestrator.state import journal_open
from orchestrator.state.journal import Journal

MANY = 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with many documents, closed."""
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for number in range(MANY):
        journal.put("b", f"{number:04}", {"n": number, "text": "x" * 100})
    journal.close()
    assert journal.notice == ""
    return path


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob("journal.db.damaged-*"))


def test_a_file_that_is_something_else_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database, but somebody's shopping list\n" * 200)
    journal = Journal(path)
    assert "was damaged" in journal.notice
    assert "0 entries could be read" in journal.notice
    assert journal.notice in caplog.text
    journal.put("b", "k", {"n": 1})
    journal.close()
    (copy,) = copies(path)
    assert copy.read_bytes().startswith(b"this is no database")
    again = Journal(path)
    assert (again.get("b", "k"), again.notice) == ({"n": 1}, "")
    again.close()


def test_what_stands_before_the_damage_is_kept(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(content)

    journal = Journal(path)
    kept = dict(journal.items("b"))
    journal.close()
    assert 0 < len(kept) < MANY
    assert all(document["n"] == int(key) for key, document in kept.items())
    assert f"{len(kept)} entries could be read" in journal.notice
    (copy,) = copies(path)
    assert copy.read_bytes() == bytes(content)

    again = Journal(path)
    assert dict(again.items("b")) == kept
    again.close()


@pytest.mark.parametrize("part", [0.0, 0.7, 0.999])
def test_D01_a_file_that_a_power_cut_left_shorter_is_read_as_far_as_it_goes(path: Path, part: float) -> None:
    size = path.stat().st_size
    os.truncate(path, int(size * part))
    journal = Journal(path)
    kept = dict(journal.items("b"))
    journal.close()
    assert "was damaged" in journal.notice
    assert (len(kept) > 0) == (part > 0)
    assert len(kept) < MANY
    assert all(document["n"] == int(key) for key, document in kept.items())
    assert [copy.stat().st_size for copy in copies(path)] == [int(size * part)] * (part > 0)


def test_D01_bytes_that_are_no_text_cost_their_rows_alone(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b"b0007") == 1
    path.write_bytes(content.replace(b"b0007", b"b\xff\x97\x80\xfe"))
    journal = Journal(path)
    assert len(dict(journal.items("b"))) == MANY - 1
    assert f"{MANY - 1} entries could be read" in journal.notice
    journal.close()


@pytest.mark.parametrize("before", [b"entries", b"CREATE TABLE", b"WITHOUT ROWID"])
def test_D01_a_schema_that_is_no_text_keeps_no_daemon_from_starting(path: Path, before: bytes) -> None:
    content = path.read_bytes()
    assert content.count(before) >= 1
    path.write_bytes(content.replace(before, b"\x97" * len(before)))
    journal = Journal(path)
    assert "was damaged" in journal.notice
    journal.put("b", "k", {"n": 1})
    journal.close()
    again = Journal(path)
    assert (again.get("b", "k"), again.notice) == ({"n": 1}, "")
    again.close()


@pytest.mark.parametrize("value", [b"{half", None, 7])
def test_one_document_that_cannot_be_read_costs_no_other(path: Path, value: object) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute("DROP TABLE entries")
        db.execute("CREATE TABLE entries (bucket TEXT, key TEXT, value BLOB)")
        db.executemany("INSERT INTO entries VALUES ('b', ?, ?)", [("bad", value), ("good", b'{"n":1}')])
    db.close()
    journal = Journal(path)
    assert dict(journal.items("b")) == {"good": {"n": 1}}
    assert "1 entry could be read" in journal.notice
    journal.close()
    assert len(copies(path)) == 1


def test_a_newer_one_is_refused_and_not_touched(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(OrchestratorError, match=r"newer version \(schema 99, .* run that version again, or move"):
        Journal(path)
    assert not copies(path)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("away/journal.db")], ids=["folder", "link"])
def test_what_cannot_be_read_is_refused_and_not_touched(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "journal.db"
    make(path)
    with pytest.raises(OrchestratorError, match="cannot open the journal"):
        Journal(path)
    assert [file.name for file in tmp_path.iterdir()] == ["journal.db"]


def test_an_older_one_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move = "UPDATE entries SET bucket = 'c' WHERE bucket = 'b'"
    monkeypatch.setattr(journal_open, "MIGRATIONS", (*journal_open.MIGRATIONS, move))
    for _ in range(2):
        journal = Journal(path)
        assert (len(dict(journal.items("c"))), len(dict(journal.items("b")))) == (MANY, 0)
        journal.put("b", "new", {"n": 1})
        journal.delete("b", "new")
        journal.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_open, "MIGRATIONS", (*journal_open.MIGRATIONS, "UPDATE nothing SET x = 1"))
    with pytest.raises(OrchestratorError, match="cannot open the journal"):
        Journal(path)
    monkeypatch.undo()
    journal = Journal(path)
    assert (len(dict(journal.items("b"))), journal.notice) == (MANY, "")
    journal.close()


def test_a_journal_that_should_have_been_there_is_missed(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.unlink()
    journal = Journal(path)
    journal.containers_found(0)
    assert journal.notice == "", "this is how an instance begins"
    journal.containers_found(3)
    journal.close()
    assert "was missing, while 3 containers of this instance exist" in journal.notice
    assert journal.notice in caplog.text
    again = Journal(path)
    again.containers_found(3)
    again.close()
    assert again.notice == ""
