"""Puts a new journal in the place of one that is damaged, gone or another's, so that a crash loses no row.

step                                                      killed before the next one, the next daemon
--------------------------------------------------------  -------------------------------------------
`.fresh` gets all rows, and is written to the disk        reads the old one again
`.fresh` becomes `.next`                                  goes on from here (`finish`)
the old one, and its log, get a second name               goes on from here
the log of the old one goes: it must not meet the new one goes on from here
`.next` becomes the journal                               has it

What is put aside has no second copy of its bytes, so that this works on a disk that is nearly full.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from orchestrator.state.journal_open import Row, beside, migrate

_SQLITES = ("", "-wal", "-shm", "-journal")


def make_anew(path: Path, rows: Iterable[Row]) -> Path | None:
    """Have a journal of exactly these rows at `path`; gives where that is now which was there, None for nothing.

    OSError or sqlite3.Error when it cannot be made: then all is as it was.
    """
    fresh = beside(path, ".fresh")
    try:
        _remove(fresh)
        fresh.touch(mode=0o600)
        with closing(sqlite3.connect(fresh)) as db:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("PRAGMA journal_mode=MEMORY")
            db.execute("PRAGMA synchronous=FULL")
            migrate(db)
            with db:
                db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", rows)
            db.execute("PRAGMA journal_mode=WAL")
        fresh.rename(beside(path, ".next"))
    except BaseException:
        _remove(fresh)
        raise
    return finish(path)


def finish(path: Path) -> Path | None:
    """Let a whole new journal take its place, where one was left before it could; gives what `make_anew` gives."""
    coming = beside(path, ".next")
    if not coming.exists():
        return None
    _sync(path.parent)
    aside = _put_aside(path)
    for suffix in ("-wal", "-shm"):
        beside(path, suffix).unlink(missing_ok=True)
    coming.rename(path)
    _sync(path.parent)
    return aside


def _put_aside(path: Path) -> Path | None:
    """Give the old file, and its log, a second name; what has no bytes needs none."""
    kept = [suffix for suffix in ("", "-wal") if _size(beside(path, suffix))]
    if not kept:
        return None
    for old in path.parent.glob(f"{path.name}.damaged-*"):
        # A crash came between this and what follows.
        if path.exists() and old.samefile(path):
            return old
    stamp, number = time.strftime("%Y%m%dT%H%M%S", time.gmtime()), 1
    copy = beside(path, f".damaged-{stamp}")
    while any(beside(copy, suffix).exists() for suffix in kept):
        number += 1
        copy = beside(path, f".damaged-{stamp}-{number}")
    # The log first: once the file itself has its second name, both have.
    for suffix in reversed(kept):
        _link(beside(path, suffix), beside(copy, suffix))
    return copy


def _link(file: Path, name: Path) -> None:
    try:
        name.hardlink_to(file)
    except PermissionError:
        # Some file systems know no links.
        try:
            shutil.copyfile(file, name)
            name.chmod(0o600)
        except OSError:
            name.unlink(missing_ok=True)
            raise


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _remove(file: Path) -> None:
    for suffix in _SQLITES:
        beside(file, suffix).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have renames on the disk in the order in which they were made."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
