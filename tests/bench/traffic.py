"""Requests a second, and the slowest hundredth: a Service's address, and the engine's proxy, against the pod's own.

One client asks one request after another, over standing connections and by a new one for each, from the host and from
a pod.  The server answers at once, so a request takes some twenty microseconds: the least favourable measure of what
the way adds.  All places are asked in turns of milliseconds; the median of the ratios counts.
"""

import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.asking import Compared, answering, compared
from tests.e2e.daemon import Daemon
from tests.e2e.host import docker
from tests.e2e.pods import FOR_EVER, pod, text
from tests.e2e.traffic import REFUSED, address_of, pid_of, service, wait_answers
from tests.images import busybox_image

RATE_BAR, SLOWEST_BAR = 0.95, 1.1
"""What is left of the rate, and how much the slowest hundredth may grow, by the Service's address (issue 5)."""
_DIRECT, _BEHIND, _PUBLISHED = 8080, 8081, 8082
"""Ports of the server: one for each way, so that their connections never look alike to it."""
_KINDS = (("keep", "standing connections"), ("new", "new connections"))


def main() -> int:
    """Measure and print; exit code 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), busybox_image(), "--log-level", "info", reads=False)
        try:
            daemon.start()
            return _measured(daemon)
        finally:
            daemon.down()


def _measured(daemon: Daemon) -> int:
    web = service("web", "bench", {"port": 80, "targetPort": _BEHIND})
    daemon.write(text(web, pod("web", FOR_EVER, labels={"app": "bench"}), pod("client", FOR_EVER)))
    ip = daemon.wait_ready("web")["status"]["podIP"]
    daemon.wait_ready("client")
    address, client, missed = address_of(daemon, "web"), pid_of(daemon, "client"), 0
    with answering(pid_of(daemon, "web"), (_DIRECT, _BEHIND)), _published() as proxy:
        # An HTTP server says nothing before it is asked; without endpoints the connection is refused.
        wait_answers(lambda answers: REFUSED not in answers, address, limit=0.2)
        floor, ours = f"{ip}:{_DIRECT}", f"{address}:80"
        for how, kind in _KINDS:
            direct, by_service, by_proxy = compared(how, [floor, ours, proxy])
            missed += _tell(f"Service against pod, host, {kind}", direct, by_service, bars=True)
            _tell(f"engine's proxy against pod, host, {kind}", direct, by_proxy, bars=False)
            direct, by_service = compared(how, [floor, ours], client)
            missed += _tell(f"Service against pod, pod, {kind}", direct, by_service, bars=True)
    return min(missed, 1)


@contextmanager
def _published() -> Iterator[str]:
    """The same server in a container of the engine's own, on a port of 127.0.0.1: there the proxy answers."""
    network = f"bench{uuid.uuid4().hex[:6]}"
    docker("network", "create", "--subnet", "10.198.0.0/24", network)
    try:
        port = ("-p", f"127.0.0.1::{_PUBLISHED}")
        made = docker("run", "-d", "--rm", "--init", "--network", network, *port, busybox_image(), "sleep", "3600")
        try:
            with answering(int(docker("inspect", "-f", "{{.State.Pid}}", made)), [_PUBLISHED]):
                yield docker("port", made, str(_PUBLISHED))
        finally:
            docker("rm", "-f", made)
    finally:
        docker("network", "rm", network)


def _tell(title: str, floor: Compared, ours: Compared, *, bars: bool) -> int:
    """Print both lines of a way; how many bars it misses."""
    rate, slowest = ours.rate_ratio >= RATE_BAR, ours.slowest_ratio <= SLOWEST_BAR
    _line(f"{title}: requests", "/s", ours.rate, floor.rate, ours.rate_ratio, RATE_BAR if bars else None, rate)
    _line(
        f"{title}: 99 of 100 within",
        "us",
        ours.slowest,
        floor.slowest,
        ours.slowest_ratio,
        SLOWEST_BAR if bars else None,
        slowest,
    )
    return (not rate) + (not slowest) if bars else 0


def _line(title: str, unit: str, ours: float, floor: float, ratio: float, bar: float | None, good: bool) -> None:
    told = "" if bar is None else f"{bar:>7.2f}{'' if good else '  missed'}"
    print(f"{title:68}{ours:>8.0f}{unit}{floor:>8.0f}{unit}{ratio:>8.3f}{told}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
