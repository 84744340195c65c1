"""Flows of UDP that the kernel would go on sending where they do not belong any more: datagrams have no end.

Only where conntrack(8) is installed; without it a flow ends after a pause of its client.
"""

import logging
import shutil
from collections.abc import Iterator

from orchestrator.errors import OrchestratorError
from orchestrator.services import nft
from orchestrator.services.commands import run

log = logging.getLogger(__name__)


async def forget_flows(before: nft.Ruleset, after: nft.Ruleset) -> None:
    """Forget the flows to endpoints that are gone, and those that the host answered before its port led to a pod."""
    if shutil.which("conntrack") is None:
        return
    fresh = [port for port in after.doors.keys() - before.doors.keys() if port.protocol == "udp"]
    own = await _own_addresses() if fresh else []
    was, now = nft.moved(before, after)
    for flow in [
        *_to_addresses(was, now),
        *_to_doors(before, was, now),
        # Not those to pods: between a question and its answer, forgetting loses the answer.
        *(("--dport", str(port.number), "--reply-src", ip) for port in sorted(fresh) for ip in own),
    ]:
        try:
            await run("conntrack", "-D", "-p", "udp", *flow)
        except OrchestratorError as error:  # its way to say that there was none
            log.debug("%s", error)


def _to_addresses(was: nft.Ports, now: nft.Ports) -> Iterator[tuple[str, ...]]:
    for key in was:
        for ip in _gone(key, was, now):
            yield "--orig-dst", key.ip, "--dport", str(key.port), "--reply-src", ip


def _to_doors(before: nft.Ruleset, was: nft.Ports, now: nft.Ports) -> Iterator[tuple[str, ...]]:
    for port, door in before.doors.items():
        for ip in _gone(door.address, was, now):
            yield *(("--orig-dst", port.ip) if port.ip else ()), "--dport", str(port.number), "--reply-src", ip


def _gone(key: nft.Address, was: nft.Ports, now: nft.Ports) -> set[str]:
    """The pods behind a port of a Service that are not there any more."""
    if key.protocol != "udp" or key not in was:
        return set()
    kept = now[key].backends if key in now else ()
    return {ip for ip, _ in set(was[key].backends) - set(kept)}


async def _own_addresses() -> list[str]:
    """The host's own IPv4 addresses (ip-address(8): the fourth word of each line, before the length of the prefix)."""
    listed = await run("ip", "-o", "-4", "address")
    return [line.split()[3].partition("/")[0] for line in listed.splitlines()]
