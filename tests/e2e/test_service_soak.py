"""Cases N02 and N07 at length: not one request of a steady stream fails, whatever restarts meanwhile.

In every run of the tests they are short; `make soak-services` runs them as long as the issue that asked for them says.
"""

import os
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.e2e.daemon import Daemon
from tests.e2e.pod_status import is_ready
from tests.e2e.pods import FOR_EVER, Document, container, pod, text
from tests.e2e.traffic import LISTENS, Stream, address_of, pid_of, service, wait_answers

pytestmark = pytest.mark.races

LONG = os.environ.get("SOAK_SERVICES") == "1"
RESTARTS = 200 if LONG else 10
AWAY = 30.0 if LONG else 2.0
"""Seconds without a daemon."""

DRAINS = """
nc -ll -p 8080 -e echo {name} &
trap 'sleep 0.2; kill $!; while pidof echo; do sleep 0.05; done; exit 0' TERM
while :; do sleep 0.1; done
"""
"""A server that answers what has reached it before it ends."""


def drains(name: str, app: str) -> Document:
    """A pod that says its name to each connection, until its end."""
    talk = {"name": "talk", "containerPort": 8080}
    main = container(DRAINS.format(name=name), ports=[talk], readinessProbe=LISTENS)
    return pod(name, main, labels={"app": app}, terminationGracePeriodSeconds=30)


def streams(stack: ExitStack, daemon: Daemon, address: str, client: str) -> list[Stream]:
    """A new connection for each request, from the host and from a pod."""
    pids = (0, pid_of(daemon, client))
    return [stack.enter_context(Stream(address, pid=pid, pause=0.005)) for pid in pids]


def told(title: str, found: list[Stream], seconds: float) -> None:
    """Figures for who asked for the long run."""
    if LONG:
        answers = sum((stream.answers for stream in found), Counter[str]())
        print(f"\n{title} in {seconds:.0f} s; answers to {answers.total()} requests: {dict(answers)}")


def test_N02_rolling_restarts_lose_no_request(daemon: Daemon) -> None:
    names = ("n02r-a", "n02r-b")
    daemon.write(text(service("n02r", "n02r"), *(drains(name, "n02r") for name in names), pod("n02r-client", FOR_EVER)))
    for name in (*names, "n02r-client"):
        daemon.wait_ready(name)
    address = address_of(daemon, "n02r")
    wait_answers(lambda answers: set(answers) == set(names), address, times=20)
    begun = time.monotonic()
    with ExitStack() as stack:
        found = streams(stack, daemon, address, "n02r-client")
        for number in range(RESTARTS):
            name = names[number % 2]
            old = daemon.pod(name)["metadata"]["uid"]
            daemon.client.delete(daemon.path("pods", name), {})
            daemon.wait_pod(name, lambda now, old=old: now["metadata"]["uid"] != old and is_ready(now))
            assert all(set(stream.answers) <= set(names) for stream in found), [stream.answers for stream in found]
        for stream in found:
            stream.wait_more()
    for stream in found:
        assert set(stream.answers) == set(names)
    told(f"{RESTARTS} restarts", found, time.monotonic() - begun)


def test_N07_a_daemon_that_is_killed_for_a_while_loses_no_request(own_daemon: Daemon) -> None:
    daemon, names = own_daemon, ("n07r-a", "n07r-b")
    daemon.write(text(service("n07r", "n07r"), *(drains(name, "n07r") for name in names), pod("n07r-client", FOR_EVER)))
    for name in (*names, "n07r-client"):
        daemon.wait_ready(name)
    address = address_of(daemon, "n07r")
    wait_answers(lambda answers: set(answers) == set(names), address, times=20)
    with ExitStack() as stack:
        found = streams(stack, daemon, address, "n07r-client")
        for stream in found:
            stream.wait_more()
        daemon.kill()
        killed = time.monotonic()
        while time.monotonic() - killed < AWAY:
            for stream in found:
                stream.wait_more()
        daemon.start()
        for name in names:
            daemon.wait_ready(name)
        daemon.wait_for("endpoints", "n07r", lambda found: len(found["subsets"][0].get("addresses", [])) == 2)
        for stream in found:
            stream.wait_more()
    for stream in found:
        assert set(stream.answers) == set(names)
    told("one kill -9", found, time.monotonic() - killed)
