"""One GET, as probes and hooks need it: a connection of its own, a bounded body, no redirects, no cookies.

A host with thirty pods makes thirty of these a second for ever, so it costs a fifth of what a full client does: an
asyncio protocol in front of httptools' parser.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httptools

_HEAD_LIMIT = 64 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """Status code, the Location header ("" without one), and the body up to the asked size."""

    status: int
    location: str
    body: bytes


async def http_get(
    host: str, port: int, target: str, headers: Mapping[str, str], *, tls: bool, max_body: int
) -> Response:
    """GET `target` ("/path?query").  OSError when it cannot connect, ValueError when the answer is not HTTP.

    The caller sets the time limit.  Certificates are not checked.
    """
    loop = asyncio.get_running_loop()
    request = _request(host, port, target, headers, tls=tls)
    if not tls and _is_ipv4(host):
        return await _on_a_bare_socket(loop, host, port, _Exchange(request, max_body))
    context = _unchecked() if tls else None
    transport, exchange = await loop.create_connection(lambda: _Exchange(request, max_body), host, port, ssl=context)
    try:
        return await exchange.response
    finally:
        transport.abort()


async def _on_a_bare_socket(loop: asyncio.AbstractEventLoop, host: str, port: int, exchange: "_Exchange") -> Response:
    """What nearly every probe is, without a transport: it takes half the time."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sock:
        await _send_at_once(loop, sock, (host, port), exchange.request)
        while not exchange.response.done():
            if data := await loop.sock_recv(sock, _CHUNK):
                exchange.data_received(data)
            else:
                exchange.connection_lost(None)
    return exchange.response.result()


async def _send_at_once(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, address: tuple[str, int], request: bytes
) -> None:
    """Connect and send.  On one host the handshake is over when `connect` comes back: to await costs a third more."""
    with suppress(BlockingIOError):
        sock.connect(address)
    sent = 0
    try:
        sent = sock.send(request)
    except BlockingIOError:
        await loop.sock_connect(sock, address)
    if sent < len(request):
        await loop.sock_sendall(sock, request[sent:])


def _is_ipv4(host: str) -> bool:
    try:
        return host.count(".") == 3 and bool(socket.inet_pton(socket.AF_INET, host))
    except OSError:
        return False


class _Exchange(asyncio.Protocol):
    """Sends the request, and collects the answer until it is whole, long enough, or the other side ends."""

    def __init__(self, request: bytes, max_body: int) -> None:
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.request = request
        self._max_body = max_body
        self._parser = httptools.HttpResponseParser(self)
        # Lines that end in a bare LF, as shell scripts write them, are good for Go's client, and so for a kubelet.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_data_after_close=True)
        self._location = b""
        self._body = b""
        self._head_bytes = 0
        self._in_body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.response.done():
            return
        if not self._in_body:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_LIMIT + self._max_body:
                self._fail(ValueError("the answer's headers do not end"))
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._succeed()
        except httptools.HttpParserError as error:
            self._fail(ValueError(f"malformed HTTP response: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.response.done():
            return
        if self._in_body:
            # A body without a length ends with the connection.
            self._succeed()
        else:
            self._fail(exc or ConnectionResetError("EOF"))

    # --- httptools' callbacks ---

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if name.lower() == b"location":
            self._location = value

    def on_headers_complete(self) -> None:
        """The head is whole; 1xx answers are followed by another."""
        self._in_body = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body += body[: self._max_body - len(self._body)]
        if len(self._body) >= self._max_body:
            self._succeed()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._in_body:
            self._succeed()

    def _succeed(self) -> None:
        if not self.response.done():
            location = self._location.decode("latin-1")
            self.response.set_result(Response(self._parser.get_status_code(), location, self._body))

    def _fail(self, error: Exception) -> None:
        if not self.response.done():
            self.response.set_exception(error)


def _request(host: str, port: int, target: str, headers: Mapping[str, str], *, tls: bool) -> bytes:
    """The request's bytes; a header given by the user (Host above all) wins over ours."""
    given = {name.lower() for name in headers}
    lines = [f"GET {target} HTTP/1.1"]
    if "host" not in given:
        usual = port == (443 if tls else 80)
        lines.append(f"Host: {bracketed(host)}" if usual else f"Host: {host_port(host, port)}")
    lines += [f"{name}: {value}".replace("\r", " ").replace("\n", " ") for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def host_port(host: str, port: int) -> str:
    """A server as an URL has it: "web:80", "[::1]:80"."""
    return f"{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """A host as an URL has it: an address of IPv6 stands in brackets."""
    return f"[{host}]" if ":" in host else host


def _unchecked() -> ssl.SSLContext:
    """Probes over HTTPS check no certificate, as in Kubernetes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
