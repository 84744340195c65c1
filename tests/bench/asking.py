"""A server that answers at once, and a client that asks places in turn: some requests here, as many there, and again.

Whatever else the machine does falls on all places alike, for a turn takes milliseconds.  Neither has a cost of its own
worth speaking of, so what is seen is the way between them.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_SERVER = """
import selectors, socket, sys
ready = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    listener = socket.create_server(("", port), backlog=512)
    ready.register(listener, selectors.EVENT_READ)
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
print("bound", flush=True)
def end(one):
    ready.unregister(one)
    one.close()
while True:
    for key, _ in ready.select():
        one = key.fileobj
        if key.data is None:
            client, _ = one.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(client, selectors.EVENT_READ, "client")
            continue
        try:
            asked = one.recv(4096)
            if asked:
                one.send(answer)
            if not asked or b"close" in asked:
                end(one)
        except OSError:
            end(one)
"""
_CLIENT = """
import json, socket, sys, time
how, rounds, turn = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
places = [(host, int(port)) for host, _, port in (place.rpartition(":") for place in sys.argv[4:])]
new = how == "new"
words = b"GET / HTTP/1.1\\r\\nHost: bench\\r\\n" + (b"Connection: close\\r\\n" if new else b"") + b"\\r\\n"
def connect(place):
    made = socket.create_connection(place, 10)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
standing = {} if new else {place: connect(place) for place in places}
took = [[] for _ in places]
for count in range(rounds):
    for index in range(len(places)):
        chosen = (index + count) % len(places)
        place, times = places[chosen], []
        for _ in range(turn):
            begun = time.perf_counter()
            one = connect(place) if new else standing[place]
            one.send(words)
            if not one.recv(99):
                raise SystemExit(f"{place} does not answer")
            times.append(time.perf_counter() - begun)
            if new:
                one.close()
        took[chosen].append(times)
print(json.dumps(took))
"""
TURN = 40
"""Requests to one place before the next one's turn."""
ROUNDS = {"keep": 1000, "new": 200}
_GROUP = 20
"""Rounds that make one figure of the slowest hundredth."""


@dataclass(frozen=True)
class Compared:
    """One place: requests a second, the slowest hundredth in microseconds, and medians of ratios to the first place.

    The rate is that of a turn's median request: a turn that was interrupted says nothing of the way.  The slowest
    hundredth has every request in it.
    """

    rate: float
    slowest: float
    rate_ratio: float
    slowest_ratio: float


@contextmanager
def answering(pid: int, ports: Sequence[int]) -> Iterator[None]:
    """A server at these ports in the network of a process."""
    words = ["nsenter", "-t", str(pid), "-n", sys.executable, "-Ic", _SERVER, *map(str, ports)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "bound\n":
            raise RuntimeError("the bench's server cannot listen")
        yield
    finally:
        process.kill()
        process.communicate()


def compared(how: str, places: Sequence[str], pid: int = 0) -> list[Compared]:
    """Ask all places ("10.0.0.1:80") in turn, over standing connections ("keep") or "new" ones; the first is the floor.

    From the host, or from the network of a process.  Two places must not be one port of one pod: connections by two
    ways would meet there as one pair of addresses, and wait for each other to be forgotten (TIME_WAIT).
    """
    inside = ("nsenter", "-t", str(pid), "-n") if pid else ()
    rounds = ROUNDS[how]
    words = [*inside, sys.executable, "-Ic", _CLIENT, how, str(rounds + _GROUP), str(TURN), *places]
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout
    took: list[list[list[float]]] = [each[_GROUP:] for each in json.loads(said)]  # the first rounds warm up
    rates = [[1 / statistics.median(turn) for turn in turns] for turns in took]
    slowest = [[_slowest(turns[at : at + _GROUP]) for at in range(0, rounds, _GROUP)] for turns in took]
    return [
        Compared(
            statistics.median(rates[index]),
            1e6 * statistics.median(slowest[index]),
            statistics.median(ours / floor for ours, floor in zip(rates[index], rates[0], strict=True)),
            statistics.median(ours / floor for ours, floor in zip(slowest[index], slowest[0], strict=True)),
        )
        for index in range(len(places))
    ]


def _slowest(turns: Sequence[Sequence[float]]) -> float:
    """Below it stay 99 of 100."""
    every = sorted(time for turn in turns for time in turn)
    return every[len(every) * 99 // 100]
