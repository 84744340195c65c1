"""The journal's file as its writer has it: on a disk that may be full, and with users who remove, replace or damage it.

Memory has all that is in the journal.  So what becomes of the file costs nothing while a daemon runs: it is made anew
from memory as soon as the disk lets that be.  What cannot be written keeps no daemon from starting either.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.state.journal_anew import finish, make_anew
from orchestrator.state.journal_open import (
    Damaged,
    Row,
    beside,
    is_damage,
    open_journal,
    open_to_write,
    readable,
    reason,
)

log = logging.getLogger(__name__)

Place = tuple[str, str]
"""(bucket, key)."""
_FROM_LABELS = "what is missing of pods that run is taken from the engine's labels, and old Events may be gone"
_FROM_MEMORY = "it was written anew from memory"


@dataclass(frozen=True, slots=True)
class _Loss:
    """Why the file is not what memory is; `what` happened to it, and what follows."""

    what: str
    then: str

    def told(self, copy: Path | None = None) -> str:
        return f"{self.what}{f' and is now {copy}' if copy else ''}: {self.then}"


class JournalFile:
    """Errors of `write` are the disk's: OSError or sqlite3.Error; what it was given is to be given again."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self.notice = ""
        """What was lost, "" mostly."""
        self.trouble = ""
        """Why the file could not be written when it was read."""
        self.new = False
        """There was no file."""
        self._db: sqlite3.Connection | None = None
        self._identity: tuple[object, ...] = ()
        self._loss: _Loss | None = None

    def read(self) -> list[Row]:
        """All that is in it; made where it is not there.  OrchestratorError where it cannot be read."""
        try:
            # A link to a disk that is not there: what is on it is not to be taken for lost.
            self.path.parent.stat()
            self._finish()
            self.new = not self.path.exists()
            if self.new:
                self._loss = _Loss("", "")
                self._begin([])
                return []
            try:
                opened = open_journal(self.path)
            except Damaged as error:
                rows = readable(self.path)
                entries = f"{len(rows)} entr{'ies' if len(rows) != 1 else 'y'} could be read again; {_FROM_LABELS}"
                self._loss = _Loss(f"the journal {self.path} was damaged ({error})", entries)
                self.notice = self._loss.told()
                self._begin(rows)
                log.warning("%s", self.notice)
                return rows
            self._have(opened.db)
            self.trouble = opened.trouble
            return opened.rows
        except (OSError, sqlite3.Error) as error:
            raise OrchestratorError(f"cannot open the journal {self.path}: {error}") from error

    def write(self, changes: Mapping[Place, bytes | None], whole: Callable[[], Iterable[Row]]) -> None:
        """Write documents, None for those that are gone; `whole` gives all that the file should then have."""
        if self._loss is None and self._identity != self._looked():
            what = "replaced by another file" if self.path.exists() else "removed"
            self._lose(_Loss(f"the journal {self.path} was {what} while the daemon ran", _FROM_MEMORY))
        if self._db is None:
            self._open_again(whole)
        try:
            self._apply(changes)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._lose(_Loss(f"the journal {self.path} was damaged ({error}) while the daemon ran", _FROM_MEMORY))
            self._open_again(whole)

    def close(self) -> None:
        """Let go of it; calling it again is fine."""
        if self._db is not None:
            self._db.close()
            self._db = None

    # --- open, lost, open again ---

    def _finish(self) -> None:
        """Go on where an earlier daemon was killed."""
        with suppress(OSError):
            if copy := finish(self.path):
                self.notice = f"the journal {self.path} was damaged and is now {copy}: {_FROM_LABELS}"
                log.warning("%s", self.notice)

    def _begin(self, rows: list[Row]) -> None:
        """Have a new file with these rows now, or later."""
        try:
            self._open_again(lambda: rows)
        except (OSError, sqlite3.Error) as error:
            self.trouble = reason(self.path.parent, error)

    def _open_again(self, whole: Callable[[], Iterable[Row]]) -> None:
        if self._loss is None:
            self._have(open_to_write(self.path))
            return
        copy = make_anew(self.path, whole())
        self._have(open_to_write(self.path))
        if self._loss.what:
            self.notice = self._loss.told(copy)
            if self._loss.then == _FROM_MEMORY:
                log.warning("%s", self.notice)
        self._loss = None

    def _have(self, db: sqlite3.Connection | None) -> None:
        self._db = db
        self._identity = self._looked()

    def _lose(self, loss: _Loss) -> None:
        self.close()
        self._loss = loss

    def _looked(self) -> tuple[object, ...]:
        """What tells this file, and while it is open its log, from others under their names."""
        suffixes = ("", "-wal") if self._db is not None else ("",)
        return tuple(_identity(beside(self.path, suffix)) for suffix in suffixes)

    def _apply(self, changes: Mapping[Place, bytes | None]) -> None:
        assert self._db is not None
        with self._db:
            for (bucket, key), value in changes.items():
                if value is None:
                    self._db.execute("DELETE FROM entries WHERE bucket = ? AND key = ?", (bucket, key))
                else:
                    self._db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (bucket, key, value))


def missing_notice(path: Path, running: int) -> str:
    """Say, of a journal that was not there, that it should have been: containers run that an earlier one knew."""
    text = (
        f"the journal {path} was missing, while {running} container{'s' if running != 1 else ''} of this instance"
        " exist: what can be told of them is taken from the engine's labels, and old Events are gone"
    )
    log.warning("%s", text)
    return text


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
