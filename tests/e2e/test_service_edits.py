"""Case N01: a Service, or the pod behind it, that an edit makes into something else; nothing that runs is touched."""

import contextlib
import socket
import time

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.e2e.test_service_node_ports import LOOPBACK, node_port
from tests.e2e.traffic import REFUSED, address_of, ask, leads_to, pid_of, server, service, udp_server, wait_answers


def test_N01_a_service_becomes_another_kind_and_back(daemon: Daemon) -> None:
    pods = [server("kind-a", "kind"), pod("kind-client", FOR_EVER)]
    named = {"name": "b", "port": 81, "targetPort": 8080}
    daemon.write(text(*pods), "pods.yaml")
    daemon.write(text(service("kind", "kind", clusterIP="None")))
    ip = daemon.wait_ready("kind-a")["status"]["podIP"]
    daemon.wait_ready("kind-client")
    life = daemon.life()

    def wait_leads(*to: str) -> None:
        deadline = time.monotonic() + SECONDS
        while leads_to(daemon, "kind-client", "kind") != set(to):  # a file has no watch
            assert time.monotonic() < deadline, daemon.tail()

    wait_leads(ip)
    daemon.write(text(service("kind", "kind", {"name": "a", "port": 80, "targetPort": "talk"}, named)))
    daemon.wait_for("services", "kind", lambda found: found["spec"]["clusterIP"] != "None")
    address = address_of(daemon, "kind")
    wait_leads(address)
    wait_answers(lambda answers: answers == {"kind-a": 1}, address)
    assert ask(address, 81) == {"kind-a": 1}
    # A port less: refused there, and there alone.
    daemon.write(text(service("kind", "kind", named, type="NodePort")))
    wait_answers(lambda answers: answers == {REFUSED: 1}, address)
    port = node_port(daemon, "kind")
    wait_answers(lambda answers: answers == {"kind-a": 1}, LOOPBACK, port)
    assert (address_of(daemon, "kind"), ask(address, 81)) == (address, {"kind-a": 1})
    daemon.write(text(service("kind", "kind", named, type="ExternalName", externalName="elsewhere.example")))
    wait_leads()
    wait_answers(lambda answers: answers == {REFUSED: 1}, LOOPBACK, port)
    assert daemon.life() == life


def test_N02_a_pod_leaves_with_its_label_or_its_end_and_may_be_on_the_hosts_network(daemon: Daemon) -> None:
    number = 18099
    host = server("ends-host", "ends-host", port=number, hostNetwork=True)
    over = container("nc -ll -p 8080 -e echo ends-over & until [ -e /go ]; do sleep 0.1; done")
    documents = [
        service("ends", "ends"),
        service("ends-host", "ends-host", {"port": 80, "targetPort": number}, type="NodePort"),
        service("ends-over", "ends-over", {"port": 80, "targetPort": 8080}),
        pod("ends-over", over, labels={"app": "ends-over"}, restartPolicy="Never"),
        host,
    ]
    daemon.write(text(*documents, server("ends-a", "ends")))
    for name in ("ends-a", "ends-host", "ends-over"):
        daemon.wait_ready(name)
    life = daemon.life("ends-a")
    pod_pid = pid_of(daemon, "ends-a")
    for pid in (0, pod_pid):
        wait_answers(lambda answers: answers == {"ends-host": 1}, address_of(daemon, "ends-host"), pid=pid)
    wait_answers(lambda answers: answers == {"ends-host": 1}, LOOPBACK, node_port(daemon, "ends-host"))
    wait_answers(lambda answers: answers == {"ends-over": 1}, address_of(daemon, "ends-over"))
    daemon.exec("ends-over", "touch", "/go")
    daemon.wait_pod("ends-over", lambda found: found["status"]["phase"] == "Succeeded")
    wait_answers(lambda answers: answers == {REFUSED: 1}, address_of(daemon, "ends-over"))
    wait_answers(lambda answers: answers == {"ends-a": 1}, address_of(daemon, "ends"))
    daemon.write(text(*documents, server("ends-a", "elsewhere")))
    wait_answers(lambda answers: answers == {REFUSED: 1}, address_of(daemon, "ends"))
    assert daemon.life("ends-a") == life


def test_N02_a_udp_client_keeps_its_socket_while_its_pod_is_replaced(daemon: Daemon) -> None:
    wanted = service("udp", "udp", {"port": 53, "targetPort": 5353, "protocol": "UDP"})

    def written(**spec: str) -> str:
        return text(wanted, pod("udp-a", FOR_EVER, labels={"app": "udp"}, **spec))

    daemon.write(written())
    uid = daemon.wait_ready("udp-a")["metadata"]["uid"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect((address_of(daemon, "udp"), 53))

        def wait_answered() -> None:
            deadline = time.monotonic() + SECONDS
            while True:
                with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                    client.send(b"?")
                    if client.recv(99) == b"udp-a":
                        return
                assert time.monotonic() < deadline, daemon.tail()

        with udp_server(daemon, "udp-a", 5353):
            wait_answered()
        daemon.write(written(hostname="other"))
        daemon.wait_pod("udp-a", lambda found: found["metadata"]["uid"] != uid)
        daemon.wait_ready("udp-a")
        with udp_server(daemon, "udp-a", 5353):
            wait_answered()
