"""What the demo's two servers share: a table of pages, a log line a request, an end in good order on SIGTERM."""

import signal
import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, str]
"""HTTP status and body."""
Page = Callable[[Mapping[str, str]], Answer]
"""Takes the request's headers."""


class Server(ThreadingHTTPServer):
    """Without the library's look-up of its own name, which may wait for a name server that is away."""

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]


def serve(port: int, pages: Mapping[str, Page], quiet: tuple[str, ...] = ()) -> None:
    """Serve until SIGTERM.  Requests for the paths in `quiet` (probes) are logged only when they fail."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            status, body = page(self.headers) if page else (404, "there is no such page\n")
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if self.path not in quiet or int(code) >= 400:
                print(f"{self.client_address[0]} GET {self.path} {int(code)}", flush=True)

    server = Server(("", port), Handler)
    # shutdown() waits for the loop that this handler interrupts, so another thread has to call it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on port {port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    print("told to end: no more requests", flush=True)
