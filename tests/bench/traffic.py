"""Requests a second, and the slowest hundredth: a Service's address, and the engine's proxy, against the pod's own.

`wrk` asks, from the host, by a new connection for each request (the server closes them).  The three are asked in turn,
again and again, and compared within each turn, so that whatever else the machine does falls on all of them; the median
of these ratios counts.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.subject import pod_text
from tests.e2e.daemon import Daemon, docker
from tests.e2e.pods import text
from tests.e2e.traffic import REFUSED, address_of, service, wait_answers
from tests.images import busybox_image

ROUNDS = 21
SECONDS = 1
RATE_BAR, SLOWEST_BAR = 0.95, 1.1
"""What is left of the rate, and how much the slowest hundredth may grow, by the Service's address (issue 5)."""
_SERVER = ("httpd", "-f", "-p", "8080", "-h", "/etc")


def main() -> int:
    """Measure and print; exit code 1 when a bar is missed."""
    if shutil.which("wrk") is None and subprocess.run(["scripts/apt.sh", "wrk"]).returncode:
        print("traffic of Services: not measured, for wrk cannot be installed")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), busybox_image(), "--log-level", "info", reads=False)
        try:
            with _published() as container:
                daemon.start()
                return _told(_measured(_places(daemon, container)))
        finally:
            daemon.down()


@contextmanager
def _published() -> Iterator[str]:
    """The same server in a container of the engine's own, on a port of 127.0.0.1: there the proxy answers."""
    network = f"bench{uuid.uuid4().hex[:6]}"
    docker("network", "create", "--subnet", "10.198.0.0/24", network)
    try:
        port = ("-p", "127.0.0.1::8080")
        made = docker("run", "-d", "--rm", "--init", "--network", network, *port, busybox_image(), *_SERVER)
        try:
            yield made
        finally:
            docker("rm", "-f", made)
    finally:
        docker("network", "rm", network)


def _places(daemon: Daemon, published: str) -> dict[str, str]:
    # What a container of the engine's own has unless told otherwise: 1024 shares of the CPU.
    share = "    resources: {requests: {cpu: 1}}\n"
    daemon.write(pod_text("web", daemon.image, probe=True) + share, "web.yaml")
    daemon.write(text(service("web", "bench", {"port": 80, "targetPort": 8080})), "service.yaml")
    ip = daemon.wait_ready("web")["status"]["podIP"]
    address = address_of(daemon, "web")
    # An HTTP server says nothing before it is asked; without endpoints the connection is refused.
    wait_answers(lambda answers: REFUSED not in answers, address, limit=0.2)
    return {"pod": f"{ip}:8080", "service": address, "proxy": docker("port", published, "8080")}


def _measured(places: dict[str, str]) -> list[dict[str, tuple[float, float]]]:
    """Of each turn and place, requests a second and milliseconds below which 99 of 100 stay."""
    turns = [{name: _wrk(place) for name, place in places.items()} for _ in range(ROUNDS + 1)]
    return turns[1:]  # the first warms up


def _wrk(place: str) -> tuple[float, float]:
    words = ["wrk", "-t", "1", "-c", "8", "-d", str(SECONDS), "--latency", f"http://{place}/passwd"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    rate, slowest = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if rate is None or slowest is None or "Non-2xx" in said:
        raise RuntimeError(f"wrk did not measure {place}: {said}")
    return float(rate[1]), float(slowest[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[slowest[2]]


def _told(turns: list[dict[str, tuple[float, float]]]) -> int:
    missed = 0
    for name, title in (("service", "Service"), ("proxy", "engine's port, proxy")):
        for index, (what, unit) in enumerate((("requests", "/s"), ("99 of 100 within", "ms"))):
            ours, floor = (statistics.median(turn[place][index] for turn in turns) for place in (name, "pod"))
            ratio = statistics.median(turn[name][index] / turn["pod"][index] for turn in turns)
            line = f"{f'{title} against pod: {what}':44}{ours:>7.1f}{unit}{floor:>8.1f}{unit}{ratio:>8.2f}"
            good = name == "proxy" or (ratio >= RATE_BAR if index == 0 else ratio <= SLOWEST_BAR)
            bar = "" if name == "proxy" else f"{(RATE_BAR, SLOWEST_BAR)[index]:>7.2f}"
            print(f"{line}{bar}{'' if good else '  missed'}", flush=True)
            missed += not good
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
