"""Log lines: one line an action, with its cause.

`2026-01-02T15:04:05.678Z INFO  node.worker default/front: start container web: first start`.  Values of secrets and
of environment variables are never passed to a logger; that is each caller's duty.
"""

import logging
import sys
import time
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
