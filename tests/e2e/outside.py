"""Another machine, as far as this host can tell: a network of its own behind a cable of two virtual interfaces."""

import contextlib
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from tests.e2e.daemon import SECONDS


@dataclass(frozen=True)
class Outside:
    """`net` is the file of its network, for `ask`; `address` its own, `host` the host's at the other end."""

    net: str
    address: str
    host: str


@contextlib.contextmanager
def outside() -> Iterator[Outside]:
    """A client of another machine, of the range for such tests (RFC 2544); nothing leaves this one."""
    name, number = f"out-{uuid.uuid4().hex[:8]}", int.from_bytes(os.urandom(2)) % (1 << 14)
    network = f"198.{18 + (number >> 13)}.{number >> 6 & 127}."
    host, address = (f"{network}{(number & 63) * 4 + each}" for each in (1, 2))
    here, there = f"veth{name[4:]}", f"vetx{name[4:]}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("addr", "add", f"{host}/30", "dev", here)
        _ip("link", "set", here, "up")
        for words in (["link", "set", "lo"], ["link", "set", there]):
            _ip("-n", name, *words, "up")
        _ip("-n", name, "addr", "add", f"{address}/30", "dev", there)
        _ip("-n", name, "route", "add", "default", "via", host)
        yield Outside(f"/run/netns/{name}", address, host)
    finally:
        # The network ends with its last process, and takes its end of the cable with it; ours goes at once.
        subprocess.run(["ip", "link", "del", here], capture_output=True, timeout=SECONDS)
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=SECONDS)
