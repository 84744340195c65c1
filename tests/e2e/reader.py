"""A reader beside every test: it watches all pods of a daemon from its start to its end, and judges each state."""

import threading
import time
from typing import Any

from orchestrator.cli.client import Client
from orchestrator.errors import OrchestratorError
from tests import statuses

Document = dict[str, Any]

PODS = "/api/v1/pods"
LOST = 0.5
"""Seconds before a kill -9 whose last words may not have reached the journal; it takes milliseconds."""


class Reader:
    """Follows the API's watch in a thread of its own; comes back when the daemon does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._last: dict[str, tuple[Document, float]] = {}
        self._over = threading.Event()
        self._found: list[str] = []
        self.read = 0
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def wrong(self) -> list[str]:
        """All that was wrong since the last call, each with the pod's name."""
        found, self._found = self._found, []
        return found

    def killed(self) -> None:
        """The daemon is killed now: of what it told a moment ago, its journal may know nothing."""
        now = time.monotonic()
        self._last = {uid: told for uid, told in self._last.items() if now - told[1] > LOST}

    def stop(self) -> None:
        """End with the daemon: its socket must be closed by now."""
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.is_set():
            try:
                for event in self._client.watch(PODS, {"sendInitialEvents": "true", "timeoutSeconds": "3600"}):
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self._judge(event["object"])
                    elif event["type"] == "DELETED":
                        self._found += _named(event["object"], statuses.wrong_last(event["object"]))
            except (OrchestratorError, OSError, ValueError):
                # The daemon ended, perhaps in the middle of a line.
                pass
            self._over.wait(0.05)

    def _judge(self, pod: Document) -> None:
        self.read += 1
        meta = pod["metadata"]
        found = statuses.wrong(pod)
        if before := self._last.get(meta["uid"]):
            found += statuses.wrong_step(before[0], pod)
        self._last[meta["uid"]] = pod, time.monotonic()
        self._found += _named(pod, found)


def _named(pod: Document, found: list[str]) -> list[str]:
    return [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}: {text}" for text in found]
