"""Asks the host's own servers, for what an alias leads to outside, and for pods that cannot reach them themselves."""

import asyncio
import logging
from collections.abc import Callable

from orchestrator.errors import OrchestratorError

log = logging.getLogger(__name__)

PORT = 53
_SECONDS = 2.0
"""How long one server may take.  The engine's resolver waits four, and then asks another of its servers."""
_SERVERS = 3
_TRUNCATED = 0x02
"""A bit of the header's third byte, RFC 1035 section 4.1.1."""

IsAnswer = Callable[[bytes, bytes], bool]
"""(query, packet): whether the packet answers the query."""


async def look_up(query: bytes, servers: tuple[str, ...], is_answer: IsAnswer) -> bytes | None:
    """What the first server that answers says, None when none does.  A truncated answer is asked for again by TCP."""
    for server in servers[:_SERVERS]:
        try:
            async with asyncio.timeout(_SECONDS):
                packet = await _by_datagram(query, server, is_answer)
                if packet[2] & _TRUNCATED:
                    packet = await _by_stream(query, server)
        except (OSError, TimeoutError, OrchestratorError, asyncio.IncompleteReadError) as error:
            log.debug("cannot ask the name server %s: %s", server, error or "it does not answer")
            continue
        if is_answer(query, packet):
            return packet
    return None


class _Client(asyncio.DatagramProtocol):
    """Takes the first datagram that is the answer; others are somebody's attempt to be it."""

    def __init__(self, query: bytes, is_answer: IsAnswer) -> None:
        self._query = query
        self._is_answer = is_answer
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _address: object) -> None:
        if not self.answer.done() and self._is_answer(self._query, data):
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(OrchestratorError(str(exc)))


async def _by_datagram(query: bytes, server: str, is_answer: IsAnswer) -> bytes:
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Client(query, is_answer), remote_addr=(server, PORT)
    )
    try:
        transport.sendto(query)
        return await client.answer
    finally:
        transport.close()


async def _by_stream(query: bytes, server: str) -> bytes:
    reader, writer = await asyncio.open_connection(server, PORT)
    try:
        writer.write(len(query).to_bytes(2) + query)
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    finally:
        writer.close()
