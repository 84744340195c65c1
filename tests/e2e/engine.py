"""An engine of a test's own: a second dockerd with its own folders, in a network namespace of its own.

In the host's it would take the first one's docker0 away.  Its pods are on its own "host network", which is empty.  What
it makes is gone with it.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.e2e.daemon import mounts_below
from tests.images import BUSYBOX_IMAGE

SECONDS = 60.0


class OwnEngine:
    """From `start` to `stop`; `runtimes` changes while it runs."""

    def __init__(self, home: Path) -> None:
        """`home` is an empty folder; its path must be short enough for a socket."""
        self.url = f"unix://{home}/s"
        self._home = home
        self._config = home / "daemon.json"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it until it answers, with the test image."""
        self._config.write_text("{}")
        folders = ("--data-root", "data", "--exec-root", "exec", "--pidfile", "pid")
        words = [str(self._home / word) if not word.startswith("--") else word for word in folders]
        nothing = ("--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
        with (self._home / "log").open("wb") as log:
            command = [
                "unshare",
                "--net",
                "dockerd",
                "--config-file",
                str(self._config),
                "-H",
                self.url,
                *words,
                *nothing,
            ]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + SECONDS
        while self.docker("version").returncode:
            log_text = (self._home / "log").read_text(errors="replace")
            waits = self._process.poll() is None and time.monotonic() < deadline
            assert waits, log_text[-2000:]
            time.sleep(0.05)
        saved = subprocess.run(["docker", "save", BUSYBOX_IMAGE], check=True, capture_output=True, timeout=SECONDS)
        assert self.docker("load", stdin=saved.stdout).returncode == 0

    def runtimes(self, **paths: str) -> None:
        """Have these runtimes besides its own, as an administrator adds them: a new file, and SIGHUP."""
        assert self._process is not None
        self._config.write_text(json.dumps({"runtimes": {name: {"path": path} for name, path in paths.items()}}))
        self._process.send_signal(signal.SIGHUP)

    def docker(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run the docker client against it."""
        return subprocess.run(["docker", "-H", self.url, *words], input=stdin, capture_output=True, timeout=SECONDS)

    def stop(self) -> None:
        """End all its containers, itself, and what it has mounted; safe whatever state it is in."""
        process, self._process = self._process, None
        if process is None:
            return
        if listed := self.docker("ps", "-aq").stdout.decode().split():
            self.docker("rm", "-f", *listed)
        process.terminate()
        try:
            process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            for mount in mounts_below(self._home):
                subprocess.run(["umount", mount], check=False, timeout=SECONDS)
            shutil.rmtree(self._home, ignore_errors=True)
