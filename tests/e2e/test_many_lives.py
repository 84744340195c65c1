"""Case D01: one daemon after another is killed, each at another instant; what is well never notices.

A handful in every run of the tests; `make soak-kills` has fifty, over twenty pods.
"""

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import restarts
from tests.e2e.pods import container, pod, text

pytestmark = pytest.mark.races

LONG = "SOAK_KILLS" in os.environ
LIVES, PODS = (50, 20) if LONG else (4, 5)
WAITS = "trap 'exit 0' TERM; sleep 1000000 & wait"
CHECKED = {"exec": {"command": ["true"]}, "periodSeconds": 2, "timeoutSeconds": 5}


def test_D01_many_lives(new_daemon: Callable[..., Daemon]) -> None:
    daemon, names = new_daemon(), [f"d01-life{number}" for number in range(PODS)]
    daemon.write(text(*(pod(name, container(WAITS, readinessProbe=CHECKED)) for name in names)))
    daemon.start()
    for name in names:
        daemon.wait_ready(name)
    before = daemon.life()
    assert len(before) == 2 * PODS
    for _ in range(LIVES):
        daemon.kill()
        daemon.launch()
        # That no instant matters is what is tested; there is nothing to await.
        time.sleep(random.uniform(0.2, 2.0))
    daemon.kill()
    daemon.start()
    assert [restarts(daemon.wait_ready(name)) for name in names] == [0] * PODS
    assert daemon.life() == before
    assert len(daemon.containers()) == 2 * PODS
