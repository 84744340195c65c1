"""Servers that say their name, and clients that ask: on the host, or in a pod's own network.

A server answers every connection with its name and then sends back whatever it gets, so that one can be kept open.
"""

import contextlib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.host import docker
from tests.e2e.pods import Document, container, pod

LISTENS = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
"""Ready once it listens."""
HAS_FILE = {
    "exec": {"command": ["test", "-e", "/ready"]},
    "periodSeconds": 1,
    "failureThreshold": 1,
    "timeoutSeconds": 30,
}
"""Ready as long as /ready is there; that the machine is busy must not look like a file that is gone."""

_CLIENT = """
import socket, sys, time
kind, ip, port, times, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
for _ in range(times):
    time.sleep(float(sys.argv[6]))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as client:
            client.settimeout(limit)
            client.connect((ip, port))
            if kind == "udp":
                client.send(b"?")
            print(client.recv(99).decode().strip() or "closed", flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
"""
_UDP_SERVER = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", int(sys.argv[2])))
print("bound", flush=True)
while True:
    server.sendto(sys.argv[1].encode(), server.recvfrom(99)[1])
"""
_TELLING_SERVER = """
import socket, sys, threading
place = sys.argv[2], int(sys.argv[1])
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(place)
def answer():
    while True:
        _, peer = datagrams.recvfrom(99)
        datagrams.sendto(peer[0].encode(), peer)
threading.Thread(target=answer, daemon=True).start()
with socket.create_server(place) as server:
    print("bound", flush=True)
    while True:
        client, peer = server.accept()
        client.sendall(peer[0].encode())
        client.close()
"""

REFUSED = "ConnectionRefusedError"


def server(name: str, app: str, port: int = 8080, readiness: Document = LISTENS, **spec: Any) -> Document:
    """A pod whose port, named "talk", answers with the pod's name."""
    talk = {"name": "talk", "containerPort": port}
    script = f"exec nc -ll -p {port} -e sh -c 'echo {name}; exec cat'"
    probe = {**readiness, "tcpSocket": {"port": port}} if "tcpSocket" in readiness else readiness
    return pod(name, container(script, ports=[talk], readinessProbe=probe), labels={"app": app}, **spec)


def service(name: str, app: str, *ports: Document, **spec: Any) -> Document:
    """A Service of the pods of an app; on port 80, to where they talk, unless `ports` say otherwise."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": list(ports) or [{"port": 80, "targetPort": "talk"}], **spec},
    }


def address_of(daemon: Daemon, name: str, namespace: str = "default") -> str:
    """The address that a Service has."""
    found = daemon.wait_for("services", name, lambda each: bool(each["spec"].get("clusterIP")), namespace)
    return str(found["spec"]["clusterIP"])


def range_of(address: str) -> IPv4Network:
    """The Service addresses of a namespace: the upper half of its network."""
    return IPv4Network(f"{address}/23", strict=False)


def pid_of(daemon: Daemon, name: str) -> int:
    """The host's pid of a process in the pod's network."""
    return int(next(one["State"]["Pid"] for one in daemon.containers(name) if one["State"]["Running"]))


def ask(
    ip: str, port: int = 80, pid: int = 0, times: int = 1, kind: str = "tcp", limit: float = 5.0, net: str = ""
) -> Counter[str]:
    """Who answers within `limit` seconds; errors by their class's name.

    Asked from the host, from the network of a pod (the pid of one of its processes), or from a network by its file.
    """
    inside = ("nsenter", "-t", str(pid), "-n") if pid else ("nsenter", f"--net={net}") if net else ()
    words = [*inside, sys.executable, "-Ic", _CLIENT, kind, ip, str(port), str(times), str(limit), "0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=True)
    return Counter(done.stdout.split())


def wait_answers(holds: Callable[[Counter[str]], bool], ip: str, port: int = 80, **how: Any) -> Counter[str]:
    """Ask until the answers are as awaited: the kernel has no watch, and follows the API by some milliseconds."""
    deadline = time.monotonic() + SECONDS
    while not holds(answers := ask(ip, port, **how)):
        if time.monotonic() > deadline:
            raise AssertionError(f"{ip}:{port} did not come to what was awaited; the last answers are {answers}")
    return answers


def leads_to(daemon: Daemon, client: str, name: str) -> set[str]:
    """The addresses that a name has in a pod's hosts file."""
    return _addresses(_process_of(daemon, client), name)


def _addresses(process: Path, name: str) -> set[str]:
    lines = (line.split() for line in (process / "root/etc/hosts").read_text().splitlines())
    return {words[0] for words in lines if name in words[1:]}


def _process_of(daemon: Daemon, name: str) -> Path:
    """What the kernel tells of the process of the pod's container: its files and its environment as it has them."""
    return Path(f"/proc/{docker('inspect', '-f', '{{.State.Pid}}', daemon.engine_id(name, 'main'))}")


def reached(daemon: Daemon, client: str, name: str, port: str = "") -> Counter[str]:
    """Who answers a pod that goes by a Service's name and by its variable of the port (`port`: the port's name).

    It asks every address that the name has.  Whatever carries the Service, this is how it is found.
    """
    process = _process_of(daemon, client)
    suffix = f"_{port.upper()}" if port else ""
    variable = f"{name.upper().replace('-', '_')}_SERVICE_PORT{suffix}="
    (number,) = (
        line.removeprefix(variable)
        for line in (process / "environ").read_text().split("\0")
        if line.startswith(variable)
    )
    found = Counter[str]()
    for ip in _addresses(process, f"{name}.default.svc.cluster.local"):
        found += ask(ip, int(number), int(process.name), times=20)
    return found


def wait_reached(daemon: Daemon, client: str, name: str, *who: str, port: str = "") -> None:
    """Ask by a Service's name until these pods answer and nobody else; none: until it is refused, or leads nowhere."""
    deadline = time.monotonic() + SECONDS
    while set(answers := reached(daemon, client, name, port)) - ({REFUSED} if not who else set()) != set(who):
        if time.monotonic() > deadline:
            raise AssertionError(f"{name} did not come to lead to {who}; the last answers are {answers}")


def wait_datagrams(who: str, ip: str, port: int, **how: Any) -> None:
    """Ask by UDP until three answers of three are `who`.

    Any other answer fails at once, but a datagram may be lost: the engine takes its jump to DOCKER-USER out and puts it
    back whenever someone on this host makes a network, and what is forwarded at that moment is dropped.
    """
    answers = wait_answers(
        lambda answers: answers == {who: 3} or set(answers) - {who, "TimeoutError"} != set(),
        ip,
        port,
        kind="udp",
        times=3,
        limit=1,
        **how,
    )
    assert answers == {who: 3}


@contextlib.contextmanager
def udp_server(daemon: Daemon, name: str, port: int) -> Iterator[None]:
    """Answers datagrams in a pod's network with the pod's name (busybox knows no UDP)."""
    inside = ["nsenter", "-t", str(pid_of(daemon, name)), "-n"]
    with _serving([*inside, sys.executable, "-Ic", _UDP_SERVER, name, str(port)]):
        yield


@contextlib.contextmanager
def telling_server(port: int, pid: int = 0, ip: str = "") -> Iterator[None]:
    """Tells clients, by TCP and by UDP, the address that it sees them at: on the host, or in a pod's network."""
    inside = ["nsenter", "-t", str(pid), "-n"] if pid else []
    with _serving([*inside, sys.executable, "-Ic", _TELLING_SERVER, str(port), ip]):
        yield


@contextlib.contextmanager
def _serving(words: list[str]) -> Iterator[None]:
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "bound\n"
        yield
    finally:
        process.kill()
        process.communicate()


class Stream:
    """One request after another, each by a connection of its own, until the block ends; what came is counted.

    From the host, or from the network of a pod (the pid of one of its processes); with a pause of so many seconds.
    """

    def __init__(self, ip: str, port: int = 80, pid: int = 0, pause: float = 0) -> None:
        inside = ("nsenter", "-t", str(pid), "-n") if pid else ()
        self._words = [*inside, sys.executable, "-Ic", _CLIENT, "tcp", ip, str(port), "1000000000", "5", str(pause)]
        self._more = threading.Condition()
        self.answers: Counter[str] = Counter()

    def __enter__(self) -> "Stream":
        self._process = subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._reader.join()
        self._process.communicate()

    def wait_more(self, count: int = 50) -> None:
        """Wait until this many more requests were answered, or failed."""
        with self._more:
            target = self.answers.total() + count
            if not self._more.wait_for(lambda: self.answers.total() >= target, SECONDS):
                raise AssertionError(f"the requests stand still; so far {self.answers}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.answers[line.strip()] += 1
                self._more.notify_all()
