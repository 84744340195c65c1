"""A namespace's network that someone removes, or that has no room on the host: told on the pod, and tried again."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orchestrator.services.networks import network_name
from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.traffic import address_of, range_of, server, service, wait_answers


@contextmanager
def taken(network: str) -> Iterator[None]:
    """The host routes these addresses elsewhere (nowhere, in fact) meanwhile."""
    route = ["unreachable", network, "metric", "77"]
    subprocess.run(["ip", "route", "add", *route], check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run(["ip", "route", "del", *route], check=True, timeout=60)


def test_a_network_that_someone_removed_is_made_again_with_its_range(own_daemon: Daemon) -> None:
    daemon = own_daemon
    network = network_name(daemon.instance, "default")
    daemon.write(text(service("lost", "lost"), server("lost-before", "lost")), "first.yaml")
    daemon.wait_ready("lost-before")
    address = address_of(daemon, "lost")
    daemon.write(text(service("lost", "lost")), "first.yaml")
    daemon.wait_gone("lost-before")
    docker("network", "rm", network)

    daemon.write(text(server("lost-after", "lost")))
    daemon.wait_ready("lost-after")
    wait_answers(lambda answers: set(answers) == {"lost-after"}, address)
    assert address_of(daemon, "lost") == address

    # The Service's address lies in it: when the host now uses that range otherwise, this is told until it is free.
    daemon.remove()
    daemon.wait_gone("lost-after")
    with taken(str(range_of(address).supernet())):
        docker("network", "rm", network)
        daemon.write(text(server("lost-again", "lost")))
        told = daemon.wait_event("lost-again", "FailedCreatePodSandBox", text="free that range")
        assert told["type"] == "Warning"
        assert "free that range" in daemon.log.read_text()
    daemon.wait_ready("lost-again")
    wait_answers(lambda answers: set(answers) == {"lost-again"}, address)


def test_a_pool_that_the_host_takes_is_told_until_it_is_free(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon().start()
    with taken(daemon.pool):
        daemon.write(text(pod("no-room", FOR_EVER)))
        told = daemon.wait_event("no-room", "FailedCreatePodSandBox", text=f"all of {daemon.pool} is used")
        assert told["type"] == "Warning"
        assert "--pool" in told["message"]
    daemon.wait_ready("no-room")
