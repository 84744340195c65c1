"""Cases N02, N05, N07: who gets traffic as pods come and go, and as the daemon does."""

import socket
import time
from collections.abc import Callable

import pytest

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.pod_status import is_ready
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.e2e.traffic import (
    HAS_FILE,
    Stream,
    address_of,
    ask,
    pid_of,
    server,
    service,
    udp_server,
    wait_answers,
)

ENDS_ON_TERM = (
    "trap 'exit 0' TERM; nc -ll -p 8080 -e sh -c 'echo {name}; exec cat' & while :; do sleep 1000 & wait; done"
)


def talk(connection: socket.socket, words: bytes = b"still there?\n") -> bytes:
    """Send words to a server and give what comes back."""
    connection.sendall(words)
    return connection.makefile("rb").readline()


def connect(address: str) -> tuple[socket.socket, str]:
    """A connection that stays open, and who is at its other end."""
    connection = socket.create_connection((address, 80), 10)
    return connection, connection.makefile("rb").readline().decode().strip()


def test_N02_a_pod_gets_traffic_while_it_is_ready_and_keeps_open_connections(daemon: Daemon) -> None:
    servers = [server("n02-a", "n02", readiness=HAS_FILE), server("n02-b", "n02", readiness=HAS_FILE)]
    daemon.write(text(service("n02", "n02"), *servers, pod("n02-client", FOR_EVER)))
    daemon.wait_ready("n02-client")
    address, client = address_of(daemon, "n02"), pid_of(daemon, "n02-client")
    daemon.wait_event("n02-a", "Unhealthy")
    daemon.wait_event("n02-b", "Unhealthy")
    daemon.exec("n02-a", "touch", "/ready")
    daemon.wait_ready("n02-a")
    wait_answers(lambda answers: set(answers) == {"n02-a"}, address)
    assert ask(address, pid=client, times=20) == {"n02-a": 20}
    connection, who = connect(address)
    assert who == "n02-a"
    with connection:
        daemon.exec("n02-b", "touch", "/ready")
        daemon.wait_ready("n02-b")
        wait_answers(lambda answers: set(answers) == {"n02-a", "n02-b"}, address, times=20)
        daemon.exec("n02-a", "rm", "/ready")
        daemon.wait_pod("n02-a", lambda found: not is_ready(found))
        wait_answers(lambda answers: set(answers) == {"n02-b"}, address, times=30)
        for pid in (0, client):
            assert ask(address, pid=pid, times=30) == {"n02-b": 30}
        assert talk(connection) == b"still there?\n"
        # Ready again, it gets its part again.
        daemon.exec("n02-a", "touch", "/ready")
        daemon.wait_ready("n02-a")
        wait_answers(lambda answers: set(answers) == {"n02-a", "n02-b"}, address, times=20)
        assert talk(connection) == b"still there?\n"


def test_N02_a_terminating_pod_gets_no_new_connections_and_keeps_its_open_ones(daemon: Daemon) -> None:
    last_word = {"preStop": {"exec": {"command": ["sh", "-c", "until [ -e /go ]; do sleep 0.1; done"]}}}
    leaving = server("n02t-a", "n02t", terminationGracePeriodSeconds=60)
    main = leaving["spec"]["containers"][0]
    main |= {"command": ["sh", "-c", ENDS_ON_TERM.format(name="n02t-a")], "lifecycle": last_word}
    daemon.write(text(service("n02t", "n02t")), "service.yaml")
    daemon.write(text(leaving), "leaving.yaml")
    daemon.wait_ready("n02t-a")
    address = address_of(daemon, "n02t")
    wait_answers(lambda answers: set(answers) == {"n02t-a"}, address)
    connection, who = connect(address)
    assert who == "n02t-a"
    with connection:
        daemon.write(text(server("n02t-b", "n02t")))
        daemon.wait_ready("n02t-b")
        daemon.remove("leaving.yaml")
        daemon.wait_pod("n02t-a", lambda found: "deletionTimestamp" in found["metadata"])
        wait_answers(lambda answers: set(answers) == {"n02t-b"}, address, times=30)
        assert ask(address, times=30) == {"n02t-b": 30}
        assert talk(connection) == b"still there?\n"
        daemon.exec("n02t-a", "touch", "/go")
        daemon.wait_gone("n02t-a")
    assert ask(address, times=20) == {"n02t-b": 20}


def test_N02_udp_leaves_a_pod_that_is_not_ready(daemon: Daemon) -> None:
    port = {"port": 53, "targetPort": 5353, "protocol": "UDP"}
    both = [
        pod(name, container(FOR_EVER, readinessProbe=HAS_FILE), labels={"app": "n02u"}) for name in ("n02u-a", "n02u-b")
    ]
    daemon.write(text(service("n02u", "n02u", port), *both))
    for name in ("n02u-a", "n02u-b"):
        daemon.wait_event(name, "Unhealthy")
        daemon.exec(name, "touch", "/ready")
        daemon.wait_ready(name)
    address = address_of(daemon, "n02u")
    with udp_server(daemon, "n02u-a", 5353), udp_server(daemon, "n02u-b", 5353):
        wait_answers(lambda answers: set(answers) == {"n02u-a", "n02u-b"}, address, 53, times=20, kind="udp")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2)
            client.connect((address, 53))

            def answer() -> str:
                client.send(b"?")
                try:
                    return client.recv(99).decode()
                except TimeoutError:
                    # An answer that is on its way while its flow is forgotten is lost, as datagrams may be.
                    return "lost"

            before = answer()
            (after,) = {"n02u-a", "n02u-b"} - {before}
            assert {answer() for _ in range(10)} == {before}
            daemon.exec(before, "rm", "/ready")
            daemon.wait_pod(before, lambda found: not is_ready(found))
            wait_answers(lambda answers: set(answers) == {after}, address, 53, times=20, kind="udp")
            # The same client on the same port: its flow does not stick to the pod that is gone.
            deadline = time.monotonic() + SECONDS
            while answer() != after:
                assert time.monotonic() < deadline
            assert {answer() for _ in range(10)} == {after}


def test_N05_the_address_stays_whatever_is_edited_or_restarted(own_daemon: Daemon) -> None:
    daemon = own_daemon
    daemon.write(text(service("n05", "n05"), server("n05-a", "n05"), pod("n05-client", FOR_EVER)))
    daemon.wait_ready("n05-a")
    daemon.wait_ready("n05-client")
    address = address_of(daemon, "n05")
    assert daemon.exec("n05-client", "sh", "-c", "echo $N05_SERVICE_HOST").strip() == address

    def still(port: int, *who: str) -> None:
        assert address_of(daemon, "n05") == address
        wait_answers(lambda answers: set(answers) == set(who), address, port, times=20)

    still(80, "n05-a")
    # Edits of the Service: ports, labels, affinity; and others that come before and after it.
    edited = service("n05", "n05", {"port": 81, "targetPort": 8080}, sessionAffinity="ClientIP")
    edited["metadata"]["labels"] = {"edited": "yes"}
    more = [service(name, "other") for name in ("a-first", "z-last")]
    client = pod("n05-client", FOR_EVER)
    daemon.write(text(*more, edited, server("n05-a", "n05"), client))
    still(81, "n05-a")
    # Edits of pods: another takes over, then the first is gone; the Service moves to a file of its own.
    daemon.write(text(edited), "service.yaml")
    daemon.wait_problem("service.yaml")  # it is there twice now, and the last good version holds
    daemon.write(text(*more, client, server("n05-b", "n05")))
    daemon.wait_ready("n05-b")
    daemon.wait_gone("n05-a")
    still(81, "n05-b")
    daemon.restart()
    still(81, "n05-b")
    daemon.kill()
    still_there = ask(address, 81, times=5)
    daemon.write(text(edited, service("b-while-away", "other")), "service.yaml")
    daemon.start()
    assert still_there == {"n05-b": 5}
    still(81, "n05-b")
    # What a container was told when it was made holds.
    assert daemon.exec("n05-client", "sh", "-c", "echo $N05_SERVICE_HOST").strip() == address


@pytest.mark.parametrize("end", [Daemon.stop, Daemon.kill], ids=["SIGTERM", "SIGKILL"])
def test_N07_services_go_on_without_the_daemon_and_through_its_restart(
    own_daemon: Daemon, end: Callable[[Daemon], int]
) -> None:
    daemon = own_daemon
    ready = server("n07-c", "n07", readiness=HAS_FILE)
    pods = [server("n07-a", "n07"), server("n07-b", "n07"), ready, pod("n07-client", FOR_EVER)]
    daemon.write(text(service("n07", "n07"), *pods))
    for name in ("n07-a", "n07-b", "n07-client"):
        daemon.wait_ready(name)
    daemon.wait_event("n07-c", "Unhealthy")
    address, client = address_of(daemon, "n07"), pid_of(daemon, "n07-client")
    served = {"n07-a", "n07-b"}
    wait_answers(lambda answers: set(answers) == served, address, times=20)
    lives = daemon.life()
    with Stream(address) as stream:
        stream.wait_more()
        end(daemon)
        stream.wait_more()
        assert set(ask(address, pid=client, times=20)) == served
        daemon.start()
        for name in served:
            daemon.wait_ready(name)
        daemon.wait_for("endpoints", "n07", lambda found: len(found["subsets"][0].get("addresses", [])) == 2)
        # The new daemon is at work: it has loaded its rules, and follows readiness as the old one did.
        daemon.exec("n07-c", "touch", "/ready")
        wait_answers(lambda answers: "n07-c" in answers, address, times=20)
        stream.wait_more()
    assert set(stream.answers) == {*served, "n07-c"}
    assert daemon.life() == lives
