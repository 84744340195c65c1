"""A registry that fails as it is told: an HTTP server on 127.0.0.1 in front of a real one.

    faults.on("/manifests/1", Refuse(429, {"Retry-After": "1"}))

The first rule whose text is in the path of a request is used, until its `times` are over; all else is passed on.
"""

import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.registry import Registry

_PASSED_ON = ("Accept", "Authorization", "Range")
SECONDS = 60.0
_TLS_HELLO = b"\x16"
_NO_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n"


@dataclass
class Fault:
    """What is done to a request instead of passing it on, so many times."""

    times: int = 1_000_000


@dataclass
class Refuse(Fault):
    """An error, in a registry's own form."""

    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"errors": [{"code": "UNKNOWN", "message": "it is broken"}]}'


@dataclass
class Garble(Fault):
    """An answer of the right kind with another content."""

    body: bytes = b"{"


@dataclass
class Cut(Fault):
    """The answer's beginning, then the connection's end."""

    after: int = 1000


@dataclass
class Hold(Fault):
    """The answer's beginning; the rest comes when `go` is set.  `held` is set once it waits."""

    after: int = 1000
    go: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)


class Faults:
    """The server; `address` stands in images' names, `asked` are the requests: method, path, and range."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.asked: list[tuple[str, str, str]] = []
        self._rules: list[tuple[str, Fault]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        registry.addresses.append(self.address)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for _text, fault in self._rules:
            if isinstance(fault, Hold):
                fault.go.set()
        self._server.shutdown()
        self._server.server_close()

    def on(self, text: str, fault: Fault) -> Fault:
        """From now on, do this to requests whose path contains the text."""
        self._rules.append((text, fault))
        return fault

    def forget(self) -> None:
        """From now on, pass all on."""
        self._rules.clear()

    def _fault(self, path: str) -> Fault | None:
        for text, fault in self._rules:
            if text in path and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        faults = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_HEAD(self) -> None:
                self._answer()

            def handle_one_request(self) -> None:
                # As Go's servers do: engines with containerd's image store try TLS first.
                if self.rfile.peek(1)[:1] == _TLS_HELLO:
                    self.wfile.write(_NO_TLS)
                    self.close_connection = True
                    return
                super().handle_one_request()

            def log_message(self, *_: Any) -> None:
                """The test says what it needs to know."""

            def _answer(self) -> None:
                faults.asked.append((self.command, self.path, self.headers.get("Range", "")))
                fault = faults._fault(self.path)
                if isinstance(fault, Refuse):
                    self._send(fault.status, {"Content-Type": "application/json", **fault.headers}, fault.body)
                    return
                status, headers, body = self._ask()
                if isinstance(fault, Garble) and self.command == "GET":
                    headers.pop("Docker-Content-Digest", None)
                    body = fault.body
                    headers["Content-Length"] = str(len(body))
                self._send(status, headers, body, fault)

            def _ask(self) -> tuple[int, dict[str, str], bytes]:
                request = urllib.request.Request(f"http://{faults.registry.address}{self.path}", method=self.command)
                for name in _PASSED_ON:
                    if values := self.headers.get_all(name):
                        request.add_header(name, ", ".join(values))
                try:
                    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                        return answer.status, dict(answer.headers.items()), answer.read()
                except urllib.error.HTTPError as error:
                    return error.code, dict(error.headers.items()), error.read()

            def _send(self, status: int, headers: Mapping[str, str], body: bytes, fault: Fault | None = None) -> None:
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
                    if name not in ("Date", "Connection", "Transfer-Encoding"):
                        self.send_header(name, value)
                self.end_headers()
                if self.command == "HEAD":
                    return
                if isinstance(fault, Cut | Hold):
                    self.wfile.write(body[: fault.after])
                    self.wfile.flush()
                    if isinstance(fault, Cut):
                        self.close_connection = True
                        return
                    fault.held.set()
                    fault.go.wait(SECONDS)
                    body = body[fault.after :]
                try:
                    self.wfile.write(body)
                except OSError:
                    # Whoever asked has gone.
                    self.close_connection = True

        return Handler
