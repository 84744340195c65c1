"""Cases N01 and N06 of load balancers: a Service's own ports on the host's addresses, and ports that others have."""

import random
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from orchestrator.services.host_ports import nobody_has
from orchestrator.services.nft import table_name
from orchestrator.services.subnets import bridge_name
from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import admitted
from tests.e2e.outside import outside
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.e2e.traffic import REFUSED, ask, pid_of, server, service, telling_server, wait_answers, wait_datagrams

LOOPBACK = "127.0.0.1"


def ingress(found: Document) -> list[str]:
    """The addresses that a load balancer tells."""
    return [each["ip"] for each in found.get("status", {}).get("loadBalancer", {}).get("ingress", [])]


def free_port() -> int:
    """A port of the host that nobody has, below those that clients get; other tests look for one at the same time."""
    return next(port for port in random.sample(range(20000, 30000), 99) if nobody_has("TCP", port))


@contextmanager
def listening(port: int) -> Iterator[None]:
    """A server of the host that has this port, at one address only."""
    with socket.create_server((LOOPBACK, port)):
        yield


def test_N01_a_load_balancer_answers_on_its_own_port_at_the_hosts_addresses(daemon: Daemon) -> None:
    port = free_port()
    both = [{"name": kind, "port": port, "targetPort": 8081, "protocol": kind.upper()} for kind in ("tcp", "udp")]
    documents = [service("n01lb", "n01lb", *both, type="LoadBalancer"), server("n01lb-a", "n01lb")]
    daemon.write(text(*documents, pod("n01lb-client", FOR_EVER)))
    host = daemon.wait_ready("n01lb-a")["status"]["hostIP"]
    daemon.wait_ready("n01lb-client")
    found = daemon.wait_for("services", "n01lb", lambda each: bool(ingress(each)))
    assert ingress(found) == [host]
    assert host in daemon.cli("get", "svc", "n01lb")
    own = int(found["spec"]["ports"][0]["nodePort"])
    client = pid_of(daemon, "n01lb-client")
    with telling_server(8081, pid_of(daemon, "n01lb-a")), outside() as other:
        for kind in ("tcp", "udp"):
            wait_answers(lambda answers: REFUSED not in answers, host, port, kind=kind)
            for number in (port, own):
                assert ask(host, number, kind=kind) == {host: 1}
                for address, pid in ((LOOPBACK, 0), (host, client)):
                    # Masqueraded: the bridge's own address.
                    (seen,) = ask(address, number, pid=pid, kind=kind)
                    assert seen.endswith(".1")
        for number in (port, own):
            assert ask(host, number, net=other.net) == {other.address: 1}
            wait_datagrams(other.address, host, number, net=other.net)


def test_N01_a_load_balancer_without_node_ports_and_for_some_clients_only(daemon: Daemon) -> None:
    port = free_port()
    with outside() as friend, outside() as stranger:
        fields = {"allocateLoadBalancerNodePorts": False, "loadBalancerSourceRanges": [f"{friend.address}/32"]}
        balancer = service("n01lbs", "n01lbs", {"port": port, "targetPort": "talk"}, type="LoadBalancer", **fields)
        daemon.write(text(balancer, server("n01lbs-a", "n01lbs")))
        host = daemon.wait_ready("n01lbs-a")["status"]["hostIP"]
        wait_answers(lambda answers: set(answers) == {"n01lbs-a"}, host, port, net=friend.net)
        assert ask(host, port, net=stranger.net) == {REFUSED: 1}
        assert ask(host, port) == {REFUSED: 1}
        balancer["spec"]["loadBalancerSourceRanges"] = [f"{stranger.address}/32", f"{host}/32"]
        daemon.write(text(balancer, server("n01lbs-a", "n01lbs")))
        wait_answers(lambda answers: set(answers) == {"n01lbs-a"}, host, port, net=stranger.net)
        assert ask(host, port) == {"n01lbs-a": 1}
        assert ask(host, port, net=friend.net) == {REFUSED: 1}
    assert "nodePort" not in daemon.get("services", "n01lbs")["spec"]["ports"][0]


def test_N06_a_port_that_a_process_has_is_not_taken_over_until_it_is_free(daemon: Daemon) -> None:
    port = free_port()
    balancer = service("n06lb", "n06lb", {"port": port, "targetPort": "talk"}, type="LoadBalancer")
    with listening(port):
        daemon.write(text(balancer, server("n06lb-a", "n06lb")))
        host = daemon.wait_ready("n06lb-a")["status"]["hostIP"]
        told = daemon.wait_event("n06lb", "PortNotAvailable", text=f"port {port}/TCP of this host is held by ")
        assert "(pid " in told["message"]
        assert "<pending>" in daemon.cli("get", "svc", "n06lb")
        assert ask(host, port) == {REFUSED: 1}
    daemon.wait_for("services", "n06lb", lambda each: ingress(each) == [host])
    assert ask(host, port) == {"n06lb-a": 1}
    # Now it is ours, and nobody else can have it.
    with pytest.raises(OSError, match="in use"), listening(port):
        pass


def test_N06_of_two_load_balancers_that_want_one_port_the_second_waits(daemon: Daemon) -> None:
    port = free_port()
    wish = {"port": port, "targetPort": "talk"}
    servers = [server(f"n06two-{name}", f"n06two-{name}") for name in ("z", "a")]
    first, second = (service(name, name, wish, type="LoadBalancer") for name in ("n06two-z", "n06two-a"))
    daemon.write(text(first), "first.yaml")
    daemon.wait_for("services", "n06two-z", lambda each: bool(ingress(each)))
    daemon.write(text(second, *servers))
    daemon.wait_event("n06two-a", "PortNotAvailable", text="is held by Service default/n06two-z")
    daemon.wait_ready("n06two-z")
    daemon.wait_ready("n06two-a")
    wait_answers(lambda answers: set(answers) == {"n06two-z"}, LOOPBACK, port)
    assert ingress(daemon.get("services", "n06two-a")) == []
    daemon.remove("first.yaml")
    daemon.wait_for("services", "n06two-a", lambda each: bool(ingress(each)))
    wait_answers(lambda answers: set(answers) == {"n06two-a"}, LOOPBACK, port)


def test_N06_a_pods_host_port_and_a_load_balancer_never_share(daemon: Daemon) -> None:
    port = free_port()
    published = container(FOR_EVER, ports=[{"containerPort": 9000, "hostPort": port}])
    balancer = service("n06hp", "n06hp", {"port": port, "targetPort": "talk"}, type="LoadBalancer")
    daemon.write(text(pod("n06hp-pod", published)), "pod.yaml")
    daemon.wait_ready("n06hp-pod")
    daemon.write(text(balancer))
    daemon.wait_event("n06hp", "PortNotAvailable", text="is held by Pod default/n06hp-pod (hostPort)")
    daemon.remove("pod.yaml")
    daemon.wait_for("services", "n06hp", lambda each: bool(ingress(each)))
    # The other way round: the pod waits, and says for what.
    daemon.write(text(pod("n06hp-late", published)), "pod.yaml")
    daemon.wait_event("n06hp-late", "FailedCreatePodSandBox", text="is in use by")
    assert daemon.pod("n06hp-late")["status"]["phase"] == "Pending"
    daemon.remove()
    daemon.wait_ready("n06hp-late")


def test_N08_nothing_of_the_hosts_ports_is_left(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon("--down-on-exit").start()
    port = free_port()
    balancer = service("n08lb", "n08lb", {"port": port, "targetPort": "talk"}, type="LoadBalancer")
    daemon.write(text(balancer, server("n08lb-a", "n08lb")))
    daemon.wait_ready("n08lb-a")
    found = daemon.wait_for("services", "n08lb", lambda each: bool(ingress(each)))
    own = int(found["spec"]["ports"][0]["nodePort"])
    wait_answers(lambda answers: set(answers) == {"n08lb-a"}, LOOPBACK, port)
    assert len(admitted(daemon.instance)) == 2
    assert not nobody_has("TCP", port)
    assert daemon.stop() == 0
    rules = "".join(
        subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
        for words in (["iptables-save"], ["nft", "list", "ruleset"], ["ip", "route"], ["ip", "addr"])
    )
    for mark in (table_name(daemon.instance), bridge_name(daemon.instance, "default")):
        assert mark not in rules
    assert nobody_has("TCP", port)
    assert nobody_has("TCP", own)
    assert ask(LOOPBACK, port) == {REFUSED: 1}
