"""Case N01: endpoints by hand and by selector, as documents, in the API, and in what describe tells of a Service."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.outside import outside
from tests.e2e.pods import FOR_EVER, Document, pod, text
from tests.e2e.traffic import HAS_FILE, REFUSED, address_of, ask, pid_of, server, service, wait_answers

_RELAY = """
import asyncio, sys
async def carry(source, sink):
    while data := await source.read(1 << 16):
        sink.write(data)
    sink.close()
async def relay(reader, writer):
    to, back = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(carry(reader, back), carry(to, writer))
async def main():
    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


def by_hand(name: str, of: str, *endpoints: tuple[str, dict[str, bool]], port: int = 8080) -> Document:
    """An EndpointSlice as a user writes it."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": of}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "conditions": conditions} for ip, conditions in endpoints],
        "ports": [{"port": port}],
    }


def bare(name: str, **spec: Any) -> Document:
    """A Service without a selector."""
    made = service(name, "", {"port": 80}, **spec)
    del made["spec"]["selector"]
    return made


def slices_of(daemon: Daemon, name: str) -> list[Document]:
    found: list[Document] = daemon.client.get(SLICES, {"labelSelector": f"kubernetes.io/service-name={name}"})["items"]
    return found


@contextlib.contextmanager
def over_tcp(daemon: Daemon) -> Iterator[str]:
    """The daemon's API at an address of the loopback, for kubectl, which knows no unix sockets."""
    process = subprocess.Popen([sys.executable, "-Ic", _RELAY, str(daemon.socket)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def test_N01_hand_written_slices_and_endpoints_feed_a_service_without_selector(daemon: Daemon) -> None:
    pods = [server(f"n01es-{one}", f"n01es-{one}") for one in "ab"]
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "n01es-old"},
        "subsets": [{"addresses": [{"ip": "0.0.0.1"}], "ports": [{"port": 8080}]}],
    }
    daemon.write(text(*pods))
    a, b = (daemon.wait_ready(f"n01es-{one}")["status"]["podIP"] for one in "ab")
    endpoints["subsets"] = [{"addresses": [{"ip": a}], "ports": [{"port": 8080}]}]
    old, new = bare("n01es-old"), bare("n01es-new")

    def write(*endpoints_: tuple[str, dict[str, bool]]) -> None:
        daemon.write(text(*pods, old, new, endpoints, by_hand("n01es-mine", "n01es-new", *endpoints_)))

    write((a, {"ready": True}), (b, {"ready": False}))
    one, other = address_of(daemon, "n01es-new"), address_of(daemon, "n01es-old")
    wait_answers(lambda answers: answers == {"n01es-a": 9}, one, times=9)
    wait_answers(lambda answers: answers == {"n01es-a": 9}, other, times=9)
    # What the Endpoints say is told as a slice too, as in a cluster.
    (mirror,) = slices_of(daemon, "n01es-old")
    assert mirror["endpoints"] == [{"addresses": [a], "conditions": {"ready": True}}]
    assert mirror["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"].startswith("endpointslicemirroring")
    # Where nobody is ready, one that serves until its end is better than nobody.
    write((a, {"ready": False}), (b, {"ready": False, "serving": True, "terminating": True}))
    wait_answers(lambda answers: answers == {"n01es-b": 9}, one, times=9)
    write((a, {"ready": False}), (b, {"ready": False, "serving": False, "terminating": True}))
    wait_answers(lambda answers: set(answers) == {REFUSED}, one)
    assert ask(other) == {"n01es-a": 1}
    described = daemon.cli("describe", "svc", "n01es-old")
    assert f"{a}:8080" in described
    daemon.write(text(*pods, old, new))
    daemon.wait_gone(mirror["metadata"]["name"], "endpointslices")
    wait_answers(lambda answers: set(answers) == {REFUSED}, other)


def test_N01_slices_and_endpoints_of_a_selector_are_read_by_kubectl_too(daemon: Daemon) -> None:
    late = server("n01ek-b", "n01ek", readiness=HAS_FILE)
    daemon.write(text(service("n01ek", "n01ek"), server("n01ek-a", "n01ek"), late))
    a = daemon.wait_ready("n01ek-a")["status"]["podIP"]
    b = daemon.wait_pod("n01ek-b", lambda found: bool(found["status"].get("podIP")))["status"]["podIP"]
    daemon.wait_for("endpoints", "n01ek", lambda found: str(found).count("'ip'") == 2)
    (made,) = slices_of(daemon, "n01ek")
    ready = {each["addresses"][0]: each["conditions"]["ready"] for each in made["endpoints"]}
    assert ready == {a: True, b: False}
    ours = daemon.cli("get", "endpointslices", "--no-headers").split()
    assert ours[:4] == [made["metadata"]["name"], "IPv4", "8080", ",".join(sorted((a, b)))]
    assert f"{a}:8080" in daemon.cli("get", "ep", "n01ek")
    assert "TargetRef:" in daemon.cli("describe", "endpointslice", made["metadata"]["name"])
    assert f"NotReadyAddresses:  {b}" in daemon.cli("describe", "ep", "n01ek")
    described = daemon.cli("describe", "svc", "n01ek")
    assert f"Endpoints:                {a}:8080\n" in described
    assert "n01ek-b: main: running for" in described
    if kubectl := shutil.which("kubectl"):
        with over_tcp(daemon) as url:
            words = [kubectl, "--server", url, "get", "endpointslices,endpoints", "--no-headers"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=True)
        rows = [line.split()[:4] for line in done.stdout.splitlines()]
        assert [f"endpointslice.discovery.k8s.io/{made['metadata']['name']}", "IPv4", "8080", ours[3]] in rows
        assert any(row[:2] == ["endpoints/n01ek", f"{a}:8080"] for row in rows)
    daemon.write(text(server("n01ek-a", "n01ek"), late))
    daemon.wait_gone("n01ek", "endpoints")
    assert slices_of(daemon, "n01ek") == []


def test_N01_external_addresses_lead_to_the_pods_from_everywhere(daemon: Daemon) -> None:
    ports = [{"name": "talk", "port": 7480, "targetPort": "talk"}]
    ready = server("n01ex-a", "n01ex", readiness=HAS_FILE)
    client = pod("n01ex-client", FOR_EVER)
    with outside() as other:
        own, away = other.host, other.host.rsplit(".", 1)[0] + ".255"
        web = service("n01ex", "n01ex", *ports, externalIPs=[own, away])
        daemon.write(text(web, ready, client))
        daemon.wait_ready("n01ex-client")
        inside = pid_of(daemon, "n01ex-client")
        # Nobody is ready: refused at once, also where the address is not this host's and packets would go elsewhere.
        ways: list[dict[str, Any]] = [{"net": other.net}, {"pid": inside}, {}]
        for address in (own, away):
            for way in ways:
                wait_answers(lambda answers: set(answers) == {REFUSED}, address, 7480, limit=1, **way)
        daemon.exec("n01ex-a", "touch", "/ready")
        daemon.wait_ready("n01ex-a")
        for address in (own, away):
            for way in ways:
                wait_answers(lambda answers: answers == {"n01ex-a": 3}, address, 7480, times=3, **way)
        assert f"{own},{away}" in daemon.cli("get", "svc", "n01ex")
        assert f"External IPs:             {own},{away}" in daemon.cli("describe", "svc", "n01ex")
        # One that somebody has is left to him; another Service's is, too.
        thief = service("n01ex-thief", "n01ex", *ports, externalIPs=[away])
        daemon.write(text(web, thief, ready, client))
        told = daemon.wait_event("n01ex-thief", "PortNotAvailable")
        assert f"port 7480/TCP at {away} is held by Service default/n01ex" in told["message"]
        daemon.write(text(ready, client))
        wait_answers(lambda answers: "n01ex-a" not in answers, own, 7480, limit=1)
