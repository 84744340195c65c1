"""When to react to a burst of writes: a little after the last one, and in any case before too long."""

from dataclasses import dataclass


@dataclass(slots=True)
class Quiet:
    """Times are seconds of any one clock; the caller gives them.

    A burst is over `quiet` after its last write, or `longest` after its first.
    """

    quiet: float = 0.05
    longest: float = 0.25
    _first: float | None = None
    _last: float = 0.0

    def touched(self, now: float) -> None:
        """Say that something was written."""
        if self._first is None:
            self._first = now
        self._last = now

    @property
    def due(self) -> float | None:
        """Give the time to react, None while there is nothing to react to."""
        return None if self._first is None else min(self._last + self.quiet, self._first + self.longest)

    def clear(self) -> None:
        """Say that the burst has been dealt with."""
        self._first = None
