"""The daemon's socket as the verbs see it: documents, tables, and streams of lines or bytes.

http.client over a unix socket: it costs 20 ms to import where aiohttp costs 300.
"""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from orchestrator.cli.access import how_to_get_in
from orchestrator.errors import Conflict, Forbidden, Invalid, NotFound, OrchestratorError, Unavailable
from orchestrator.settings import default_socket

TIMEOUT = 30.0
"""Seconds for an answer to begin; streams may pause for ever after that."""
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

JSON = "application/json"

Query = Mapping[str, str | list[str]]
Document = dict[str, Any]

_CLASSES: Mapping[int, type[OrchestratorError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    503: Unavailable,
    504: Unavailable,
}


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = connect(self._path)


class Client:
    """Asks the daemon behind one socket.  Every call may raise OrchestratorError with one sentence for the user."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, path: str, query: Query | None = None, *, table: bool = False) -> Document:
        """Give one document; as a Table when asked so."""
        with self._request(path, query, TABLE if table else JSON) as response:
            document: Document = json.loads(response.read())
        return document

    def post(self, path: str, document: Document) -> Document:
        """Send one document and give the answer."""
        with self._request(path, None, JSON, json.dumps(document).encode()) as response:
            answer: Document = json.loads(response.read())
        return answer

    def delete(self, path: str, options: Document, query: Query | None = None) -> tuple[Document, list[str]]:
        """Delete an object, or a list's objects that a query selects; gives what is left of it, and the warnings."""
        with self._request(path, query, JSON, json.dumps(options).encode(), "DELETE") as response:
            document: Document = json.loads(response.read())
            warnings = response.headers.get_all("Warning", [])
        return document, [json.loads(warning.removeprefix("299 - ")) for warning in warnings]

    def watch(self, path: str, query: Query | None = None, *, table: bool = False) -> Iterator[Document]:
        """Give watch events ({"type", "object"}) as they come."""
        with self._request(path, {**(query or {}), "watch": "true"}, TABLE if table else JSON) as lines:
            for line in lines:
                yield json.loads(line)

    def stream(self, path: str, query: Query | None = None) -> Iterator[bytes]:
        """Give bytes as they come."""
        with self._request(path, query, "*/*") as response:
            while chunk := response.read1(65536):
                yield chunk

    def status(self) -> Document:
        """Give the daemon's own state."""
        return self.get("/orchestrator/v1/status")

    @contextmanager
    def _request(
        self, path: str, query: Query | None, accept: str, body: bytes | None = None, method: str = ""
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer to one GET, or to the POST of a body, to be read within the block."""
        connection = _Connection(self.path)
        url = quote(path) + (f"?{urlencode(query, doseq=True)}" if query else "")
        try:
            headers = {"Accept": accept} | ({"Content-Type": JSON} if body is not None else {})
            connection.request(method or ("GET" if body is None else "POST"), url, body, headers)
            response = connection.getresponse()
            if response.status >= 400:
                raise server_error(response.status, response.read())
            if connection.sock is not None:
                connection.sock.settimeout(None)
            yield response
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the daemon at {self.path} has closed the connection") from error
        finally:
            connection.close()


def client_of(ctx: click.Context) -> Client:
    """Give the client for the socket that the command line, the environment or the default names."""
    return Client(ctx.obj.socket or default_socket())


def connect(path: Path) -> socket.socket:
    """Connect to the daemon's socket; the error says what to do about it."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(TIMEOUT)
    try:
        sock.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        sock.close()
        raise Unavailable(
            f"no daemon answers at {path}; start one with `orchestrator run SPECS`, "
            "or name another with --socket or ORCHESTRATOR_SOCKET"
        ) from error
    except PermissionError as error:
        sock.close()
        raise Forbidden(f"cannot reach the daemon at {path}: permission denied: {how_to_get_in(path)}") from error
    except OSError as error:
        sock.close()
        raise Unavailable(f"cannot reach a daemon at {path}: {error.strerror or error}") from error
    return sock


def server_error(code: int, body: bytes) -> OrchestratorError:
    """Give the error that a Status tells of, in kubectl's words."""
    try:
        status = json.loads(body)
        reason, message = status["reason"], status["message"]
    except (ValueError, KeyError, TypeError):
        reason, message = http.client.responses.get(code, "Unknown"), body.decode(errors="replace").strip()
    return _CLASSES.get(code, OrchestratorError)(f"Error from server ({reason}): {message}")
