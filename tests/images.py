"""The one image that tests run: Debian's static busybox, imported into the engine once.

It needs no registry.  The image has /bin/sh and every applet, /tmp, and users `root` and `app` (uid 1000).
"""

import http.client
import io
import socket
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

from images import debian
from tests.turns import one_at_a_time

DOCKER_SOCKET = "/var/run/docker.sock"
BUSYBOX_IMAGE = "orchestrator-test/busybox:1"

_PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
_GROUP = "root:x:0:\napp:x:1000:\nnogroup:x:65534:\n"


class _EngineConnection(http.client.HTTPConnection):
    """HTTP on the engine's unix socket."""

    def __init__(self) -> None:
        super().__init__("localhost", timeout=60)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(DOCKER_SOCKET)


def engine_answers() -> bool:
    """Whether a Docker Engine listens on its usual socket."""
    try:
        return _ask("GET", "/_ping")[0] == 200
    except OSError:
        return False


@cache
def containerd_store() -> bool:
    """Whether the engine keeps images in containerd's store.

    There an image's id is the digest of what its name leads to, and failures are in containerd's words.
    """
    return b"io.containerd.snapshotter" in _ask("GET", "/info")[1]


def busybox_image() -> str:
    """The image's name; it is built when the engine does not have it yet."""
    with one_at_a_time("image"):
        status, _ = _ask("GET", f"/images/{quote(BUSYBOX_IMAGE)}/json")
        if status == 404:
            _import_busybox()
    return BUSYBOX_IMAGE


def _import_busybox() -> None:
    repository, tag = BUSYBOX_IMAGE.split(":")
    query = urlencode({"fromSrc": "-", "repo": repository, "tag": tag, "changes": 'CMD ["/bin/sh"]'})
    status, answer = _ask("POST", f"/images/create?{query}", image_tar(find_busybox()))
    if status != 200 or b"errorDetail" in answer:
        raise RuntimeError(f"cannot import {BUSYBOX_IMAGE}: {answer.decode()}")


def remove_image(name: str) -> None:
    """Take an image's name away, and the image with its last name; gone already, or no engine, is fine."""
    if engine_answers():
        _ask("DELETE", f"/images/{quote(name)}")


def find_busybox() -> bytes:
    """The static busybox: the installed one, or the one in Debian's package."""
    installed = Path("/bin/busybox")
    if installed.exists() and b"/ld-linux" not in installed.read_bytes()[:4096]:
        return installed.read_bytes()
    (package,) = debian.fetch(["busybox-static"])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        return next(path for path in Path(folder).glob("**/bin/busybox")).read_bytes()


def image_tar(busybox: bytes) -> bytes:
    """A root file system around one busybox binary."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("var", 0o755)):
            _add(tar, folder, kind=tarfile.DIRTYPE, mode=mode)
        _add(tar, "home/app", kind=tarfile.DIRTYPE, owner=1000)
        _add(tar, "bin/busybox", busybox)
        for applet in _applets(busybox):
            _add(tar, f"bin/{applet}", kind=tarfile.SYMTYPE, link="busybox")
        _add(tar, "etc/passwd", _PASSWD.encode(), mode=0o644)
        _add(tar, "etc/group", _GROUP.encode(), mode=0o644)
    return buffer.getvalue()


def _add(
    tar: tarfile.TarFile,
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o755,
    link: str = "",
    owner: int = 0,
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(data)
    entry.uid = entry.gid = owner
    tar.addfile(entry, io.BytesIO(data))


def _applets(busybox: bytes) -> list[str]:
    # It goes by its own name: "busybox" alone takes --list.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "busybox"
        path.write_bytes(busybox)
        path.chmod(0o755)
        listed = subprocess.run([path, "--list"], check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split() if name != "busybox"]


def _ask(method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = _EngineConnection()
    try:
        connection.request(method, path, body, {"Content-Type": "application/x-tar"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
