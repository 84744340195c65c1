"""emptyDirs in memory have a size that counts, and mounts are seen as their propagation says (V03, V05)."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import FOR_EVER, container, pod, text


def in_memory(name: str, source: Document, **fields: Document) -> Document:
    """A pod with a volume in memory at /v."""
    main = container(FOR_EVER, volumeMounts=[{"name": "v", "mountPath": "/v"}], **fields)
    return pod(name, main, volumes=[{"name": "v", "emptyDir": {"medium": "Memory", **source}}])


def size(daemon: Daemon, name: str) -> int:
    """How many KiB /v can hold."""
    return int(daemon.exec(name, "df", "-k", "/v").splitlines()[-1].split()[-5])


def test_V03_a_limit_in_memory_counts(daemon: Daemon) -> None:
    """More than it is refused; what is there survives a restart of the container."""
    daemon.write(text(in_memory("v03-limit", {"sizeLimit": "1Mi"})))
    daemon.wait_ready("v03-limit")
    assert size(daemon, "v03-limit") == 1024
    said = daemon.run_cli("exec", "v03-limit", "--", "dd", "if=/dev/zero", "of=/v/big", "bs=64k", "count=32")
    assert "No space left on device" in said.stdout + said.stderr
    daemon.exec("v03-limit", "sh", "-c", "rm /v/big; echo kept >/v/file")
    daemon.exec("v03-limit", "sh", "-c", "kill 1", code=None)
    daemon.wait_pod("v03-limit", lambda found: restarts(found) == 1 and is_ready(found))
    assert daemon.exec("v03-limit", "cat", "/v/file") == "kept\n"
    assert size(daemon, "v03-limit") == 1024


def test_V03_without_a_limit_it_is_what_the_containers_may_use(daemon: Daemon) -> None:
    limits = {"limits": {"memory": "32Mi"}}
    daemon.write(text(in_memory("v03-memory", {}, resources=limits)))
    daemon.wait_ready("v03-memory")
    assert size(daemon, "v03-memory") == 32 * 1024


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True, timeout=30)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder of the host whose mounts are shared."""
    folder = tmp_path / "shared"
    folder.mkdir()
    mount("--bind", folder, folder)
    mount("--make-shared", folder)
    yield folder
    subprocess.run(["umount", "-R", str(folder)], check=True, timeout=30)


def test_V05_mounts_are_seen_as_their_propagation_says(daemon: Daemon, shared: Path) -> None:
    """None: neither way; HostToContainer: the host's; Bidirectional: the container's too, on the host."""
    for name in ("host", "own"):
        (shared / name).mkdir()

    def one(name: str, **more: object) -> Document:
        at = {"name": "v", "mountPath": "/v", **({"mountPropagation": name} if name != "default" else {})}
        return container(FOR_EVER, name.lower(), volumeMounts=[at], **more)

    containers = one("default"), one("None"), one("HostToContainer"), one("Bidirectional", securityContext=PRIVILEGED)
    volumes = [{"name": "v", "hostPath": {"path": str(shared)}}]
    daemon.write(text(pod("v05-mounts", *containers, volumes=volumes)))
    daemon.wait_ready("v05-mounts")
    mount("-t", "tmpfs", "tmpfs", shared / "host")
    (shared / "host" / "file").touch()
    for name, code in (("default", 1), ("none", 1), ("hosttocontainer", 0), ("bidirectional", 0)):
        daemon.exec("v05-mounts", "test", "-e", "/v/host/file", container=name, code=code)
    inside = "mount -t tmpfs tmpfs /v/own && touch /v/own/file"
    daemon.exec("v05-mounts", "sh", "-c", inside, container="bidirectional")
    assert (shared / "own" / "file").exists()
    daemon.exec("v05-mounts", "test", "-e", "/v/own/file", container="hosttocontainer")
    daemon.exec("v05-mounts", "test", "-e", "/v/own/file", container="none", code=1)
    daemon.remove()
    daemon.wait_gone("v05-mounts")


PRIVILEGED = {"privileged": True}
