"""Tells the service manager how the daemon is, again and again, and keeps quiet when it is not well.

A blocked loop sends nothing by itself.  A loop that turns while its workers do not is found by asking them (`stuck`).
The manager's watchdog then ends the process and starts it again, which no pod notices.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

from orchestrator.systemd import Notifier

log = logging.getLogger(__name__)

PERIOD = 5.0
"""Seconds between two signs of life, and between two looks at what is told of the pods."""
_SIGNS = 3
"""How many signs of life fit into the watchdog's time."""


class Supervision:
    """One daemon's side of its service manager."""

    def __init__(
        self,
        notifier: Notifier,
        watchdog: float | None,
        *,
        summary: Callable[[], str],
        stuck: Callable[[], str],
        late: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """`watchdog` is the manager's time in seconds; `stuck` names what makes no progress, "" when all does.

        `late` is told by how many seconds the loop was late, each time.
        """
        self._notifier = notifier
        self._period = min(PERIOD, watchdog / _SIGNS) if watchdog else PERIOD
        self._summary = summary
        self._stuck = stuck
        self._late = late
        self._told = ""
        self._worried = False

    async def run(self) -> None:
        """For ever."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + self._period
            await asyncio.sleep(self._period)
            self._late(max(clock() - due, 0.0))
            self._sign()

    def ready(self) -> None:
        """The folder was applied, or a reload is over."""
        self._told = self._summary()
        self._notifier.send("READY=1", f"STATUS={self._told}")

    async def reload_for_ever(
        self, asked: Callable[[], Awaitable[None]], reload: Callable[[], Awaitable[None]]
    ) -> None:
        """Read the folder again whenever somebody has asked for it."""
        while True:
            await asked()
            self._notifier.reloading()
            await reload()
            self.ready()

    def stopping(self) -> None:
        """The daemon ends by itself."""
        self._notifier.send("STOPPING=1", "STATUS=stopping")

    def close(self) -> None:
        """Nothing is told any more."""
        self._notifier.close()

    def _sign(self) -> None:
        stuck = self._stuck()
        if stuck and not self._worried:
            log.error("no sign of life for the watchdog: %s", stuck)
        self._worried = bool(stuck)
        if not stuck:
            self._notifier.send("WATCHDOG=1")
        if (summary := self._summary()) != self._told:
            self._told = summary
            self._notifier.send(f"STATUS={summary}")


def summary(phases: Iterable[str | None], problems: Sequence[object], engine_error: str) -> str:
    """One line for `systemctl status`: "3 pods: 2 Running, 1 Pending; 1 problem in the specs"."""
    counts = Counter(phase or "Pending" for phase in phases)
    pods = _counted(counts.total(), "pod")
    if counts:
        pods += ": " + ", ".join(f"{count} {phase}" for phase, count in counts.most_common())
    parts = [pods]
    if problems:
        parts.append(f"{_counted(len(problems), 'problem')} in the specs")
    if engine_error:
        parts.append("the engine does not answer")
    return "; ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
