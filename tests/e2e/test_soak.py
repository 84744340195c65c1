"""A short soak: cases D01 to D04 and D10 all at once, at random.  `make soak` is the long one."""

import random
from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.front import EngineInFront
from tests.soak.soak import soak

pytestmark = pytest.mark.races

SPARE = 16
"""Connections that may stay open.  aiohttp hands out the one that has rested longest, so none rests long enough to be
closed while probes go on: as many stay as were once needed at a time, and half a minute does not show that many."""


def test_D03_a_short_soak(front: EngineInFront, new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon("--engine-url", front.url, "--log-level", "info")
    faults, figures = soak(daemon, front, seconds=25, pods=9, seed=random.randrange(10**6), spare=SPARE)
    print(figures)
    assert not faults, "\n".join((*faults, figures, daemon.tail()))
