"""Log lines: one line an action, with its cause.

`2026-01-02T15:04:05.678Z INFO  node.worker default/front: start container web: first start`.  Values of secrets and
of environment variables are never passed to a logger; that is each caller's duty.
"""

import logging
import sys
import time
import traceback
from pathlib import Path


class _Line(logging.Formatter):
    """Timestamp in UTC with milliseconds, level, room, text."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        room = record.name.removeprefix("orchestrator.")
        text = f"{stamp}.{int(record.msecs):03d}Z {record.levelname:<7} {room}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def set_up(level: str = "info", file: Path | None = None) -> None:
    """Send log lines to standard error, or to `file`; `level` is debug, info, warning or error."""
    handler: logging.Handler = logging.FileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)


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
