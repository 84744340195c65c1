"""A web server in the test's own process, on 127.0.0.1: notes the probes and hooks that name it as their `host`."""

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Headers = dict[str, str]

MANY_BYTES = 256 << 20
"""Far more than what fits into the buffers of a connection that nobody reads."""


@dataclass
class Site:
    """What a server answers, by path, and what it was asked.  A path that is not there gets 404."""

    pages: dict[str, tuple[int, Headers]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    """By path; empty where there is none."""
    endless: str = ""
    """The path whose body never ends."""
    port: int = 0
    asked: list[tuple[str, Headers]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when a client closed the connection in the middle of the endless body."""

    def headers(self, path: str) -> Headers:
        """The headers of the first request for a path, with their names in lower case."""
        return next(headers for asked, headers in self.asked if asked == path)

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return [asked for asked, _ in self.asked].count(path)


@contextlib.contextmanager
def serving(site: Site, certificate: Path | None = None) -> Iterator[Site]:
    """Serve a site on a free port; HTTPS with a file that holds key and certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers = site.pages.get(self.path, (404, {}))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if self.path == site.endless:
                self._pour()
                return
            body = site.bodies.get(self.path, b"")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _pour(self) -> None:
            self.send_header("Content-Length", str(MANY_BYTES))
            self.end_headers()
            try:
                for _ in range(MANY_BYTES >> 16):
                    self.wfile.write(bytes(1 << 16))
            except OSError:
                site.hung_up.set()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(folder: Path) -> Path:
    """A file with a new key and a certificate for a name that is not ours, signed by nobody."""
    file = folder / "server.pem"
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=elsewhere.example")
    subprocess.run(["openssl", *words, "-keyout", file, "-out", folder / "cert.pem"], check=True, capture_output=True)
    with file.open("a") as key_and_certificate:
        key_and_certificate.write((folder / "cert.pem").read_text())
    return file
