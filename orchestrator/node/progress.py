"""What the node's workers are doing now, and whether a step takes longer than it can.

Every step has time-outs of its own.  One that outlasts them all hangs on a fault of ours, and a new daemon is the mend.
Not counted: waiting for a turn, pulls and hooks, which have their own rules, and work on the host's disks, which may
take as long as it takes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

LIMIT = 900.0
"""Seconds; more than all calls of a step may take together while a hundred pods wait for an engine that hangs."""


class Progress:
    """The steps that are under way.  `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._steps: dict[object, tuple[str, float]] = {}

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """While a step is under way; `what` names it to a user."""
        token = object()
        self._steps[token] = what, self._clock()
        try:
            yield
        finally:
            del self._steps[token]

    def overdue(self) -> str:
        """Name the step that hangs for longest, "" when none does."""
        if not self._steps:
            return ""
        what, since = min(self._steps.values(), key=lambda step: step[1])
        seconds = self._clock() - since
        return f"{what}: not over after {seconds:.0f} s" if seconds > LIMIT else ""
