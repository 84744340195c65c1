"""Opens the journal's file, brings an older one up to date, and begins anew where it is damaged.

A damaged file never keeps pods from being looked after: it is put aside, what can still be read of it is kept, and the
engine's labels tell the rest.  A file of a newer version is another matter: it is whole, and not ours to touch.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from orchestrator.errors import OrchestratorError

log = logging.getLogger(__name__)

MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS entries (
        bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID
    """,
)
"""What makes of a file of schema N one of schema N + 1; the first makes it of an empty one."""

Row = tuple[str, str, bytes]
"""(bucket, key, document in JSON)."""
_ALL = "SELECT bucket, key, value FROM entries"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_NO_SUCH_TABLE = "SQLITE_ERROR"
"""What a fixed statement is refused with: its schema in the file is not the one that was written."""
_UNREADABLE = (msgspec.DecodeError, TypeError, UnicodeDecodeError)
"""What reading a row that is not what was written raises."""


class Damaged(OrchestratorError):
    """The file is not what was written."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file with all that is in it.  `notice` says what was lost, "" mostly; `new` that there was no file."""

    db: sqlite3.Connection
    rows: list[Row]
    notice: str = ""
    new: bool = False


def open_journal(path: Path) -> Opened:
    """Open or make the file at `path`; OrchestratorError when that cannot be."""
    try:
        new = not path.exists()
        try:
            db = _open(path)
            return Opened(db, list(_whole(db)), new=new)
        except Damaged as error:
            return _begin_anew(path, str(error))
    except (OSError, sqlite3.Error) as error:
        raise OrchestratorError(f"cannot open the journal {path}: {error}") from error


def missing_notice(path: Path, running: int) -> str:
    """Say, of a journal that was not there, that it should have been: containers run that an earlier one knew."""
    text = (
        f"the journal {path} was missing, while {running} container{'s' if running != 1 else ''} of this instance"
        " exist: what can be told of them is taken from the engine's labels, and old Events are gone"
    )
    log.warning("%s", text)
    return text


def _open(path: Path) -> sqlite3.Connection:
    if path.exists() and not path.stat().st_size:
        # SQLite would take it for a new one; a power cut may leave a file without what was in it.
        raise Damaged("it is empty")
    # Specs are in it, and nobody else's business.  Files that SQLite makes beside it get its mode.
    path.touch(mode=0o600)
    for file in _files(path):
        file.chmod(0o600)
    db = sqlite3.connect(path, check_same_thread=False, timeout=5)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA cache_size=-256")
        _migrate(db)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        db.close()
        raise _judged(error) from error
    return db


def _migrate(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        text = f"it was written by a newer version (schema {version}, this is {len(MIGRATIONS)})"
        raise sqlite3.NotSupportedError(text)
    for number, statement in enumerate(MIGRATIONS[version:], start=version + 1):
        with db:
            db.execute(statement)
            db.execute(f"PRAGMA user_version={number}")


def _whole(db: sqlite3.Connection) -> Iterator[Row]:
    """All rows; Damaged where one cannot be read."""
    try:
        for row in _text_as_bytes(db).execute(_ALL):
            yield _checked(row)
    except (sqlite3.Error, *_UNREADABLE) as error:
        db.close()
        raise _judged(error, _NO_SUCH_TABLE) from error


def _judged(error: Exception, *more: str) -> Exception:
    """Damaged where the file is; a disk that is full, read-only or broken is what it is."""
    damaged = isinstance(error, _UNREADABLE) or getattr(error, "sqlite_errorname", "") in (*_DAMAGED, *more)
    return Damaged(str(error)) if damaged else error


def _begin_anew(path: Path, why: str) -> Opened:
    rows = list(_readable(path))
    copy = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    for file in _files(path):
        file.rename(copy.with_name(copy.name + file.name.removeprefix(path.name)))
    db = _open(path)
    with db:
        db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", rows)
    notice = (
        f"the journal {path} was damaged ({why}) and is now {copy}: {len(rows)} entries could be read again; what is"
        " missing of pods that run is taken from the engine's labels, and old Events may be gone"
    )
    log.warning("%s", notice)
    return Opened(db, rows, notice)


def _readable(path: Path) -> Iterator[Row]:
    """The rows that can still be read, in the table's order, up to the first damage."""
    with suppress(sqlite3.Error, UnicodeDecodeError):
        db = sqlite3.connect(path, timeout=5)
        try:
            # What is shorter than its header says is read as far as it goes.
            db.execute("PRAGMA writable_schema=ON")
            for row in _text_as_bytes(db).execute(_ALL):
                with suppress(*_UNREADABLE):
                    yield _checked(row)
        finally:
            db.close()


def _text_as_bytes(db: sqlite3.Connection) -> sqlite3.Connection:
    """Of what is no UTF-8 the module's own conversion tells neither the row nor the kind of error."""
    db.text_factory = bytes
    return db


def _checked(row: tuple[bytes, bytes, bytes]) -> Row:
    bucket, key, value = row
    msgspec.json.decode(value)
    return bucket.decode(), key.decode(), value


def _files(path: Path) -> list[Path]:
    """The file, and what SQLite has put beside it."""
    return [file for suffix in ("", "-wal", "-shm") if (file := path.with_name(path.name + suffix)).exists()]
