"""The journal when the disk refuses: nothing is lost that memory still has."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from orchestrator.state import journal as journal_module
from orchestrator.state.journal import Journal

PATIENCE = 20.0


class Disk:
    """The journal's file, seen by another connection, which can make every write to it fail."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)

    def fill(self) -> None:
        for change in ("INSERT", "DELETE"):
            text = (
                f"CREATE TRIGGER full_{change} BEFORE {change} ON entries BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
            )
            self._db.execute(text)

    def free(self) -> None:
        for change in ("INSERT", "DELETE"):
            self._db.execute(f"DROP TRIGGER full_{change}")

    def read(self) -> dict[str, int]:
        rows = self._db.execute("SELECT key, value FROM entries WHERE bucket = 'b'")
        return {key: msgspec.json.decode(value)["n"] for key, value in rows}

    def close(self) -> None:
        self._db.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


@pytest.fixture
def disk(journal: Journal, tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "journal.db")
    yield disk
    disk.close()


def test_D10_what_a_full_disk_refused_is_written_with_the_next_write(
    journal: Journal, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    journal.put("b", "changed", {"n": 1})
    journal.put("b", "removed", {"n": 1})
    journal.flush()
    disk.fill()
    journal.put("b", "changed", {"n": 2})
    journal.put("b", "new", {"n": 1})
    journal.flush()
    journal.put("b", "changed", {"n": 3})
    journal.delete("b", "removed")
    journal.flush()
    assert disk.read() == {"changed": 1, "removed": 1}
    disk.free()
    journal.put("b", "later", {"n": 1})
    journal.flush()
    assert disk.read() == {"changed": 3, "new": 1, "later": 1}
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "disk is full" in told[0]
    assert "can be written again" in told[1]


def test_D10_what_a_full_disk_refused_is_tried_again_where_nothing_else_is_written(
    journal: Journal, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RETRY", 0.01)
    disk.fill()
    journal.put("b", "a", {"n": 1})
    journal.flush()
    disk.free()
    deadline = time.monotonic() + PATIENCE
    while not disk.read():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_journal_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    path.chmod(0o644)
    journal = Journal(path)
    journal.put("b", "a", {"n": 1})
    journal.flush()
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    journal.close()
    assert modes == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), 0o600)
