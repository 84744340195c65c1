"""What must survive a kill -9 and the engine cannot tell, in SQLite.

UIDs, restart counts and back-offs, allotted addresses, the specs of pods that still have containers, Events.  All of
it is small: it is read once at start and kept in memory; a write goes to memory at once and to the disk within
milliseconds, by one thread that owns the connection.  A full or read-only disk never costs a running pod: the thread
says so once, keeps what it could not write (the newest of each key), and tries again until it can.
"""

import logging
import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from orchestrator import failpoints
from orchestrator.state.journal_file import missing_notice, open_journal

log = logging.getLogger(__name__)

RETRY = 5.0
"""Seconds until writes that failed are tried again, when no other write comes first."""

Value = dict[str, Any]
_Place = tuple[str, str]
_Write = tuple[_Place, bytes | None]
_Item = _Write | threading.Event | None
"""What the thread is handed: a write, who waits for all before it, or None for the end."""


class Journal:
    """Buckets of small JSON documents by key.  Reading is from memory; writing never waits for the disk.

    They are kept encoded: a document as objects takes five times the memory, and few are read again.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file at `path`; OrchestratorError when that cannot be."""
        self._path = path
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._buckets: dict[str, dict[str, bytes]] = {}
        self.trouble = ""
        """Why what is new is in memory only; "" while it is written."""
        opened = open_journal(path)
        self._db, self.notice, self._new = opened.db, opened.notice, opened.new
        """`notice`: what was lost before this start, "" mostly."""
        for bucket, key, value in opened.rows:
            self._buckets.setdefault(bucket, {})[key] = value
        self._writer = threading.Thread(target=self._write_forever, name="journal", daemon=True)
        self._writer.start()

    def containers_found(self, count: int) -> None:
        """Hear how many containers an earlier daemon left; a journal that was made just now should have known them."""
        if self._new and count:
            self.notice = missing_notice(self._path, count)

    def get(self, bucket: str, key: str) -> Value | None:
        """The document under this key."""
        value = self._buckets.get(bucket, {}).get(key)
        return None if value is None else msgspec.json.decode(value)

    def items(self, bucket: str) -> Iterator[tuple[str, Value]]:
        """All documents of a bucket, as they are now."""
        entries = list(self._buckets.get(bucket, {}).items())
        return ((key, msgspec.json.decode(value)) for key, value in entries)

    def put(self, bucket: str, key: str, value: Value) -> None:
        """Set a document; equal to what is there costs nothing."""
        entries, encoded = self._buckets.setdefault(bucket, {}), msgspec.json.encode(value, order="deterministic")
        if entries.get(key) == encoded:
            return
        entries[key] = encoded
        self._queue.put(((bucket, key), encoded))

    def delete(self, bucket: str, key: str) -> None:
        """Remove a document; absent is fine."""
        if self._buckets.get(bucket, {}).pop(key, None) is not None:
            self._queue.put(((bucket, key), None))

    def flush(self, seconds: float = 5.0) -> None:
        """Wait until all that was written so far is on disk, or the disk refused it (blocks; for stops and tests)."""
        done = threading.Event()
        self._queue.put(done)
        done.wait(seconds)

    def close(self) -> None:
        """Write what is left and close the file; calling it again is fine."""
        if self._writer.is_alive():
            self._queue.put(None)
            self._writer.join(10)

    def draft(self) -> "Journal":
        """A copy in memory, to try something out on: what is written to it goes nowhere."""
        return _Draft(self._buckets)

    def _write_forever(self) -> None:
        unwritten: dict[_Place, bytes | None] = {}
        failing = False
        while True:
            batch = self._next_batch(RETRY if unwritten else None)
            unwritten.update(item for item in batch if isinstance(item, tuple))
            if failpoints.ARMED and unwritten:
                failpoints.reach("before journal")
            try:
                with self._db:
                    for place, value in unwritten.items():
                        _write(self._db, place, value)
            except sqlite3.Error as error:
                if not failing:
                    log.warning("cannot write the journal %s: %s; what is new is kept in memory", self._path, error)
                failing, self.trouble = True, f"cannot write the journal {self._path}: {error}"
            else:
                if failing:
                    log.warning("the journal %s can be written again", self._path)
                if failpoints.ARMED and unwritten:
                    failpoints.reach("after journal")
                unwritten.clear()
                failing, self.trouble = False, ""
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
            if None in batch:
                self._db.close()
                return

    def _next_batch(self, seconds: float | None) -> list[_Item]:
        """Wait for what there is to write; in vain for at most so many seconds."""
        batch: list[_Item] = []
        try:
            batch.append(self._queue.get(timeout=seconds))
            while len(batch) < 1000 and batch[-1] is not None:
                batch.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return batch


class _Draft(Journal):
    """Has no file and no thread: its queue is read by nobody, and goes with it."""

    def __init__(self, buckets: dict[str, dict[str, bytes]]) -> None:
        self._buckets = {bucket: dict(entries) for bucket, entries in buckets.items()}
        self._queue = queue.SimpleQueue()

    def flush(self, seconds: float = 5.0) -> None:
        """There is no disk to wait for."""

    def close(self) -> None:
        """There is nothing to close."""


def _write(db: sqlite3.Connection, place: _Place, value: bytes | None) -> None:
    bucket, key = place
    if value is None:
        db.execute("DELETE FROM entries WHERE bucket = ? AND key = ?", (bucket, key))
    else:
        db.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (bucket, key, value))
