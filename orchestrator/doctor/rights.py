"""What the daemon may do: root, and the capabilities that it needs of root."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.doctor.scene import Scene
from orchestrator.findings import Finding, ok, warning

CHECK = "rights"
_NEEDED = (
    ("CAP_NET_ADMIN", 12, "Services are served by name alone"),
    ("CAP_SYS_ADMIN", 21, "volumes in memory have no size, and subPaths are not bound to a private place"),
    ("CAP_CHOWN", 0, "fsGroup and the modes of volumes are not set"),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """The user that the daemon runs as, and its effective capabilities as bits (capabilities(7))."""

    uid: int
    capabilities: int
    looker: int = 0
    """The user who asks."""


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    return judge(look(scene.patient.daemon.pid if scene.patient.daemon else os.getpid()))


def look(pid: int) -> Facts:
    """Read the facts of a process; OSError when it is gone."""
    lines = Path("/proc", str(pid), "status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return Facts(int(found["Uid"].split()[1]), int(found["CapEff"], 16), os.geteuid())


def owner(pid: int) -> int:
    """The user that a process runs as; OSError when it is gone."""
    return Path("/proc", str(pid)).stat().st_uid


def judge(facts: Facts) -> Iterator[Finding]:
    """Say what is lacking, and what comes of it."""
    if facts.looker:
        yield ok(CHECK, "you are not root: rules of the kernel and what others left were not looked at")
    if facts.uid:
        yield ok(
            CHECK, f"the daemon is user {facts.uid}: what needs root (Services in the kernel, fsGroup) is left out"
        )
        return
    lacking = [(name, loss) for name, bit, loss in _NEEDED if not facts.capabilities >> bit & 1]
    for name, loss in lacking:
        yield warning(
            CHECK, f"root without {name}: {loss}", f"systemctl show -p CapabilityBoundingSet orchestrator  # {name}"
        )
    if not lacking:
        yield ok(CHECK, "root, with all capabilities that are needed")
