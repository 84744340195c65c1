"""An engine of one's own, in a network and with mounts of its own: what can be seen there is nobody else's.

It can be stopped, killed, paused and started again; where it lives, its namespaces, stays until the block's end.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon import SECONDS, Daemon

_HOME = """
mkdir -p "$1/cgroup" && mount --rbind /sys/fs/cgroup "$1/cgroup" && mount -t sysfs none /sys &&
mount --move "$1/cgroup" /sys/fs/cgroup && ip link set lo up && echo ready && exec sleep infinity
"""
"""It stays as long as the home shall, and longer than any engine in it."""
_CONTAINERD = """
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
root = "{folder}/containerd"
state = "{folder}/run"
[grpc]
address = "{folder}/containerd.sock"
"""


class OwnEngine:
    """From `own_engine` on it runs, and answers."""

    def __init__(self, folder: Path, *, live_restore: bool = False, keeps_containerd: bool = False) -> None:
        """`folder` is empty, with a path short enough for sockets.

        `live_restore`: containers outlive it.  `keeps_containerd`: containerd does, as where systemd starts both;
        otherwise it is the engine's child and goes with it.
        """
        self.folder = folder
        self.socket = folder / "docker.sock"
        self.url = f"unix://{self.socket}"
        # Containerd takes no name with an underscore at its end, as a folder's may be.
        self._name = f"test-{uuid.uuid4().hex[:8]}"
        self._settings: dict[str, object] = {"live-restore": live_restore}
        self._keeps_containerd = keeps_containerd
        self._home: subprocess.Popen[bytes] | None = None
        self._containerd: subprocess.Popen[bytes] | None = None
        self._engine: subprocess.Popen[bytes] | None = None

    # --- its life ---

    def start(self) -> float:
        """Run it until it answers; gives the moment of its first answer (time.monotonic)."""
        if self._home is None:
            self._make_home()
        if self._keeps_containerd and self._containerd is None:
            (self.folder / "containerd.toml").write_text(_CONTAINERD.format(folder=self.folder))
            self._containerd = self._run_on("containerd", "--config", str(self.folder / "containerd.toml"))
        self._write_settings()
        folders = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid", "--config-file": "daemon.json"}
        words = [word for option, name in folders.items() for word in (option, str(self.folder / name))]
        names = ["--containerd-namespace", self._name, "--containerd-plugins-namespace", f"{self._name}-plugins"]
        if self._keeps_containerd:
            names += ["--containerd", str(self.folder / "containerd.sock")]
        self._engine = self._run_on("dockerd", "-H", self.url, *words, *names)
        return self._wait_until_it_answers()

    def stop(self) -> None:
        """SIGTERM, as `systemctl stop docker`; it has ended when this comes back."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def restart(self) -> float:
        """Stop and start; gives the moment of its first answer."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """SIGSTOP: its socket takes connections, and nobody answers."""
        assert self._engine
        self._engine.send_signal(signal.SIGSTOP)

    def resume(self) -> float:
        """SIGCONT; gives the moment of its first answer."""
        assert self._engine
        self._engine.send_signal(signal.SIGCONT)
        return self._wait_until_it_answers()

    def runtimes(self, **paths: str) -> None:
        """Have these runtimes besides its own, as an administrator adds them: a new file, and SIGHUP."""
        assert self._engine
        self._settings["runtimes"] = {name: {"path": path} for name, path in paths.items()}
        self._write_settings()
        self._engine.send_signal(signal.SIGHUP)

    def end(self) -> None:
        """End all its containers, itself, and where it lived; safe whatever state it is in."""
        with contextlib.suppress(AssertionError, subprocess.SubprocessError):
            if self._engine is not None:
                self.resume()
            elif self._home is not None:
                self.start()
            if listed := self.docker("ps", "-aq").split():
                self.docker("rm", "-f", *listed)
            self.stop()
        for process in (self._engine, self._containerd):
            if process is not None:
                process.kill()
                process.wait(SECONDS)
        if self._home is not None:
            # What an engine that could not be asked has left: shims live here, and what runs is their children.
            for pid in _all_in(f"/proc/{self._home.pid}/ns/mnt"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._home.wait(SECONDS)

    # --- what is done there ---

    def words(self, *words: str) -> list[str]:
        """A command line that runs there."""
        assert self._home
        # Entering forgets the current folder, which is where our code is imported from.
        return ["nsenter", "-t", str(self._home.pid), "-n", "-m", "--", "env", "-C", str(Path.cwd()), *words]

    def run(self, *words: str) -> str:
        """Run a command there; gives its standard output."""
        done = subprocess.run(self.words(*words), capture_output=True, text=True, check=True, timeout=SECONDS)
        return done.stdout

    def docker(self, *words: str) -> str:
        """Run the docker client on this engine."""
        return self.run("docker", "-H", self.url, *words)

    def load(self, image: str) -> None:
        """Have an image of the host's engine."""
        saved = subprocess.run(["docker", "save", image], capture_output=True, check=True, timeout=SECONDS).stdout
        load = self.words("docker", "-H", self.url, "load")
        subprocess.run(load, input=saved, capture_output=True, check=True, timeout=SECONDS)

    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text(errors="replace")

    def answers(self, seconds: float = SECONDS) -> bool:
        """Whether it answers in this time."""
        connection = http.client.HTTPConnection("localhost", timeout=seconds)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(seconds)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _make_home(self) -> None:
        words = ["unshare", "--net", "--mount", "sh", "-ec", _HOME, "sh", str(self.folder)]
        self._home = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert self._home.stdout
        with self._home.stdout as told:
            assert told.readline(), "no home for an engine of one's own"

    def _run_on(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(self.words(*words), stdout=log, stderr=log, start_new_session=True)

    def _write_settings(self) -> None:
        (self.folder / "daemon.json").write_text(json.dumps(self._settings))

    def _wait_until_it_answers(self) -> float:
        assert self._engine
        deadline = time.monotonic() + SECONDS
        while not self.answers():
            waits = self._engine.poll() is None and time.monotonic() < deadline
            assert waits, f"no engine of one's own: {self.log()[-2000:]}"
            time.sleep(0.02)
        return time.monotonic()

    def _end(self, number: signal.Signals) -> None:
        assert self._engine
        self._engine.send_signal(number)
        self._engine.wait(SECONDS)
        self._engine = None


class DaemonThere(Daemon):
    """A daemon that lives where the engine lives."""

    def __init__(self, engine: OwnEngine, home: Path, image: str, *arguments: str) -> None:
        super().__init__(home, image, "--engine-url", engine.url, *arguments)
        self._engine = engine
        self.docker_client = ("docker", "-H", engine.url)

    def command(self, *more: str) -> list[str]:
        """Its command line, entered there."""
        return self._engine.words(*super().command(*more))


@contextlib.contextmanager
def own_engine(image: str, *, live_restore: bool = False, keeps_containerd: bool = False) -> Iterator[OwnEngine]:
    """Start one that has the image; it ends with the block, and all that it made with it."""
    if not shutil.which("dockerd"):
        pytest.skip("an engine of a test's own takes dockerd on this host")
    # Its sockets lie deep in it, and a socket's path has 107 letters at most: pytest's own folders may be too deep.
    with tempfile.TemporaryDirectory(prefix="engine", ignore_cleanup_errors=True) as folder:
        engine = OwnEngine(Path(folder), live_restore=live_restore, keeps_containerd=keeps_containerd)
        try:
            engine.start()
            engine.load(image)
            yield engine
        finally:
            engine.end()


def _all_in(namespace: str) -> list[int]:
    """The processes in a mount namespace, and their children."""
    home = Path(namespace).readlink()
    parents, inside = {}, set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            pid = int(folder.name)
            # The second field is a name in brackets, in which anything may stand; the parent comes after the state.
            parents[pid] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if (folder / "ns" / "mnt").readlink() == home:
                inside.add(pid)
    return [pid for pid, parent in parents.items() if pid in inside or parent in inside]
