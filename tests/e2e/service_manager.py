"""What systemd is to a daemon: a socket that hears how it is."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.daemon import SECONDS


class ServiceManager:
    """Hears what is told at NOTIFY_SOCKET, and keeps it."""

    def __init__(self, end: socket.socket) -> None:
        self.told: list[str] = []
        self._end = end
        self._more = threading.Condition()

    def listen(self) -> None:
        """Until the socket is shut."""
        while words := self._end.recv(4096):
            with self._more:
                self.told += words.decode().splitlines()
                self._more.notify_all()

    def wait(self, assignment: str, after: int = 0) -> int:
        """Wait until this was told ("READY=1") among what came after so many words; gives how many came up to it."""
        deadline = time.monotonic() + SECONDS
        with self._more:
            while assignment not in self.told[after:]:
                assert self._more.wait(deadline - time.monotonic()), f"no {assignment} in {self.told[after:]}"
            return self.told.index(assignment, after) + 1


@contextmanager
def listening(path: Path) -> Iterator[ServiceManager]:
    """Be there, at this path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(path))
        manager = ServiceManager(end)
        ear = threading.Thread(target=manager.listen)
        ear.start()
        try:
            yield manager
        finally:
            # What is empty ends it.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(path))
            ear.join(SECONDS)
