"""No packet for a pod's or a Service's address may leave this host: a guard at the uplink that counts, and drops.

What is asked for after its network is gone, or before it is there, would follow the default route to strangers.
"""

import contextlib
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from tests.e2e.daemon import SECONDS

RANGES = ("10.201.0.0/16", "10.222.0.0/16", "10.223.0.0-10.250.255.255")
"""The default pool, and those that daemons of tests get."""
_NEVER_OUT = ("lo", "orc-*", "br-*", "veth*", "docker*")
"""Where there is no default route, every other interface is taken for an uplink."""


@dataclass(frozen=True)
class Uplink:
    """The guard's table."""

    table: str

    def leaked(self, ranges: Iterable[str] = ("0.0.0.0/0",)) -> list[str]:
        """What would have left for these networks, as "source -> destination".

        The guard sees the whole host, other sessions of tests too: each answers for its own daemons.
        """
        words = ["nft", "-j", "list", "set", "ip", self.table, "leaked"]
        listed = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=SECONDS).stdout)
        (found,) = (each["set"] for each in listed["nftables"] if "set" in each)
        own = [IPv4Network(each) for each in ranges]
        pairs = [element["concat"] for element in found.get("elem", [])]
        return [" -> ".join(pair) for pair in pairs if any(IPv4Address(pair[1]) in each for each in own)]


@contextlib.contextmanager
def guarded_uplink(*ranges: str) -> Iterator[Uplink | None]:
    """Guard it until the block ends, from packets to these ranges; None where that cannot be (no root, no nft)."""
    if os.geteuid() != 0 or shutil.which("nft") is None:
        yield None
        return
    uplink = Uplink(f"uplink-guard-{uuid.uuid4().hex[:8]}")
    _nft(_script(uplink.table, ranges, _default_interfaces()))
    try:
        yield uplink
    finally:
        _nft(f"delete table ip {uplink.table}\n")


def _script(table: str, ranges: Iterable[str], interfaces: list[str]) -> str:
    inner = [f'oifname "{name}" accept' for name in _NEVER_OUT] if not interfaces else []
    which = f"oifname {{ {', '.join(json.dumps(name) for name in interfaces)} }} " if interfaces else ""
    lines = [
        f"table ip {table} {{",
        "set ranges { type ipv4_addr; flags interval; elements = { " + ", ".join(ranges) + " }; }",
        "set leaked { type ipv4_addr . ipv4_addr; flags dynamic; size 4096; }",
        "chain out {",
        "type filter hook postrouting priority 300; policy accept;",
        *inner,
        f"{which}ip daddr @ranges add @leaked {{ ip saddr . ip daddr }} drop",
        "}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _default_interfaces() -> list[str]:
    """Those of the default routes."""
    words = ["ip", "-j", "-4", "route", "show"]
    routes = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=SECONDS).stdout or b"[]")
    return sorted({route["dev"] for route in routes if route["dst"] == "default"})


def _nft(script: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=script.encode(), check=True, timeout=SECONDS)
