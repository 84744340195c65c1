"""The sockets at which names are asked for: port 53 of each network's gateway address, UDP and TCP.

They are bound before the network is there (IP_FREEBIND), so that it is known early whether pods can be told of them.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from orchestrator import logs
from orchestrator.errors import OrchestratorError
from orchestrator.services.listeners import is_own, listener

log = logging.getLogger(__name__)

PORT = 53
_IP_FREEBIND = 15
"""ip(7); the socket module of Python 3.11 has no name for it."""
_AT_ONCE = 32
"""Datagrams, and connections, that are taken before others in the loop have their turn."""
_BUSY = 64
"""What waits for someone else, at most; a question beyond that is dropped, and its client asks again."""
_IDLE_SECONDS = 10.0
_LONGEST_DATAGRAM = 4096

Answering = Callable[[bytes, bool], Awaitable[bytes | None] | bytes | None]
"""(packet, whether it came by TCP): the packet to send back, at once or later, None for silence."""


class DnsSockets:
    """The sockets of one daemon; `answering` is asked for each packet that comes from `clients`."""

    def __init__(self, clients: IPv4Network, answering: Answering, port: int = PORT) -> None:
        self._clients = clients
        self._answering = answering
        self._port = port
        self._open: dict[str, tuple[socket.socket, socket.socket]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._busy = 0

    def __contains__(self, address: str) -> bool:
        return address in self._open

    def open(self, address: str) -> None:
        """Answer at this address from now on; OrchestratorError says why that cannot be."""
        if address in self._open:
            return
        datagrams = _bound(socket.SOCK_DGRAM, address, self._port)
        try:
            streams = _bound(socket.SOCK_STREAM, address, self._port)
        except OrchestratorError:
            datagrams.close()
            raise
        self._open[address] = datagrams, streams
        loop = asyncio.get_running_loop()
        loop.add_reader(datagrams, self._read, datagrams)
        loop.add_reader(streams, self._accept, streams)

    def keep(self, addresses: Collection[str]) -> None:
        """Close the sockets at all other addresses."""
        for address in self._open.keys() - set(addresses):
            for each in self._open.pop(address):
                asyncio.get_running_loop().remove_reader(each)
                each.close()

    async def run(self) -> None:
        """Do what takes longer than a moment, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                await asyncio.get_running_loop().create_future()
        finally:
            self._tasks, self._busy = None, 0

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is None or self._busy >= _BUSY:
            work.close()
            return
        self._busy += 1
        self._tasks.create_task(self._guarded(work), name="dns")

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.debug("a client went away: %s", error)
        except Exception as error:
            logs.surprise(log, "cannot answer a question for a name", error)
        finally:
            self._busy -= 1

    # --- UDP ---

    def _read(self, datagrams: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                packet, client = datagrams.recvfrom(_LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:  # an answer of ours that nobody waited for came back
                log.debug("%s", error)
                continue
            if self._may_ask(client):
                self._answer(datagrams, packet, client)

    def _answer(self, datagrams: socket.socket, packet: bytes, client: tuple[str, int]) -> None:
        answer = self._answering(packet, False)
        if isinstance(answer, bytes):
            _send(datagrams, answer, client)
        elif answer is not None:
            self._begin(self._answer_later(datagrams, answer, client))

    async def _answer_later(
        self, datagrams: socket.socket, answer: Awaitable[bytes | None], client: tuple[str, int]
    ) -> None:
        packet = await answer
        if packet is not None and datagrams.fileno() >= 0:
            _send(datagrams, packet, client)

    def _may_ask(self, client: tuple[str, int]) -> bool:
        """Our pods, and the host itself, by any of its addresses: the engine may masquerade what it sends to itself."""
        return IPv4Address(client[0]) in self._clients or is_own(client[0])

    # --- TCP ---

    def _accept(self, streams: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, client = streams.accept()
            except OSError:  # no more now, or the client has gone, or there are no descriptors
                return
            if self._tasks is None or self._busy >= _BUSY or not self._may_ask(client):
                connection.close()
                continue
            connection.setblocking(False)
            self._begin(self._talk(connection))

    async def _talk(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    packet = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                    answer = self._answering(packet, True)
                    if answer is not None and not isinstance(answer, bytes):
                        answer = await answer
                    if answer is None:
                        return
                    writer.write(len(answer).to_bytes(2) + answer)
                    await writer.drain()
        finally:
            writer.close()


def _bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
    try:
        made.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        if kind is socket.SOCK_STREAM:
            # Connections of an earlier daemon are not in the way; whoever listens is.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        if kind is socket.SOCK_STREAM:
            made.listen()
    except OSError as error:
        made.close()
        raise OrchestratorError(_why(error, kind, address, port)) from error
    return made


def _why(error: OSError, kind: socket.SocketKind, address: str, port: int) -> str:
    protocol = "TCP" if kind is socket.SOCK_STREAM else "UDP"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"only root may answer at port {port}"
    if error.errno == errno.EADDRINUSE:
        holder = listener(protocol, port)  # type: ignore[arg-type]
        return f"port {port}/{protocol} of {address} is taken by {holder or 'another process'}"
    return f"cannot answer at port {port} of {address}: {os.strerror(error.errno or 0)}"


def _send(datagrams: socket.socket, packet: bytes, client: tuple[str, int]) -> None:
    with suppress(OSError):  # it asks again
        datagrams.sendto(packet, client)
