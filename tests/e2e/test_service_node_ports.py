"""Cases N01, N02, N05 and N06 of node ports: from everywhere, to ready pods, with the client's address."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.services.nft import table_name
from orchestrator.services.subnets import bridge_name
from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.host import admitted
from tests.e2e.outside import outside
from tests.e2e.pod_status import is_ready
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.traffic import (
    HAS_FILE,
    REFUSED,
    ask,
    pid_of,
    server,
    service,
    telling_server,
    udp_server,
    wait_answers,
    wait_datagrams,
)

LOOPBACK = "127.0.0.1"


def node_port(daemon: Daemon, name: str, index: int = 0) -> int:
    """The node port that a Service has."""
    found = daemon.wait_for("services", name, lambda each: "nodePort" in each["spec"]["ports"][index])
    return int(found["spec"]["ports"][index]["nodePort"])


def elsewhere(name: str, namespace: str, **fields: Any) -> dict[str, Any]:
    """A pod of another namespace."""
    document = pod(name, FOR_EVER, **fields)
    document["metadata"]["namespace"] = namespace
    return document


def test_N01_a_node_port_answers_at_every_address_of_the_host_to_everybody(daemon: Daemon) -> None:
    ports = [
        {"name": "talk", "port": 80, "targetPort": "talk"},
        {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
    ]
    clients = [pod("n01np-client", FOR_EVER), elsewhere("n01np-far", "n01np")]
    daemon.write(text(service("n01np", "n01np", *ports, type="NodePort"), server("n01np-a", "n01np"), *clients))
    host = daemon.wait_ready("n01np-a")["status"]["hostIP"]
    daemon.wait_ready("n01np-client")
    daemon.wait_ready("n01np-far", "n01np")
    tcp, udp = node_port(daemon, "n01np"), node_port(daemon, "n01np", 1)
    wait_answers(lambda answers: set(answers) == {"n01np-a"}, host, tcp)
    with udp_server(daemon, "n01np-a", 5353), outside() as other:
        for pid in [0, *(pid_of(daemon, name) for name in ("n01np-a", "n01np-client", "n01np-far"))]:
            for address in (host, other.host, *(() if pid else (LOOPBACK,))):
                assert ask(address, tcp, pid=pid, times=3) == {"n01np-a": 3}
                wait_datagrams("n01np-a", address, udp, pid=pid)
        for address in (host, other.host):
            assert ask(address, tcp, net=other.net, times=3) == {"n01np-a": 3}
            wait_datagrams("n01np-a", address, udp, net=other.net)
    assert f"80:{tcp}/TCP,53:{udp}/UDP" in daemon.cli("get", "svc", "n01np")


def test_N01_clients_from_outside_keep_their_address(daemon: Daemon) -> None:
    ports = [
        {"name": name, "port": 80, "targetPort": 8081, "protocol": name.upper(), "nodePort": 0}
        for name in ("tcp", "udp")
    ]
    daemon.write(text(service("n01src", "n01src", *ports, type="NodePort"), server("n01src-a", "n01src")))
    host = daemon.wait_ready("n01src-a")["status"]["hostIP"]
    port = node_port(daemon, "n01src")
    assert node_port(daemon, "n01src", 1) == port
    with telling_server(8081, pid_of(daemon, "n01src-a")), outside() as other:
        for kind in ("tcp", "udp"):
            wait_answers(lambda answers: REFUSED not in answers, host, port, kind=kind)
            assert ask(host, port, kind=kind) == {host: 1}
        for address in (host, other.host):
            assert ask(address, port, net=other.net) == {other.address: 1}
            wait_datagrams(other.address, address, port, net=other.net)


def test_N02_a_node_port_leads_to_ready_pods_and_is_refused_without(daemon: Daemon) -> None:
    ports = [{"name": name, "port": 80, "targetPort": 8080, "protocol": name.upper()} for name in ("tcp", "udp")]
    servers = [server(f"n02np-{name}", "n02np", readiness=HAS_FILE) for name in "ab"]
    daemon.write(text(service("n02np", "n02np", *ports, type="NodePort"), *servers))
    for name in ("n02np-a", "n02np-b"):
        host = daemon.wait_pod(name, lambda found: bool(found["status"].get("podIP")))["status"]["hostIP"]
    port = node_port(daemon, "n02np")
    with outside() as other:
        ways: list[dict[str, Any]] = [{"ip": host}, {"ip": LOOPBACK}, {"ip": host, "net": other.net}]
        for way in ways:
            for kind in ("tcp", "udp"):
                assert ask(port=port, kind=kind, **way) == {REFUSED: 1}
        for ready in ("n02np-a", "n02np-b"):
            daemon.wait_event(ready, "Unhealthy")
            daemon.exec(ready, "touch", "/ready")
            daemon.wait_ready(ready)
        both = {"n02np-a", "n02np-b"}
        wait_answers(lambda answers: set(answers) == both, host, port, times=20)
        daemon.exec("n02np-a", "rm", "/ready")
        daemon.wait_pod("n02np-a", lambda found: not is_ready(found))
        wait_answers(lambda answers: set(answers) == {"n02np-b"}, host, port, times=20)
        for way in ways:
            assert ask(port=port, times=20, **way) == {"n02np-b": 20}
        daemon.exec("n02np-b", "rm", "/ready")
        daemon.wait_pod("n02np-b", lambda found: not is_ready(found))
        wait_answers(lambda answers: set(answers) == {REFUSED}, host, port)
        for way in ways:
            assert ask(port=port, **way) == {REFUSED: 1}


def test_N05_node_ports_stay_and_serve_whatever_the_daemon_does(own_daemon: Daemon) -> None:
    daemon = own_daemon
    daemon.write(text(service("n05np", "n05np", type="NodePort"), server("n05np-a", "n05np")))
    daemon.wait_ready("n05np-a")
    port = node_port(daemon, "n05np")
    wait_answers(lambda answers: set(answers) == {"n05np-a"}, LOOPBACK, port)
    with outside() as other:
        for end in (Daemon.stop, Daemon.kill):
            end(daemon)
            for net in ("", other.net):
                assert ask(other.host, port, net=net, times=5) == {"n05np-a": 5}
            assert ask(LOOPBACK, port, times=5) == {"n05np-a": 5}
            daemon.start()
            assert node_port(daemon, "n05np") == port
            wait_answers(lambda answers: set(answers) == {"n05np-a"}, LOOPBACK, port, times=5)
    # An edit of something else keeps it, another type gives it back.
    daemon.write(
        text(service("n05np", "n05np", type="NodePort", sessionAffinity="ClientIP"), server("n05np-a", "n05np"))
    )
    daemon.wait_for("services", "n05np", lambda found: found["spec"]["sessionAffinity"] == "ClientIP")
    assert node_port(daemon, "n05np") == port
    daemon.write(text(service("n05np", "n05np"), server("n05np-a", "n05np")))
    found = daemon.wait_for("services", "n05np", lambda found: found["spec"]["type"] == "ClusterIP")
    assert "nodePort" not in found["spec"]["ports"][0]
    wait_answers(lambda answers: set(answers) == {REFUSED}, LOOPBACK, port)
    switch = Path("/proc/sys/net/ipv4/conf", bridge_name(daemon.instance, "default"), "route_localnet")
    wait_answers(lambda _: not admitted(daemon.instance), LOOPBACK, port)
    assert switch.read_text().strip() == "0"


def test_N06_a_node_port_that_another_service_has_is_refused_with_its_name(daemon: Daemon) -> None:
    daemon.write(text(service("n06np", "n06np", type="NodePort")), "first.yaml")
    port = node_port(daemon, "n06np")
    wish = {"port": 80, "nodePort": port}
    daemon.write(text(service("n06np-late", "n06np", wish, type="NodePort")))
    words = (
        f"spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated, to Service default/n06np"
    )
    daemon.wait_problem(words)
    # It is free with its holder, and for the same number of another protocol.
    daemon.remove("first.yaml")
    daemon.wait_problem("")
    assert node_port(daemon, "n06np-late") == port


def test_no_pod_reaches_the_hosts_loopback_through_its_bridge(daemon: Daemon) -> None:
    """CVE-2020-8558: route_localnet alone would let it in, to servers that trust 127.0.0.1."""
    daemon.write(text(service("guard", "guard", type="NodePort"), server("guard-a", "guard")))
    daemon.wait_ready("guard-a")
    wait_answers(lambda answers: set(answers) == {"guard-a"}, LOOPBACK, node_port(daemon, "guard"))
    pid = pid_of(daemon, "guard-a")
    mine = "127.77.0.5"
    attack = (
        "ip route flush table local type local 127.0.0.0/8;"
        "ip route add 127.77.0.0/16 via $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p');"
        "echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet"
    )
    subprocess.run(["nsenter", "-t", str(pid), "-n", "sh", "-c", attack], check=True, timeout=60)
    with telling_server(18558, ip=mine):
        assert ask(mine, 18558, pid=pid, limit=0.5) == {"TimeoutError": 1}
        assert daemon.process
        daemon.process.send_signal(signal.SIGSTOP)  # it would put the guard back
        try:
            guard = ["nft", "flush", "chain", "ip", table_name(daemon.instance), "guard"]
            subprocess.run(guard, check=True, timeout=60)
            # That it does without the guard shows that the attack is one.
            assert REFUSED not in ask(mine, 18558, pid=pid)
            assert "TimeoutError" not in ask(mine, 18558, pid=pid)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        wait_answers(lambda answers: answers == {"TimeoutError": 1}, mine, 18558, pid=pid, limit=0.5)


@pytest.mark.skipif(shutil.which("conntrack") is None, reason="conntrack is not installed")
def test_N02_a_udp_client_that_was_refused_is_served_from_the_same_port_later(daemon: Daemon) -> None:
    port = {"port": 53, "targetPort": 5353, "protocol": "UDP"}
    documents = [
        service("n02flow", "n02flow", port, type="NodePort"),
        server("n02flow-a", "n02flow", readiness=HAS_FILE),
    ]
    daemon.write(text(*documents))
    host = daemon.wait_pod("n02flow-a", lambda found: bool(found["status"].get("podIP")))["status"]["hostIP"]
    daemon.wait_event("n02flow-a", "Unhealthy")
    number = node_port(daemon, "n02flow")
    with udp_server(daemon, "n02flow-a", 5353), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect((host, number))

        def answer() -> str:
            try:
                client.send(b"?")
                return client.recv(99).decode()
            except OSError as error:
                return type(error).__name__

        assert answer() == REFUSED
        daemon.exec("n02flow-a", "touch", "/ready")
        deadline = time.monotonic() + SECONDS
        # It never pauses for long enough that the kernel would forget its flow by itself.
        while answer() != "n02flow-a":
            assert time.monotonic() < deadline
