"""Questions from inside of a pod's network, to see whether they get through: nothing of them leaves the host.

A thread of its own enters the network (setns(2) counts for one thread) and ends there.
"""

import asyncio
import ctypes
import errno
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

Outcome = Literal["answered", "refused", "forbidden", "silent"]
"""`forbidden`: an error other than that nobody listens, as a firewall's reject gives it."""
Question = Callable[[], Outcome]

_NEWNET = 0x40000000
_SECONDS = 2.5
"""For one try: the kernel repeats the first packet of a connection after a second."""
_TRIES = 2
_FORBIDDEN = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)
_ID = b"od"
_NAME = b"\x06doctor\x00\x00\x01\x00\x01"
"""A name without a dot, which nobody's server is asked for; type A, class IN (RFC 1035, 4.1.2)."""


async def ask_from(pid: int, question: Question) -> Outcome | None:
    """Ask from the network of this process; None where it has ended or cannot be entered."""
    with ThreadPoolExecutor(1) as own:
        return await asyncio.get_running_loop().run_in_executor(own, _inside, pid, question)


def name_by_datagram(server: str, port: int = 53) -> Outcome:
    """Ask a name server for a name that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(_SECONDS)
        outcome: Outcome = "silent"
        for _ in range(_TRIES):
            outcome = _outcome(lambda: _exchange(client, server, port))
            if outcome != "silent":
                break
        return outcome


def connection(address: str, port: int) -> Outcome:
    """Connect, and say nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(_SECONDS)
        return _outcome(lambda: client.connect((address, port)))


def _exchange(client: socket.socket, server: str, port: int) -> None:
    client.connect((server, port))
    client.send(_ID + b"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + _NAME)
    client.recv(512)


def _outcome(ask: Callable[[], None]) -> Outcome:
    try:
        ask()
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        if error.errno in _FORBIDDEN:
            return "forbidden"
        raise
    return "answered"


def _inside(pid: int, question: Question) -> Outcome | None:
    try:
        network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if ctypes.CDLL(None, use_errno=True).setns(network, _NEWNET):
            return None
        return question()
    finally:
        os.close(network)
