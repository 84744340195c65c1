"""Cases N01 (ClusterIP, headless), N03, N04: what a Service is, asked as users ask: from the host and from pods."""

import socket
from collections import Counter

from tests.e2e.daemon import Daemon
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.traffic import (
    REFUSED,
    address_of,
    ask,
    leads_to,
    pid_of,
    range_of,
    server,
    service,
    telling_server,
    udp_server,
    wait_answers,
    wait_reached,
)

FREE_PORT = 20480
"""A port below those that the kernel gives to clients."""
AT_ONCE = 0.9
"""Seconds: less than it takes until a packet that was dropped is sent again."""


def both(answers: Counter[str]) -> bool:
    return len(answers) == 2 and REFUSED not in answers


def test_N01_named_and_numbered_ports_lead_to_every_ready_pod(daemon: Daemon) -> None:
    ports = [
        {"name": "named", "port": 80, "targetPort": "talk"},
        {"name": "numbered", "port": 81, "targetPort": 8080},
        {"name": "same", "port": 8080},
    ]
    pods = [server("n01-a", "n01"), server("n01-b", "n01"), pod("n01-client", FOR_EVER)]
    daemon.write(text(service("n01", "n01", *ports), *pods))
    for name in ("n01-a", "n01-b", "n01-client"):
        daemon.wait_ready(name)
    address, client = address_of(daemon, "n01"), pid_of(daemon, "n01-client")
    wait_answers(both, address, times=20)
    for port in (80, 81, 8080):
        for pid in (0, client):
            assert set(ask(address, port, pid, times=30)) == {"n01-a", "n01-b"}


def test_N01_a_named_port_may_have_another_number_in_each_pod(daemon: Daemon) -> None:
    daemon.write(text(service("n01n", "n01n"), server("n01n-a", "n01n", 8080), server("n01n-b", "n01n", 8090)))
    daemon.wait_ready("n01n-a")
    daemon.wait_ready("n01n-b")
    assert set(wait_answers(both, address_of(daemon, "n01n"), times=30)) == {"n01n-a", "n01n-b"}
    subsets = daemon.get("endpoints", "n01n")["subsets"]
    assert {(len(one["addresses"]), one["ports"][0]["port"]) for one in subsets} == {(1, 8080), (1, 8090)}


def test_N01_tcp_and_udp_on_one_port(daemon: Daemon) -> None:
    ports = [
        {"name": "tcp", "port": 53, "targetPort": "talk"},
        {"name": "udp", "port": 53, "targetPort": 5353, "protocol": "UDP"},
    ]
    daemon.write(text(service("n01u", "n01u", *ports), server("n01u-a", "n01u"), pod("n01u-client", FOR_EVER)))
    daemon.wait_ready("n01u-a")
    daemon.wait_ready("n01u-client")
    address, client = address_of(daemon, "n01u"), pid_of(daemon, "n01u-client")
    with udp_server(daemon, "n01u-a", 5353):
        for kind in ("tcp", "udp"):
            wait_answers(lambda answers: set(answers) == {"n01u-a"}, address, 53, kind=kind)
            assert ask(address, 53, client, 5, kind) == {"n01u-a": 5}


def test_N01_an_address_fixed_by_the_spec(daemon: Daemon) -> None:
    daemon.write(text(service("n01f-any", "n01f")))
    services = range_of(address_of(daemon, "n01f-any"))
    wanted = str(services[7])
    fixed = service("n01f", "n01f", clusterIP=wanted)
    daemon.write(text(service("n01f-any", "n01f"), fixed, server("n01f-a", "n01f")))
    daemon.wait_ready("n01f-a")
    assert address_of(daemon, "n01f") == wanted
    wait_answers(lambda answers: set(answers) == {"n01f-a"}, wanted)
    # What it cannot have is said, and what is there stays.
    thief = service("n01f-thief", "n01f", clusterIP=wanted)
    stray = service("n01f-stray", "n01f", clusterIP="192.0.2.7")
    daemon.write(text(service("n01f-any", "n01f"), fixed, server("n01f-a", "n01f"), thief, stray))
    daemon.wait_problem("is held by Service default/n01f")
    daemon.wait_problem(f"must lie in this namespace's range {services[1]}-{services[-2]}")
    assert ask(wanted) == {"n01f-a": 1}
    # Renamed in one edit, the Service takes its address along.
    renamed = service("n01f-renamed", "n01f", clusterIP=wanted)
    daemon.write(text(service("n01f-any", "n01f"), renamed, server("n01f-a", "n01f")))
    assert address_of(daemon, "n01f-renamed") == wanted
    daemon.wait_gone("n01f", "services")
    daemon.wait_problem("")
    wait_answers(lambda answers: set(answers) == {"n01f-a"}, wanted)


def test_N01_a_headless_name_leads_to_the_ready_pods(either_daemon: Daemon) -> None:
    daemon = either_daemon
    headless = service("n01h", "n01h", {"port": 8080}, clusterIP="None")
    one = server("n01h-a", "n01h", hostname="first", subdomain="n01h")
    late = server("n01h-b", "n01h", readiness={"exec": {"command": ["test", "-e", "/ready"]}, "periodSeconds": 1})
    daemon.write(text(headless, one, late, pod("n01h-client", FOR_EVER)))
    first = daemon.wait_ready("n01h-a")["status"]["podIP"]
    daemon.wait_ready("n01h-client")
    assert daemon.get("services", "n01h")["spec"]["clusterIP"] == "None"
    reached = 'for name in "$@"; do until nc -w 2 $name 8080 </dev/null; do sleep 0.1; done; done'
    names = ("n01h", "n01h.default", "n01h.default.svc", "n01h.default.svc.cluster.local", "first.n01h")
    answers = daemon.exec("n01h-client", "timeout", "60", "sh", "-c", reached, "sh", *names)
    assert answers.split() == ["n01h-a"] * len(names)
    assert leads_to(daemon, "n01h-client", "n01h") == {first}
    assert "N01H_" not in daemon.exec("n01h-client", "env")
    daemon.exec("n01h-b", "touch", "/ready")
    second = daemon.wait_ready("n01h-b")["status"]["podIP"]
    wait_name = f"until grep -q ^{second} /etc/hosts; do sleep 0.1; done"
    daemon.exec("n01h-client", "timeout", "20", "sh", "-c", wait_name)
    assert leads_to(daemon, "n01h-client", "n01h") == {first, second}


def test_N03_a_pod_reaches_itself_and_others_by_the_name_and_by_the_variables(either_daemon: Daemon) -> None:
    daemon = either_daemon
    daemon.write(text(service("n03-web", "n03"), server("n03-a", "n03"), pod("n03-client", FOR_EVER)))
    daemon.wait_ready("n03-a")
    daemon.wait_ready("n03-client")
    for name in ("n03-a", "n03-client"):
        wait_reached(daemon, name, "n03-web", "n03-a")
        for host in ("$N03_WEB_SERVICE_HOST", "n03-web.default.svc.cluster.local"):
            words = f"timeout 5 nc {host} $N03_WEB_SERVICE_PORT </dev/null"
            assert daemon.exec(name, "sh", "-c", words).strip() == "n03-a"


def test_N03_the_host_asks_as_the_gateway_by_whatever_way(daemon: Daemon) -> None:
    daemon.write(
        text(service("n03h", "n03h", {"port": 80, "targetPort": 9000}), pod("n03h-a", FOR_EVER, labels={"app": "n03h"}))
    )
    ip = daemon.wait_ready("n03h-a")["status"]["podIP"]
    address = address_of(daemon, "n03h")
    gateway = str(next(range_of(address).supernet().hosts()))
    with telling_server(9000, pid_of(daemon, "n03h-a")):
        wait_answers(lambda answers: answers == {gateway: 3}, address, times=3)
        # Its own address is one that the pod can answer, so the kernel needs to change nothing of it.
        with socket.create_connection((address, 80), 10) as by_service:
            assert by_service.getsockname()[0] == by_service.recv(99).decode() == gateway
            # From the same address and port to the pod itself: both are answered.
        with asked_from(gateway, FREE_PORT, ip, 9000) as directly, asked_from(gateway, FREE_PORT, address, 80) as also:
            assert directly.recv(99).decode() == also.recv(99).decode() == gateway
        # Whoever binds to a Service's address is answered too.
        with socket.create_connection((address, 80), 10, (address, 0)) as bound:
            assert bound.recv(99).decode() == gateway


def asked_from(source: str, source_port: int, ip: str, port: int) -> socket.socket:
    """A connection from this address and port, which others may have too."""
    connection = socket.socket()
    connection.settimeout(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind((source, source_port))
    connection.connect((ip, port))
    return connection


def test_N03_another_namespaces_network_is_refused(daemon: Daemon) -> None:
    stranger = pod("n03x-stranger", FOR_EVER)
    stranger["metadata"]["namespace"] = "n03x"
    daemon.write(text(service("n03x-web", "n03x"), server("n03x-a", "n03x"), stranger))
    daemon.wait_ready("n03x-a")
    daemon.wait_ready("n03x-stranger", "n03x")
    address = address_of(daemon, "n03x-web")
    wait_answers(lambda answers: set(answers) == {"n03x-a"}, address)
    assert ask(address, pid=pid_of(daemon, "n03x-stranger")) == {REFUSED: 1}


def test_N04_without_endpoints_it_is_refused_at_once(daemon: Daemon) -> None:
    unready = server("n04-a", "n04", readiness={"exec": {"command": ["false"]}, "periodSeconds": 1})
    ports = [{"name": "tcp", "port": 80, "targetPort": "talk"}, {"name": "udp", "port": 53, "protocol": "UDP"}]
    daemon.write(text(service("n04", "n04", *ports), service("n04-none", "nobody", *ports), unready))
    daemon.wait_pod("n04-a", lambda found: found["status"].get("phase") == "Running")
    daemon.wait_event("n04-a", "Unhealthy")
    pid = pid_of(daemon, "n04-a")
    for name in ("n04", "n04-none"):
        address = address_of(daemon, name)
        for who in (0, pid):
            wait_answers(lambda answers: set(answers) == {REFUSED}, address, pid=who)
            assert ask(address, 80, who, 5, limit=AT_ONCE) == {REFUSED: 5}
            # Only one: the kernel answers each client with so many ICMP errors a second, and no more.
            assert ask(address, 53, who, 1, "udp", limit=AT_ONCE) == {REFUSED: 1}
            assert ask(address, 4711, who, 5, limit=AT_ONCE) == {REFUSED: 5}
            nobodys = str(range_of(address)[3])
            assert ask(nobodys, 80, who, limit=AT_ONCE) == {REFUSED: 1}
            # The addresses are the host's own, and still none of its servers is reached through them.
            with socket.create_server(("0.0.0.0", 0)) as host_server:
                assert ask(address, host_server.getsockname()[1], who, limit=AT_ONCE) == {REFUSED: 1}
