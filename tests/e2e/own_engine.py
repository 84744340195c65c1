"""An engine of one's own, in a network and with mounts of its own: what can be seen there is nobody else's."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.daemon import SECONDS, Daemon

_START = """
mkdir -p "$1/cgroup" && mount --rbind /sys/fs/cgroup "$1/cgroup" && mount -t sysfs none /sys &&
mount --move "$1/cgroup" /sys/fs/cgroup && ip link set lo up &&
exec dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" -H "unix://$1/docker.sock" \
    --containerd-namespace "$2" --containerd-plugins-namespace "$2-plugins"
"""


@dataclass(frozen=True)
class OwnEngine:
    """`pid` is a process that lives where the engine lives."""

    pid: int
    socket: Path

    def words(self, *words: str) -> list[str]:
        """A command line that runs there."""
        # Entering forgets the current folder, which is where our code is imported from.
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "--", "env", "-C", str(Path.cwd()), *words]

    def run(self, *words: str) -> str:
        """Run a command there; gives its standard output."""
        done = subprocess.run(self.words(*words), capture_output=True, text=True, check=True, timeout=SECONDS)
        return done.stdout

    def docker(self, *words: str) -> str:
        """Run the docker client on this engine."""
        return self.run("docker", "-H", f"unix://{self.socket}", *words)


class DaemonThere(Daemon):
    """A daemon that lives where the engine lives."""

    def __init__(self, engine: OwnEngine, home: Path, image: str, *arguments: str) -> None:
        super().__init__(home, image, "--engine-url", f"unix://{engine.socket}", *arguments)
        self._engine = engine

    def command(self, *more: str) -> list[str]:
        """Its command line, entered there."""
        return self._engine.words(*super().command(*more))


@contextlib.contextmanager
def own_engine(folder: Path, image: str) -> Iterator[OwnEngine]:
    """Start one that has the image; it ends with the block, and all that it made with it."""
    socket = folder / "docker.sock"
    words = ["unshare", "--net", "--mount", "sh", "-ec", _START, "sh", str(folder), folder.name]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    engine = OwnEngine(process.pid, socket)
    try:
        _wait_for(engine, process, folder / "log")
        saved = subprocess.run(["docker", "save", image], capture_output=True, check=True, timeout=SECONDS).stdout
        load = engine.words("docker", "-H", f"unix://{socket}", "load")
        subprocess.run(load, input=saved, capture_output=True, check=True, timeout=SECONDS)
        yield engine
    finally:
        process.terminate()
        process.wait(SECONDS)


def _wait_for(engine: OwnEngine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            engine.docker("version")
            return
        except subprocess.CalledProcessError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no engine of one's own: {log.read_text()[-2000:]}") from error
            time.sleep(0.1)
