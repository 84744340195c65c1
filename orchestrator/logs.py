"""Log lines: one line an action, with its cause.

`2026-01-02T15:04:05.678Z INFO    node.executor: default/front: start container web: first start` on a terminal and in
files; under systemd the journal has the time already, and is told the level (`<6>`, sd-daemon(3)); as JSON for
machines: `{"time": ..., "level": "info", "room": "node.executor", "message": ...}`.  What a message quotes of others
makes no line and steers no terminal: it is escaped.  Values of secrets and of environment variables are never passed to
a logger; that is each caller's duty.
"""

import json
import logging
import sys
import time
import traceback
from pathlib import Path
from typing import Literal

from orchestrator import systemd
from orchestrator.printable import printable

Format = Literal["text", "json"]

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""syslog(3)'s numbers."""


class _Line(logging.Formatter):
    """Timestamp in UTC with milliseconds, level, room, text."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{_stamp(record)} {record.levelname:<7} {_room(record)}: {_line(record)}"


class _Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        text = record.getMessage() + _traceback(record)
        fields = {"time": _stamp(record), "level": level, "room": _room(record), "message": text}
        return json.dumps(fields, ensure_ascii=False)


class _JournalLine(logging.Formatter):
    """What the journal does not know by itself: room and text."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{_room(record)}: {_line(record)}"


class _WithPriority(logging.Formatter):
    """Another format's lines, each with its level in front: the journal makes an entry of every line."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        level = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(level + line for line in self._inner.format(record).splitlines())


def _stamp(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _room(record: logging.LogRecord) -> str:
    return record.name.removeprefix("orchestrator.")


def _line(record: logging.LogRecord) -> str:
    return printable(record.getMessage()) + _traceback(record)


def _traceback(record: logging.LogRecord) -> str:
    """The lines of an error, each on its own; "" without one."""
    return "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""


def formatter(form: Format, *, journal: bool = False) -> logging.Formatter:
    """Give the formatter of a wish, for a stream that leads to the journal or elsewhere."""
    plain: logging.Formatter = _Json() if form == "json" else _JournalLine() if journal else _Line()
    return _WithPriority(plain) if journal else plain


def set_up(level: str = "info", file: Path | None = None, form: Format = "text") -> None:
    """Send log lines to standard error, or to `file`; `level` is debug, info, warning or error."""
    handler: logging.Handler = logging.FileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form, journal=file is None and systemd.writes_to_journal(sys.stderr)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)


def last_words(text: str) -> None:
    """Say on standard error why the daemon ends, whatever the log's format; an error to the journal."""
    priority = f"<{_PRIORITIES[logging.ERROR]}>" if systemd.writes_to_journal(sys.stderr) else ""
    print("\n".join(f"{priority}{printable(line)}" for line in text.split("\n")), file=sys.stderr)


def surprise(log: logging.Logger, what: str, error: BaseException) -> None:
    """Say in one line that something happened which should not; the traceback is for the level debug."""
    log.error("%s: this should not happen: %s", what, described(error))
    log.debug("%s", what, exc_info=error)


def described(error: BaseException) -> str:
    """An error that nobody expected, in a line: "KeyError: 'Id' (docker.py:240)"."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}{place}" if words else f"{type(error).__name__}{place}"
