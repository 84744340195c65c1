"""The few calls to a Docker Engine that `make` needs, with nothing but the standard library.

`make engine` and `make images` run before any package is installed, and on machines where the engine comes without a
`docker` command, so they speak the Engine API themselves.  The daemon has its own, real client.

    python -m scripts.docker_api ping     exit 0: it answers, 1: nobody is there, 3: no rights (one sentence on stderr)
"""

import http.client
import json
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_HOST = "unix:///var/run/docker.sock"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def host() -> str:
    """Where the engine is asked: DOCKER_HOST, or the usual socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


def _connection(timeout: float) -> http.client.HTTPConnection:
    url = urlsplit(host())
    if url.scheme == "unix":
        return _UnixConnection(url.path, timeout)
    if url.scheme in ("tcp", "http"):
        return http.client.HTTPConnection(url.hostname or "localhost", url.port or 2375, timeout=timeout)
    raise OSError("only unix:// and tcp:// are spoken here")


def _call(method: str, path: str, body: bytes | None = None, timeout: float = 10) -> tuple[int, bytes]:
    connection = _connection(timeout)
    try:
        connection.request(method, path, body, {"Content-Type": "application/x-tar"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ping() -> None:
    """Return when the engine answers; OSError otherwise."""
    status, _ = _call("GET", "/_ping", timeout=5)
    if status != 200:
        raise OSError(f"{host()} answered {status} to a ping")


def image_labels(name: str) -> dict[str, str] | None:
    """The labels of a local image, None when there is no such image."""
    status, body = _call("GET", f"/images/{quote(name, safe='')}/json")
    if status != 200:
        return None
    document: dict[str, Any] = json.loads(body)
    return document["Config"].get("Labels") or {}


def import_image(tar: Path, name: str, changes: Iterable[str]) -> None:
    """Make an image of one layer from a tar; `changes` are Dockerfile instructions.  OSError on refusal."""
    repository, _, tag = name.rpartition(":")
    query = urlencode(
        [("fromSrc", "-"), ("repo", repository), ("tag", tag), *(("changes", change) for change in changes)]
    )
    status, body = _call("POST", f"/images/create?{query}", tar.read_bytes(), timeout=120)
    if status != 200 or b'"error"' in body:
        raise OSError(f"cannot import {name}: {body.decode(errors='replace').strip()}")


if __name__ == "__main__":
    if sys.argv[1:] != ["ping"]:
        sys.exit(__doc__)
    try:
        ping()
    except (OSError, http.client.HTTPException) as error:
        words = getattr(error, "strerror", None) or error
        print(f"cannot reach {host()}: {words}", file=sys.stderr)
        sys.exit(3 if isinstance(error, PermissionError) else 1)
