"""What passes between us and a service manager: sd_notify(3), its watchdog's time, and whether the journal reads us.

A few lines instead of a library: one datagram on a unix socket that the environment names.  Without a manager nothing
is sent.
"""

import logging
import os
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

log = logging.getLogger(__name__)

_SEND_SECONDS = 1
"""The manager's queue may be full for a moment; a daemon does not wait for it."""


class Notifier:
    """The manager's socket; `address` is a path, an abstract name ("@name"), or "" where nobody listens.

    Our end is made once, and first: signs of life must come from a process without a file descriptor left, too.
    """

    def __init__(self, address: str = "") -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._end: socket.socket | None = None
        if address:
            with suppress(OSError):
                self._end = _end()

    def send(self, *assignments: str) -> None:
        """Send assignments such as "READY=1".  A manager that does not listen harms nobody."""
        if not self._address:
            return
        try:
            self._end = self._end or _end()
            self._end.sendto("\n".join(assignments).encode(errors="replace"), self._address)
        except OSError as error:
            log.warning("cannot tell the service manager %s: %s", assignments[0], error.strerror or error)

    def reloading(self) -> None:
        """Say that a reload has begun; the next READY=1 ends it."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def close(self) -> None:
        """Nothing is told any more; safe twice."""
        self._address = ""
        if self._end:
            self._end.close()


def _end() -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    # Python's own time-outs ask poll(2), which fails where the limit of descriptors is below what is asked for.
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS, 0))
    return end


def notifier(environment: Mapping[str, str] = os.environ) -> Notifier:
    """Give the manager of this process."""
    return Notifier(environment.get("NOTIFY_SOCKET", ""))


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """Give the time without a sign of life after which the manager ends this process; None where it does not."""
    pid, period = environment.get("WATCHDOG_PID"), environment.get("WATCHDOG_USEC", "")
    if not period.isdecimal() or not int(period) or pid not in (None, str(os.getpid())):
        return None
    return int(period) / 1e6


def writes_to_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether a stream leads to the journal, which reads a level before each line (JOURNAL_STREAM: "8:12345")."""
    with suppress(OSError, ValueError):
        found = os.fstat(stream.fileno())
        return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False
