"""The moments at which probes run again: shared, because to wake up often costs more than the probes do.

Few probes share four moments a second.  With many there are more moments and each probe has its own among them, or a
thousand of them would stop the loop four times a second.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

A_SECOND = 4
"""Moments a second, for few probes."""
_TOGETHER = 20
"""How many probes may share a moment, when each runs once a second."""
_EARLY = 0.2
"""Part of a beat by which a probe may come early, so that one that ran a little late keeps its beat."""


class Beats:
    """The moments that all probes of a daemon share."""

    def __init__(self) -> None:
        self._probes = 0

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """While a probe runs again and again."""
        self._probes += 1
        try:
            yield
        finally:
            self._probes -= 1

    def next(self, due: float, number: int) -> float:
        """The moment (loop time) for a probe that is due; `number` tells probes apart, and never changes for one."""
        parts = math.ceil(self._probes / (A_SECOND * _TOGETHER)) or 1
        own = number % parts / parts
        return (math.ceil(due * A_SECOND - own - _EARLY) + own) / A_SECOND
