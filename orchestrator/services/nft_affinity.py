"""The text of `sessionAffinity: ClientIP`: clients that stay with their endpoint.  Pure.

As in kube-proxy's mode nftables, each endpoint of a sticky Service's port has a set of its clients, whose elements end
after `timeoutSeconds` without a new connection:

    clients-5e0c...   ip saddr @affinity-10.201.2.40-tcp-80-10800s-10.201.0.7-8080 goto stay-... (the same)
                      and so on for each endpoint, then one of them at random
    stay-...          update @affinity-... { ip saddr }, then dnat to 10.201.0.7:8080

The ports of the host that lead to the Service lead to the same chain, so a client is one client whichever way it comes.
An endpoint's set and chain keep their names as long as it is ready, whoever comes and goes beside it: a change leaves
them alone.  The chain that chooses is named after what it says, and is another one after each change.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.services.nft_pieces import Piece, elements

Clients = Mapping[str, Mapping[str, int]]
"""By the name of a set: its clients' addresses, and for how many seconds each of them stays."""


@dataclass(frozen=True, slots=True)
class Affinity:
    """Clients of this port of a Service ("10.201.2.40 . tcp . 80") stay for `seconds` after their last connection."""

    port: str
    seconds: int


Endpoint = tuple[str, int]


def choice(affinity: Affinity, endpoints: tuple[Endpoint, ...]) -> str:
    """The chain that leads a client to its endpoint, or a new one to any."""
    words = " ".join(_name(affinity, endpoint) for endpoint in endpoints)
    return f"clients-{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def pieces(affinity: Affinity, endpoints: tuple[Endpoint, ...]) -> Iterator[Piece]:
    """What such a port needs; needed ones first."""
    lookups = []
    for ip, port in endpoints:
        name = _name(affinity, (ip, port))
        kept = f"type ipv4_addr; flags dynamic,timeout; timeout {affinity.seconds}s;"
        yield Piece("set", f"affinity-{name}", (kept,))
        # Two rules: where the set is full, the first one ends, and the client is served all the same.
        translate = f"meta l4proto {{ tcp, udp, sctp }} dnat to {ip}:{port}"
        yield Piece("chain", f"stay-{name}", (f"update @affinity-{name} {{ ip saddr }}", translate))
        lookups.append(f"ip saddr @affinity-{name} goto stay-{name}")
    stays = [f"goto stay-{_name(affinity, endpoint)}" for endpoint in endpoints]
    chosen = ", ".join(f"{index} : {stay}" for index, stay in enumerate(stays))
    anyone = f"numgen random mod {len(stays)} vmap {{ {chosen} }}" if len(stays) > 1 else stays[0]
    yield Piece("chain", choice(affinity, endpoints), (*lookups, anyone))


def clients(listing: str) -> Clients:
    """Who stays where, as `nft -j list sets` says it."""
    found: dict[str, dict[str, int]] = {}
    for each in json.loads(listing)["nftables"]:
        declared = each.get("set", {})
        if declared.get("name", "").startswith("affinity-"):
            staying = (one["elem"] for one in declared.get("elem", ()))
            # It says 0 within the last second, which the kernel would not take for a time.
            found[declared["name"]] = {one["val"]: max(one["expires"], 1) for one in staying}
    return found


def put_back(table: str, sets: Mapping[Piece, None], known: Clients) -> list[str]:
    """The commands that have clients stay where they did, for the rest of their time, where there is such a place."""
    return [
        line
        for piece in sets
        if piece.kind == "set"
        for line in elements(
            "add",
            table,
            piece.name,
            (f"{ip} expires {seconds}s" for ip, seconds in sorted(known.get(piece.name, {}).items())),
        )
    ]


def _name(affinity: Affinity, endpoint: Endpoint) -> str:
    ip, port = endpoint
    return f"{affinity.port.replace(' . ', '-')}-{affinity.seconds}s-{ip}-{port}"
