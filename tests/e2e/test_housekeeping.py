"""What a kill -9 left is collected at the next start, and nothing else is touched: look-alikes stand all round."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.node import mounts
from orchestrator.planning.labels import CONTAINER, INSTANCE, NAMESPACE, ROLE, container_labels, container_name
from orchestrator.services.networks import network_name
from orchestrator.services.nft import table_name
from tests.e2e.daemon import Daemon
from tests.e2e.host import docker

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make what looks like root's")

PODS = """
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {key: sesame}
---
apiVersion: v1
kind: Pod
metadata: {name: NAME}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: IMAGE
    command: [sleep, "600"]
    volumeMounts: [{name: keys, mountPath: /keys}, {name: cache, mountPath: /cache}]
  volumes:
  - {name: keys, secret: {secretName: keys}}
  - {name: cache, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
"""


@dataclass
class Strangers:
    """What is not ours, and has to be there afterwards as it was."""

    containers: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    mounts: list[Path] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    def there(self) -> "Strangers":
        """Those of them that are still there."""
        containers, networks = (
            docker("ps", "-aq", "--no-trunc").split(),
            docker("network", "ls", "-q", "--no-trunc").split(),
        )
        return Strangers(
            [each for each in self.containers if each in containers],
            [each for each in self.networks if each in networks],
            [each for each in self.paths if each.exists()],
            [each for each in self.mounts if os.path.ismount(each)],
            [each for each in self.tables if each in _tables()],
        )


def _tables() -> list[str]:
    return subprocess.run(["nft", "list", "tables", "ip"], capture_output=True, text=True).stdout.split()


def _container(image: str, name: str, labels: dict[str, str]) -> str:
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    return docker("create", "--network", "none", "--name", name, *words, image, "true")


def _network(name: str, number: int, labels: dict[str, str]) -> str:
    """A network of the range for such tests (RFC 2544), of eight addresses."""
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    place = int.from_bytes(os.urandom(1))
    return docker("network", "create", "--subnet", f"198.19.{place}.{number * 8}/29", *words, name)


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not yours")
    return path


@contextmanager
def strangers(daemon: Daemon, running: str) -> Iterator[Strangers]:
    """Surround a daemon; `running` is the engine's id of one of its containers."""
    them, uid, home = Strangers(), str(uuid.uuid4()), daemon.home
    other = f"{daemon.instance}x"
    theirs = container_labels(other, "default", "gone", uid, "main", 0, "h", "container")
    ours = docker("inspect", "--format", "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}\n{{end}}", running)
    copied = dict(line.split("=", 1) for line in ours.splitlines())
    with ExitStack() as stack:
        stack.callback(lambda: [docker("rm", "-f", each) for each in them.there().containers])
        stack.callback(lambda: [docker("network", "rm", each) for each in them.there().networks])
        stack.callback(lambda: [mounts.unmount(each) for each in them.there().mounts])
        stack.callback(lambda: [subprocess.run(["nft", "delete", "table", "ip", each]) for each in them.there().tables])
        like_ours = container_name(daemon.instance, "default", "gone", uid, "main", 7)
        them.containers += [
            _container(daemon.image, like_ours, {}),
            _container(daemon.image, f"copy-of-{daemon.instance}", copied),
            _container(daemon.image, container_name(other, "default", "gone", uid, "main", 0), theirs),
            _container(daemon.image, f"part-of-{daemon.instance}", {INSTANCE: daemon.instance, CONTAINER: "main"}),
        ]
        them.networks += [
            _network(network_name(daemon.instance, "unlabelled"), 1, {}),
            _network(
                f"copy-{daemon.instance}", 2, {INSTANCE: daemon.instance, ROLE: "network", NAMESPACE: "elsewhere"}
            ),
            _network(network_name(other, "default"), 3, {INSTANCE: other, ROLE: "network", NAMESPACE: "elsewhere"}),
        ]
        them.paths += [
            _file(home / "state/volumes" / uid / "data/file"),  # of the other instance's pod
            _file(home / "run/pods" / uid / "hosts"),
            _file(home / "state/volumes/backup/file"),
            _file(home / "state/volumes.old" / str(uuid.uuid4()) / "file"),
            _file(home / "run/volumes/notes"),
            _file(home / "run/pods/README"),
            _file(home / "state/claims/default/data/file"),
            home / "state/volumes" / str(uuid.uuid4()),
        ]
        them.paths[-1].symlink_to(home / "state/volumes/backup")
        for mount in (home / "run/volumes/other", home / "mnt" / str(uuid.uuid4()), home / "state/volumes/cache"):
            mount.mkdir(parents=True)
            mounts.mount_tmpfs(mount, 1 << 20)
            them.mounts.append(mount)
            them.paths.append(_file(mount / "file"))
        if shutil.which("nft"):
            them.tables += [table_name(other), f"my-{table_name(daemon.instance)}"]
            script = "".join(f"add table ip {table}\nadd chain ip {table} c\n" for table in them.tables)
            subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True)
        yield them


def test_what_a_killed_daemon_left_goes_and_what_looks_like_it_stays(own_daemon: Daemon) -> None:
    daemon, home = own_daemon, own_daemon.home
    daemon.write(PODS.replace("NAME", "kept"), "kept.yaml")
    daemon.write(PODS.replace("NAME", "gone").partition("---\n")[2], "gone.yaml")
    uid = daemon.wait_ready("gone")["metadata"]["uid"]
    daemon.wait_ready("kept")
    daemon.kill()
    daemon.remove("gone.yaml")
    lost, ours = str(uuid.uuid4()), container_labels(daemon.instance, "away", "lost", uid, "main", 0, "h", "container")
    ours["orchestrator.dev/uid"] = lost
    dead = _container(daemon.image, container_name(daemon.instance, "away", "lost", lost, "main", 0), ours)
    unused = {INSTANCE: daemon.instance, ROLE: "network", NAMESPACE: "unused"}
    network = _network(network_name(daemon.instance, "unused"), 4, unused)
    crumbs = str(uuid.uuid4())
    files = [home / f"{place}/{crumbs}" for place in ("state/volumes", "run/volumes", "run/pods")]
    for folder in files:
        _file(folder / "deep/file")
    mounts.mount_tmpfs(files[0] / "deep", 1 << 20)
    files += [home / f"{place}/{uid}" for place in ("state/volumes", "run/volumes", "run/pods")]
    assert all(path.exists() for path in files)
    life = daemon.life("kept")

    with strangers(daemon, daemon.engine_id("kept", "main")) as them:
        before = them.there()
        assert before == them
        daemon.start()
        daemon.wait_containers(
            lambda found: not {"gone", "lost"} & {_pod(one) for one in found if one["Id"] not in them.containers}
        )
        daemon.wait_gone("gone")
        # Networks go last: those who use them have gone before.
        daemon.wait_containers(lambda _: network not in docker("network", "ls", "-q", "--no-trunc").split())
        daemon.wait_containers(lambda _: not any(path.exists() for path in files))
        assert dead not in docker("ps", "-aq", "--no-trunc").split()
        assert not [mount for mount, _ in mounts.mounts() if crumbs in mount.parts or uid in mount.parts]
        assert them.there() == before
        assert daemon.life("kept").items() >= life.items()
        assert daemon.exec("kept", "cat", "/keys/key") == "sesame"
        # Also not when it ends for good.
        daemon.restart()
        assert them.there() == before


def _pod(inspected: dict[str, dict[str, dict[str, str]]]) -> str:
    return inspected["Config"]["Labels"].get("orchestrator.dev/pod", "")
