"""The host and its engine past the daemon: what an instance has there, and how it is cleared away without its help."""

import hashlib
import shlex
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from orchestrator.services.nft import table_name

SECONDS = 60.0
"""How long one command may take; far more than it does."""


def clear(instance: str, home: Path) -> None:
    """Remove what an instance made, without its help: `--down-on-exit` does it too, but costs each test seconds."""
    label = f"label=orchestrator.dev/instance={instance}"
    deadline = time.monotonic() + 5 * SECONDS
    # What the engine was asked for just before the daemon's end may still come.
    while (containers := docker("ps", "-aq", "--filter", label)) or docker("network", "ls", "-q", "--filter", label):
        if time.monotonic() > deadline:
            raise AssertionError(f"instance {instance} left containers or networks that cannot be removed")
        if containers:
            _quietly("docker", "rm", "-f", "-v", *containers.split())
        if networks := docker("network", "ls", "-q", "--filter", label):
            _quietly("docker", "network", "rm", *networks.split())
    if shutil.which("nft"):
        _quietly("nft", "delete", "table", "ip", table_name(instance))
    for rule in admitted(instance):
        _quietly("iptables", "-w", "10", *rule)
    for mount in mounts_below(home):
        subprocess.run(["umount", mount], check=True, timeout=SECONDS)


def admitted(instance: str) -> list[list[str]]:
    """The rules of an instance in chains that are not its own: words for `iptables`, with -D for -A."""
    if not shutil.which("iptables"):
        return []
    found = []
    for table, chain in (("filter", "DOCKER-USER"), ("raw", "PREROUTING")):
        listed = subprocess.run(["iptables", "-w", "10", "-t", table, "-S", chain], capture_output=True, text=True)
        rules = (shlex.split(line) for line in listed.stdout.splitlines())
        found += [["-t", table, "-D", *rule[1:]] for rule in rules if table_name(instance) in rule]
    return found


def mounts_below(folder: Path) -> list[str]:
    """What is mounted in a folder, the innermost first (proc(5), /proc/self/mounts: blanks are written as numbers)."""
    mounted = [line.split()[1].replace("\\040", " ") for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((path for path in mounted if Path(path).is_relative_to(folder)), reverse=True)


def _quietly(*words: str) -> None:
    """Run a command that may find nothing to do; who needs it asks again where a busy machine held it up."""
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(words, capture_output=True, timeout=SECONDS)


def pool_of(instance: str) -> str:
    """A range of four networks for one daemon: those that run at the same time seldom want the same one."""
    number = int.from_bytes(hashlib.sha256(instance.encode()).digest()[:4])
    return f"10.{223 + number % 28}.{number // 28 % 16 * 16}.0/20"


def docker(*words: str, client: tuple[str, ...] = ("docker",)) -> str:
    """Run the docker client; gives its standard output."""
    done = subprocess.run([*client, *words], capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise AssertionError(f"docker {words}: {done.stderr}")
    return done.stdout.strip()
