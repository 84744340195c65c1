"""Who asks for names, and a name server like those that a host has; both with the daemon's own DNS library."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator

from tests.e2e.daemon import SECONDS

ENGINE = "127.0.0.11"
"""The engine's own resolver, in each pod's network."""

_CLIENT = """
import sys, dns.message, dns.query, dns.rcode
server, by, *questions = sys.argv[1:]
for question in questions:
    name, _, kind = question.partition("/")
    try:
        reply = getattr(dns.query, by)(dns.message.make_query(name, kind or "A"), server, timeout=20)
    except (OSError, EOFError) as error:
        print(type(error).__name__, flush=True)
        continue
    words = [dns.rcode.to_text(reply.rcode())] if reply.rcode() else []
    words += sorted(f"{dns.rdatatype.to_text(rrset.rdtype)} {each}" for rrset in reply.answer for each in rrset)
    print("; ".join(words), flush=True)
"""
_SERVER = """
import socket, sys, dns.message, dns.rrset
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
print("bound", flush=True)
while True:
    packet, client = server.recvfrom(4096)
    query = dns.message.from_wire(packet)
    question = query.question[0]
    reply = dns.message.make_response(query)
    if question.rdtype == 1:
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", sys.argv[2]))
    print(question.name, flush=True)
    server.sendto(reply.to_wire(), client)
"""


def ask(*questions: str, server: str = ENGINE, pid: int = 0, net: str = "", by: str = "udp") -> list[str]:
    """Answer of each question ("NAME" or "NAME/SRV"), in order: "A 10.2.0.1; A 10.2.0.2".

    Asked in the network of a process, in one by its file, or on the host.
    """
    inside = ("nsenter", "-t", str(pid), "-n") if pid else ("nsenter", f"--net={net}") if net else ()
    words = [*inside, sys.executable, "-Ic", _CLIENT, server, by, *questions]
    done = subprocess.run(words, capture_output=True, text=True, timeout=3 * SECONDS, check=True)
    return done.stdout.splitlines()


class NameServer:
    """Says that every name leads to one address, and keeps what it was asked."""

    def __init__(self, address: str, leads_to: str) -> None:
        words = [sys.executable, "-Ic", _SERVER, address, leads_to]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "bound\n"
        self.asked: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.asked.extend(line.strip() for line in self._process.stdout)

    def close(self) -> None:
        """End it; `asked` is whole then."""
        assert self._process.stdout is not None
        self._process.kill()
        self._reader.join()
        self._process.stdout.close()
        self._process.wait()


@contextlib.contextmanager
def name_server(address: str, leads_to: str) -> Iterator[NameServer]:
    """A name server at port 53 of an address of this host."""
    server = NameServer(address, leads_to)
    try:
        yield server
    finally:
        server.close()
