"""A daemon that ends as SIGKILL ends it.

Nothing that it does on its way out reaches the engine or the disk, and what its journal had not written yet is lost:
the next life finds the folder as it was at that instant.
"""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.component.node.house import Daemon, Engine

_JOURNAL = "journal.db"

Rows = set[tuple[str, str, bytes]]


class Mortal(Daemon):
    """One life; the end of `async with` is the kill."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(engine, folder)
        self._stalled: sqlite3.Connection | None = None
        self.lost = 0
        """How many entries of the journal the kill took with it."""

    def stall(self) -> None:
        """From now on the disk is too slow: what the journal is told is not written before the kill."""
        self._stalled = sqlite3.connect(self.folder / _JOURNAL)
        self._stalled.execute("BEGIN IMMEDIATE")

    async def __aexit__(self, *failure: Any) -> None:
        left = self.folder.with_name(f"{self.folder.name}-left")
        # A thread of the daemon may still be about to remove something.
        with suppress(shutil.Error):
            shutil.copytree(self.folder, left, symlinks=True, ignore=shutil.ignore_patterns(f"{_JOURNAL}*"))
        with closing(sqlite3.connect(self.folder / _JOURNAL)) as db, closing(sqlite3.connect(left / _JOURNAL)) as copy:
            db.backup(copy)
        if self._stalled:
            self._stalled.close()
        self.journal.flush()
        self.lost = len(_rows(self.folder) ^ _rows(left))
        self.engine.go_away()
        await super().__aexit__(*failure)
        self.engine.come_back()
        shutil.rmtree(self.folder)
        left.rename(self.folder)


def _rows(folder: Path) -> Rows:
    with closing(sqlite3.connect(folder / _JOURNAL)) as db:
        return set(db.execute("SELECT bucket, key, value FROM entries"))
