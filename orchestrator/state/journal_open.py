"""Opens the journal's file, whatever state its disk is in, and brings an older one up to date.

way                                    works where
-------------------------------------  ---------------------------------------------------------------
in place, for reading and writing      all is well
in place, alone                        SQLite finds no room for its index beside the file (`-shm`)
as what does not change                the disk is read-only or without inodes, and nothing is in `-wal`
a copy in memory                       ... and something is in `-wal`, or the schema is an older one

Whoever has it open by one of the last two writes later: a daemon that does not start heals nothing.  A file of a newer
version is another matter: it is whole, and not ours to touch.
"""

import contextlib
import errno
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
Locking = Literal["NORMAL", "EXCLUSIVE"]
"""How SQLite shares the file: alone, it keeps the index of its log in memory."""
_ALL = "SELECT bucket, key, value FROM entries"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_NO_SUCH_TABLE = "SQLITE_ERROR"
"""What a fixed statement is refused with: its schema in the file is not the one that was written."""
_DISK = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_PERM")
"""How the names of errors begin that are the disk's, not the file's."""
_UNREADABLE = (msgspec.DecodeError, TypeError, UnicodeDecodeError)
"""What reading a row that is not what was written raises."""
_MEMORY = Path("/dev/shm")


class Damaged(OrchestratorError):
    """The file is not what was written."""


@dataclass(frozen=True, slots=True)
class Opened:
    """All that is in a file.  `db` is None where it cannot be written now, and `trouble` says why."""

    rows: list[Row]
    db: sqlite3.Connection | None
    trouble: str = ""


def open_journal(path: Path) -> Opened:
    """Read the file at `path`, and keep it open if that can be.

    Damaged when it is not what was written; OSError or sqlite3.Error when it cannot be read, or is a newer version's.
    """
    try:
        db = open_to_write(path)
    except FileNotFoundError:
        raise
    except (OSError, sqlite3.Error) as error:
        if not _is_the_disks(error):
            raise
        return Opened(_read_only(path, error), None, reason(path.parent, error))
    return Opened(_whole(db), db)


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a file that is there; Damaged, OSError or sqlite3.Error where it cannot be written."""
    if not path.stat().st_size:
        # SQLite would take it for a new one; a power cut may leave a file without what was in it.
        raise Damaged("it is empty")
    if not os.access(path, os.W_OK):
        # SQLite would open it, and refuse each write for ever after.
        raise PermissionError(errno.EACCES, "it may not be written", str(path))
    try:
        return _connect(path, "NORMAL")
    except sqlite3.Error as error:
        if not _is_the_disks(error):
            raise
        return _connect(path, "EXCLUSIVE")


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file to the schema of this version; sqlite3.NotSupportedError when it has a newer one."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise sqlite3.NotSupportedError(
            f"it was written by a newer version (schema {version}, this is {len(MIGRATIONS)}): run that version again,"
            " or move the file away; then UIDs and restart counts of what runs are taken from the engine's labels, the"
            " data of claims is found by their names, and old Events are gone"
        )
    for number, statement in enumerate(MIGRATIONS[version:], start=version + 1):
        with db:
            db.execute(statement)
            db.execute(f"PRAGMA user_version={number}")


def readable(path: Path) -> list[Row]:
    """The rows of a damaged file that can still be read, in the table's order, up to the first damage."""
    best: list[Row] = []
    for way in _WAYS:
        found: list[Row] = []
        with suppress(OSError, sqlite3.Error, UnicodeDecodeError), way(path) as db:
            # What is shorter than its header says is read as far as it goes.
            db.execute("PRAGMA writable_schema=ON")
            for row in _text_as_bytes(db).execute(_ALL):
                with suppress(*_UNREADABLE):
                    found.append(_checked(row))
        best = max(best, found, key=len)
    return best


def is_damage(error: Exception) -> bool:
    """Whether the file is not what was written; a disk that is full, read-only or broken is what it is."""
    return isinstance(error, Damaged) or getattr(error, "sqlite_errorname", "") in _DAMAGED


def reason(folder: Path, error: Exception) -> str:
    """Say why nothing can be written there: SQLite tells a full disk and a read-only one by the same words."""
    with suppress(OSError):
        disk = os.statvfs(folder)
        if disk.f_flag & os.ST_RDONLY:
            return "its file system is read-only"
        if disk.f_files and not disk.f_favail:
            return "no inodes are left on its file system"
        if not disk.f_bavail:
            return "no space is left on its file system"
    return str(error)


def beside(path: Path, suffix: str) -> Path:
    """What SQLite calls a file that belongs to this one."""
    return path.with_name(path.name + suffix)


# --- ways ---


def _connect(path: Path, locking: Locking) -> sqlite3.Connection:
    """Open in place, of this version's schema and sure that it can be written."""
    _keep_private(path)
    db = _in_place(path, locking)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA cache_size=-256")
        migrate(db)
        db.execute("BEGIN IMMEDIATE")
        db.rollback()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        db.close()
        raise _judged(error) from error
    return db


def _read_only(path: Path, why: Exception) -> list[Row]:
    """Read all rows of what cannot be written; `why` is raised where that cannot be either."""
    for way in (_unchanging, _copied):
        try:
            with way(path) as db:
                migrate(db)
                return _whole(db)
        except (OSError, sqlite3.Error) as error:
            if not _is_the_disks(error):
                raise
    raise why


def _in_place(path: Path, locking: Locking) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, timeout=5)
    db.execute(f"PRAGMA locking_mode={locking}")
    return db


def _shared(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    return closing(_in_place(path, "NORMAL"))


def _alone(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    return closing(_in_place(path, "EXCLUSIVE"))


@contextlib.contextmanager
def _unchanging(path: Path) -> Iterator[sqlite3.Connection]:
    log_file = beside(path, "-wal")
    if log_file.exists() and log_file.stat().st_size:
        raise OSError(f"what is in {log_file} would be left out")
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as db:
        yield db


@contextlib.contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    folder = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="orchestrator-", dir=folder) as scratch:
        copy = Path(scratch) / path.name
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(beside(path, suffix), beside(copy, suffix))
        with closing(sqlite3.connect(copy)) as db:
            yield db


_WAYS: tuple[Callable[[Path], AbstractContextManager[sqlite3.Connection]], ...] = (
    _shared,
    _alone,
    _unchanging,
    _copied,
)


# --- rows ---


def _whole(db: sqlite3.Connection) -> list[Row]:
    """All rows; Damaged where one cannot be read."""
    try:
        return [_checked(row) for row in _text_as_bytes(db).execute(_ALL)]
    except (sqlite3.Error, *_UNREADABLE) as error:
        db.close()
        raise _judged(error, _NO_SUCH_TABLE) from error


def _judged(error: Exception, *more: str) -> Exception:
    """Damaged where the file is, the error itself otherwise."""
    damaged = isinstance(error, _UNREADABLE) or getattr(error, "sqlite_errorname", "") in (*_DAMAGED, *more)
    return Damaged(str(error)) if damaged else error


def _is_the_disks(error: Exception) -> bool:
    return isinstance(error, OSError) or getattr(error, "sqlite_errorname", "").startswith(_DISK)


def _text_as_bytes(db: sqlite3.Connection) -> sqlite3.Connection:
    """Of what is no UTF-8 the module's own conversion tells neither the row nor the kind of error."""
    db.text_factory = bytes
    return db


def _checked(row: tuple[bytes, bytes, bytes]) -> Row:
    bucket, key, value = row
    msgspec.json.decode(value)
    return bucket.decode(), key.decode(), value


def _keep_private(path: Path) -> None:
    """Specs are in it, and nobody else's business.  Files that SQLite makes beside it get its mode."""
    for file in (path, beside(path, "-wal"), beside(path, "-shm")):
        try:
            if file.stat().st_mode & 0o777 != 0o600:
                file.chmod(0o600)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("cannot keep %s from the eyes of others: %s", file, error.strerror)
