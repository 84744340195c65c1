"""hostPath: what its type asks for, in the kubelet's words; the pod starts by itself when it is there (V04)."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import Daemon, Document
from tests.e2e.host import docker
from tests.e2e.pod_status import waiting_reason
from tests.e2e.pods import FOR_EVER, container, pod, text
from tests.images import remove_image


def hosting(name: str, path: Path, kind: str = "", script: str = FOR_EVER, **mount: Any) -> Document:
    """A pod with a path of the host at /h."""
    main = container(script, volumeMounts=[{"name": "v", "mountPath": "/h", **mount}])
    return pod(name, main, volumes=[{"name": "v", "hostPath": {"path": str(path), "type": kind}}])


def listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


CASES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "Directory": ("is not a directory", Path.mkdir),
    "File": ("is not a file", Path.touch),
    "Socket": ("is not a socket file", listen),
}


@pytest.mark.parametrize("kind", sorted(CASES))
def test_V04_what_is_missing_is_told_and_awaited(daemon: Daemon, tmp_path: Path, kind: str) -> None:
    words, make = CASES[kind]
    name, path = f"v04-host-{kind.lower()}", tmp_path / "p"
    daemon.write(text(hosting(name, path, kind)))
    event = daemon.wait_event(name, "FailedMount")
    assert event["message"] == f'MountVolume.SetUp failed for volume "v" : hostPath type check failed: {path} {words}'
    assert waiting_reason(daemon.pod(name)) == "ContainerCreating"
    assert daemon.containers(name) == []
    make(path)
    daemon.wait_ready(name)
    flag = {"Directory": "-d", "File": "-f", "Socket": "-S"}[kind]
    daemon.exec(name, "test", flag, "/h")


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("BlockDevice", "/dev/null", "is not a block device"),
        ("CharDevice", "/etc/hostname", "is not a character device"),
        ("DirectoryOrCreate", "/etc/hostname", "is not a directory"),
        ("FileOrCreate", "/etc", "is not a file"),
    ],
)
def test_V04_what_is_something_else_is_told(daemon: Daemon, kind: str, path: str, words: str) -> None:
    name = f"v04-wrong-{kind.lower()}"
    daemon.write(text(hosting(name, Path(path), kind)))
    message = daemon.wait_event(name, "FailedMount")["message"]
    assert message.endswith(f"hostPath type check failed: {path} {words}")
    assert daemon.containers(name) == []


def test_V04_what_may_be_made_is_made(daemon: Daemon, tmp_path: Path) -> None:
    """Also where no type is given, as the engine has it; what is there is used as it is."""
    for index, kind in enumerate(("DirectoryOrCreate", "FileOrCreate", "")):
        name = f"v04-made-{index}"
        daemon.write(text(hosting(name, tmp_path / f"made-{index}", kind)), f"{name}.yaml")
        daemon.wait_ready(name)
    assert (tmp_path / "made-0").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "made-1").is_file()
    assert (tmp_path / "made-1").stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "made-2").is_dir()
    daemon.exec("v04-made-0", "touch", "/h/from-inside")
    daemon.remove("v04-made-0.yaml")
    daemon.wait_gone("v04-made-0")
    assert (tmp_path / "made-0" / "from-inside").exists()


def test_V04_a_device_is_one(daemon: Daemon) -> None:
    daemon.write(text(hosting("v04-device", Path("/dev/zero"), "CharDevice")))
    daemon.wait_ready("v04-device")
    daemon.exec("v04-device", "test", "-c", "/h")


def test_V05_a_mount_may_be_read_only(daemon: Daemon, tmp_path: Path) -> None:
    """In one container and not in the other."""
    mount = {"name": "v", "mountPath": "/h"}
    reader = container(FOR_EVER, "reader", volumeMounts=[{**mount, "readOnly": True}])
    writer = container(FOR_EVER, "writer", volumeMounts=[mount])
    volumes = [{"name": "v", "hostPath": {"path": str(tmp_path)}}]
    daemon.write(text(pod("v05-ro", reader, writer, volumes=volumes)))
    daemon.wait_ready("v05-ro")
    daemon.exec("v05-ro", "touch", "/h/file", container="reader", code=1)
    daemon.exec("v05-ro", "touch", "/h/file", container="writer")
    daemon.exec("v05-ro", "test", "-e", "/h/file", container="reader")


@pytest.fixture
def with_volume(image: str) -> Iterator[str]:
    """An image that names a volume of its own."""
    name = "orchestrator-test/with-volume:1"
    made = docker("create", image)
    docker("commit", "--change", 'VOLUME ["/h", "/other"]', made, name)
    docker("rm", made)
    yield name
    remove_image(name)


def test_V05_a_mount_wins_over_a_volume_that_the_image_names(daemon: Daemon, tmp_path: Path, with_volume: str) -> None:
    """The image's other volume is there, empty, and goes with the container."""
    (tmp_path / "file").touch()
    spec = hosting("v05-image", tmp_path)
    spec["spec"]["containers"][0]["image"] = with_volume
    daemon.write(text(spec))
    daemon.wait_ready("v05-image")
    assert daemon.exec("v05-image", "ls", "/h", "/other") == "/h:\nfile\n\n/other:\n"
    mounted = [m for one in daemon.containers("v05-image") for m in one["Mounts"] if m["Type"] == "volume"]
    assert [m["Destination"] for m in mounted] == ["/other"]
    daemon.remove()
    daemon.wait_gone("v05-image")
    assert mounted[0]["Name"] not in docker("volume", "ls", "-q").split()


def test_V04_a_path_that_goes_harms_nothing_that_runs(own_daemon: Daemon, tmp_path: Path) -> None:
    """Not even when a new daemon finds the pod."""
    path = tmp_path / "p"
    path.mkdir()
    own_daemon.write(text(hosting("v04-goes", path, "Directory")))
    own_daemon.wait_ready("v04-goes")
    life = own_daemon.life()
    path.rmdir()
    own_daemon.restart()
    assert own_daemon.life() == life
    assert own_daemon.events("v04-goes", "FailedMount") == []
