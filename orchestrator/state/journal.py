"""What must survive a kill -9 and the engine cannot tell, in SQLite.

UIDs, restart counts and back-offs, allotted addresses, the specs of pods that still have containers, Events.  All of
it is small: it is read once at start and kept in memory; a write goes to memory at once and to the disk within
milliseconds, by one thread that owns the file.  A full or read-only disk never costs a running pod: the thread says so
once, keeps what it could not write (the newest of each key), and tries again until it can.

A document that another version of the program wrote may be of another shape: what does not fit is forgotten.
"""

import logging
import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from orchestrator import failpoints
from orchestrator.state.journal_file import JournalFile, Place, missing_notice
from orchestrator.state.journal_open import Row, reason

log = logging.getLogger(__name__)

RETRY = 5.0
"""Seconds until writes that failed are tried again, when no other write comes first."""

Value = dict[str, Any]
T = TypeVar("T")
_Write = tuple[Place, bytes | None]
_Item = _Write | threading.Event | None
"""What the thread is handed: a write, who waits for all before it, or None for the end."""


class Journal:
    """Buckets of small JSON documents by key.  Reading is from memory; writing never waits for the disk.

    They are kept encoded: a document as objects takes five times the memory, and few are read again.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file at `path`; OrchestratorError when it is there and cannot be read."""
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._buckets: dict[str, dict[str, bytes]] = {}
        self._misfits: set[str] = set()
        self._file = JournalFile(path)
        for bucket, key, value in self._file.read():
            self._buckets.setdefault(bucket, {})[key] = value
        self.trouble = ""
        """Why what is new is in memory only; "" while it is written."""
        if self._file.trouble:
            self._have_trouble(self._file.trouble)
        self._writer = threading.Thread(target=self._write_forever, name="journal", daemon=True)
        self._writer.start()

    @property
    def notice(self) -> str:
        """What was lost before this start, or while the daemon ran; "" mostly."""
        return self._file.notice

    def containers_found(self, count: int) -> None:
        """Hear how many containers an earlier daemon left; a journal that was made just now should have known them."""
        if self._file.new and count:
            self._file.notice = missing_notice(self._file.path, count)

    def get(self, bucket: str, key: str) -> Value | None:
        """The document under this key."""
        return self.read(bucket, key, Value)

    def items(self, bucket: str) -> Iterator[tuple[str, Value]]:
        """All documents of a bucket, as they are now."""
        return self.all(bucket, Value)

    def read(self, bucket: str, key: str, shape: type[T]) -> T | None:
        """The document under this key as such a struct, dataclass or mapping; None for one that does not fit."""
        value = self._buckets.get(bucket, {}).get(key)
        return None if value is None else self._decoded(bucket, key, value, shape)

    def all(self, bucket: str, shape: type[T]) -> Iterator[tuple[str, T]]:
        """All documents of a bucket that fit, as they are now."""
        for key, value in self._buckets.get(bucket, {}).copy().items():
            document = self._decoded(bucket, key, value, shape)
            if document is not None:
                yield key, document

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
        return _Draft(self._buckets, self._misfits)

    def _decoded(self, bucket: str, key: str, value: bytes, shape: type[T]) -> T | None:
        try:
            return msgspec.json.decode(value, type=shape)
        except (msgspec.MsgspecError, ValueError) as error:
            self.forget_misfit(bucket, key, str(error))
            return None

    def forget_misfit(self, bucket: str, key: str, why: str) -> None:
        """Forget a document that is not what this version writes; told once for each bucket."""
        if bucket not in self._misfits:
            self._misfits.add(bucket)
            log.warning("forgotten of the journal's %s what is of another shape, as %s: %s", bucket, key, why)
        self.delete(bucket, key)

    def _write_forever(self) -> None:
        unwritten: dict[Place, bytes | None] = {}
        while True:
            batch = self._next_batch(RETRY if unwritten or self.trouble else None)
            unwritten.update(item for item in batch if isinstance(item, tuple))
            if failpoints.ARMED and unwritten:
                failpoints.reach("before journal")
            try:
                self._file.write(unwritten, self._all)
            except (OSError, sqlite3.Error) as error:
                self._have_trouble(reason(self._file.path.parent, error))
            else:
                if self.trouble:
                    log.warning("the journal %s can be written again", self._file.path)
                if failpoints.ARMED and unwritten:
                    failpoints.reach("after journal")
                unwritten.clear()
                self.trouble = ""
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()
            if None in batch:
                self._file.close()
                return

    def _have_trouble(self, why: str) -> None:
        trouble = f"cannot write the journal {self._file.path}: {why}"
        if not self.trouble:
            log.warning("%s; what is new is kept in memory", trouble)
        self.trouble = trouble

    def _all(self) -> list[Row]:
        """Everything; for the thread, so each look at a mapping that others change is one step."""
        return [
            (bucket, key, value)
            for bucket, entries in self._buckets.copy().items()
            for key, value in entries.copy().items()
        ]

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

    def __init__(self, buckets: dict[str, dict[str, bytes]], misfits: set[str]) -> None:
        self._buckets = {bucket: dict(entries) for bucket, entries in buckets.items()}
        self._misfits = misfits
        self._queue = queue.SimpleQueue()

    def flush(self, seconds: float = 5.0) -> None:
        """There is no disk to wait for."""

    def close(self) -> None:
        """There is nothing to close."""
