"""A machine of its own in namespaces of this one: Debian's systemd as the first process, with Debian's own engine.

It has its own processes, mounts, network, control groups and engine, so a unit is installed, watched, killed and
upgraded as on a host, and nothing of this machine is touched.  Its disk is made from Debian's packages once and kept
beside the other caches; what it writes is in memory and gone with it.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from images.debian import cache_folder
from tests.turns import one_at_a_time

SECONDS = 90.0
"""How long a test waits for what must come; far more than it takes."""
PACKAGES = (
    "systemd",
    "libpam-systemd",
    "dbus",
    "docker.io",
    "python3",
    "iproute2",
    "nftables",
    "iptables",
    "conntrack",
    "make",
)
HERE = Path(__file__).parent
GROUPS = Path("/sys/fs/cgroup")
_UNSHARE = ("unshare", "--cgroup", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child=KILL")
# The kernel's settings and devices are the host's; the others are not needed.
_MASKED = (
    "systemd-sysctl.service",
    "systemd-udevd.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "nftables.service",
)


class Unable(Exception):
    """This machine cannot have another in it; the text says why."""


def disk() -> Path:
    """The folder with the machine's disk, made when it is not there yet (a minute); never written to afterwards."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    recipe = hashlib.sha256(repr((suite, PACKAGES, _MASKED)).encode()).hexdigest()[:12]
    folder = cache_folder().parent / f"machine-{recipe}"
    with one_at_a_time("machine"):
        if not folder.exists():
            _make_disk(folder, suite, release.get("ID", ""))
    return folder


def _make_disk(folder: Path, suite: str, distribution: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unable("a machine with systemd is made by root, from Debian's packages")
    if not shutil.which("mmdebstrap"):
        _run(HERE.parents[1] / "scripts/apt.sh", "mmdebstrap")
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    options = (
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Languages none",
        "--dpkgopt=force-unsafe-io",
    )
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]
    universe = ("--components=main,universe",) if distribution == "ubuntu" else ()
    packages = f"--include={','.join(PACKAGES)}"
    try:
        _run("mmdebstrap", "--variant=minbase", packages, *options, *left_out, *universe, suite, fresh)
        for unit in _MASKED:
            (fresh / "etc/systemd/system" / unit).symlink_to("/dev/null")
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class Machine:
    """One machine, from `start` to `stop`."""

    def __init__(self, work: Path, *layers: Path) -> None:
        """`work` is an empty folder; of `layers` the first hides what is in the later ones, as overlayfs has it."""
        self._work = work
        self._layers = layers
        self._group = f"orchestrator-machine-{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = ""

    def start(self) -> None:
        """Boot, and wait until all services are up.  Unable where this machine does not allow it."""
        try:
            tasks = [_own_group(group / self._group) / "cgroup.procs" for group in _hierarchies()]
        except OSError as error:
            self._remove_groups()
            raise Unable(f"cannot make a control group: {error}") from error
        join = "".join(f"echo $$ >{task} && " for task in tasks)
        layers = ":".join(map(str, self._layers))
        boot = [*_UNSHARE, "sh", str(HERE / "boot.sh"), layers, str(self._work)]
        with (self._work / "boot.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", f'{join}exec "$@"', "sh", *boot], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._wait_for_boot(self._process)

    def _wait_for_boot(self, process: subprocess.Popen[bytes]) -> None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                words = (self._work / "boot.log").read_text(errors="replace").strip()
                raise Unable(
                    f"a machine with systemd cannot be started here: {words.splitlines()[-1] if words else ''}"
                )
            self._init = children.read_text().strip() if children.exists() else ""
            # Its first process is a shell before it is systemd, and systemd answers some time after that.
            if self._init and self.ask("systemctl", "is-system-running", "--wait").stdout.strip() == "running":
                return
            time.sleep(0.05)
        failed = self.ask("systemctl", "--failed", "--no-legend").stdout
        raise Unable(f"the machine's services do not start: {failed}")

    def stop(self) -> None:
        """End every process of it; safe whatever state it is in."""
        if self._process is not None:
            if self._init:
                os.kill(int(self._init), signal.SIGKILL)
            self._process.kill()
            self._process.wait()
            self._process = None
        self._remove_groups()

    def _remove_groups(self) -> None:
        deadline = time.monotonic() + SECONDS
        for group in _hierarchies():
            folders = [*sorted((group / self._group).rglob("*/"), reverse=True), group / self._group]
            for folder in folders:
                while folder.exists():
                    try:
                        folder.rmdir()
                    except OSError:  # the last process is still on its way out
                        if time.monotonic() > deadline:
                            raise
                        time.sleep(0.02)

    # --- in the machine ---

    def ask(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command in it; gives exit code and both outputs."""
        command = ["nsenter", f"--target={self._init}", "--all", *words]
        done = subprocess.run(command, capture_output=True, input=stdin, timeout=SECONDS)
        return subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(self, *words: str, stdin: bytes = b"") -> str:
        """Run a command in it that must do well; gives its standard output."""
        done = self.ask(*words, stdin=stdin)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file in it, as careful editors do."""
        self.run(
            "sh", "-c", 'mkdir -p "${1%/*}" && cat >"$1.fresh" && mv "$1.fresh" "$1"', "sh", path, stdin=text.encode()
        )

    def copy(self, folder: Path) -> None:
        """Lay the files below a folder over its disk; folders that are there stay whose they are."""
        packed = subprocess.run(["tar", "-C", folder, "-c", "."], capture_output=True, check=True).stdout
        self.run("tar", "-C", "/", "--no-overwrite-dir", "-x", stdin=packed)

    def wait(self, what: str, holds: Callable[[], object]) -> None:
        """Look until `holds`; each look is a process in the machine."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > deadline:
                journal = self.ask("journalctl", "-u", "orchestrator", "-n", "40", "--no-pager").stdout
                raise AssertionError(f"{what}: not within {SECONDS:.0f} s\n{journal}")
            time.sleep(0.05)


def _hierarchies() -> list[Path]:
    """The roots of the host's control groups: one, or one for each controller (cgroup v1)."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [
        Path(line[1]) for line in lines if line[2] in ("cgroup", "cgroup2") and Path(line[1]).is_relative_to(GROUPS)
    ]


def _own_group(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    # Of cgroup v1: a new group has no CPU that its processes might use.
    for name in ("cpuset.cpus", "cpuset.mems"):
        file = folder / name
        if file.exists() and not (folder / "cgroup.controllers").exists() and not file.read_text().strip():
            file.write_text((folder.parent / name).read_text())
    return folder


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Unable(f"cannot make a machine with systemd: {words[0]}: {' '.join(last)}")
