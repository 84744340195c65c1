"""Case N01, sessionAffinity: a client stays with its pod, for as long as the Service says and the pod is ready."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from orchestrator.services.nft import table_name
from orchestrator.services.nft_affinity import clients
from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.pods import FOR_EVER, Document, pod, text
from tests.e2e.traffic import HAS_FILE, LISTENS, REFUSED, address_of, ask, pid_of, server, service, wait_answers

LONG = {"timeoutSeconds": 30}
"""A pod that is slow to answer its probe has lost its clients."""
OTHERS = {**LISTENS, **LONG, "failureThreshold": 100}


def sticky(name: str, seconds: int = 0, **spec: Any) -> Document:
    """A Service of the app of its own name; 0 seconds for as many as Kubernetes says."""
    times = {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}} if seconds else {}
    return service(name, name, sessionAffinity="ClientIP", **times, **spec)


def wait_serving(daemon: Daemon, name: str, count: int) -> None:
    daemon.wait_for(
        "endpoints",
        name,
        lambda found: sum(len(subset.get("addresses", [])) for subset in found.get("subsets", [])) == count,
    )


def gateway(pid: int) -> str:
    """The host's address in a pod's network."""
    words = ["nsenter", "-t", str(pid), "-n", "ip", "-j", "route", "show", "default"]
    return str(json.loads(subprocess.run(words, capture_output=True, check=True).stdout)[0]["gateway"])


def staying(daemon: Daemon) -> int:
    """How many clients the kernel keeps with a pod."""
    words = ["nft", "-j", "list", "sets", "table", "ip", table_name(daemon.instance)]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return sum(map(len, clients(listed).values()))


def handle(daemon: Daemon) -> str:
    """The kernel's number for the daemon's table: another one when it was made anew."""
    words = ["nft", "-a", "list", "table", "ip", table_name(daemon.instance)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def only(pods: Iterable[str], answers: Counter[str]) -> bool:
    """Whether one of these has answered all."""
    return len(answers) == 1 and answers.keys() <= set(pods)


def test_N01_a_client_stays_with_its_pod_while_others_come_and_the_daemon_goes(own_daemon: Daemon) -> None:
    daemon = own_daemon
    names = [f"n01s-c{number}" for number in range(4)]
    asking = [pod(name, FOR_EVER) for name in names]
    first = server("n01s-a", "n01s", readiness=HAS_FILE)
    more = [server(name, "n01s", readiness=OTHERS) for name in ("n01s-b", "n01s-c")]
    wanted = sticky("n01s", type="NodePort")
    daemon.write(text(wanted, first, *asking))
    for name in names:
        daemon.wait_ready(name)
    daemon.exec("n01s-a", "touch", "/ready")
    daemon.wait_ready("n01s-a")
    address = address_of(daemon, "n01s")
    assert daemon.get("services", "n01s")["spec"]["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    port = daemon.get("services", "n01s")["spec"]["ports"][0]["nodePort"]
    pids = [0, *(pid_of(daemon, name) for name in names)]
    for pid in pids:
        wait_answers(lambda answers: answers == {"n01s-a": 1}, address, pid=pid)

    def all_stay(times: int = 10) -> None:
        for pid in pids:
            assert ask(address, pid=pid, times=times) == {"n01s-a": times}

    # At random, or by the address alone, some would move; and one client is one client by whatever way.
    daemon.write(text(wanted, first, *more, *asking))
    wait_serving(daemon, "n01s", 3)
    all_stay()
    assert ask(gateway(pids[1]), port, pids[1], times=10) == {"n01s-a": 10}
    daemon.kill()
    all_stay(2)
    before = handle(daemon)
    daemon.start()
    deadline = time.monotonic() + SECONDS
    while handle(daemon) == before:  # the kernel has no watch
        assert time.monotonic() < deadline
    all_stay()

    # Not ready: elsewhere, and there they stay when the first is ready again.
    daemon.exec("n01s-a", "rm", "/ready")
    wait_serving(daemon, "n01s", 2)
    at = {}
    for pid in pids:
        found = wait_answers(lambda answers: only(("n01s-b", "n01s-c"), answers), address, pid=pid, times=10)
        (at[pid],) = found
    daemon.exec("n01s-a", "touch", "/ready")
    wait_serving(daemon, "n01s", 3)
    assert {pid: set(ask(address, pid=pid, times=10)) for pid in pids} == {pid: {who} for pid, who in at.items()}

    # An edit takes hold at once: without affinity every client meets several.
    daemon.write(text(service("n01s", "n01s", type="NodePort"), first, *more, *asking))
    wait_answers(lambda answers: len(answers) > 1, address, pid=pids[1], times=30)


def test_N01_a_client_is_free_again_after_the_timeout(own_daemon: Daemon) -> None:
    daemon = own_daemon
    daemon.write(text(sticky("n01t", 1), *(server(name, "n01t", readiness=OTHERS) for name in ("n01t-a", "n01t-b"))))
    daemon.wait_ready("n01t-a")
    daemon.wait_ready("n01t-b")
    wait_serving(daemon, "n01t", 2)
    address = address_of(daemon, "n01t")
    met: set[str] = set()
    deadline = time.monotonic() + SECONDS
    while len(met) < 2:  # each time it is free it may come to the same by chance
        assert time.monotonic() < deadline
        begun = time.monotonic()
        here = wait_answers(lambda answers: REFUSED not in answers, address).keys()
        again = ask(address, times=5).keys()
        # On a host that is busy that may have taken longer than the client is to stay.
        assert again == here or time.monotonic() - begun > 1
        met |= here
        while staying(daemon):  # the kernel has no watch
            assert time.monotonic() < deadline
    assert "sessionAffinity" not in daemon.tail(1000)
