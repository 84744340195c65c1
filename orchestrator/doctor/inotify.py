"""inotify: whether the kernel has watches left for the spec folders.  Without, the folders are polled."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.doctor.rights import owner
from orchestrator.doctor.scene import Scene
from orchestrator.findings import Finding, ok, setting, warning
from orchestrator.sources import files

CHECK = "inotify"
_LIMITS = Path("/proc/sys/fs/inotify")
_FULL = 0.9
"""The share of a limit from which on it is told of."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Limits for each user, and what the daemon's user has in use as far as can be seen.

    `needed` watches are yet to be made for the spec folders; 0 where a daemon has made them.
    """

    instances: int
    watches: int
    used_instances: int
    used_watches: int
    needed: int


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    patient = scene.patient
    if patient.daemon is not None:
        return judge(look(owner(patient.daemon.pid), 0))
    needed = len(files.scan([str(path) for path in patient.specs]).folders) + len(patient.specs)
    return judge(look(os.geteuid(), needed))


def look(uid: int, needed: int, proc: Path = Path("/proc"), limits: Path = _LIMITS) -> Facts:
    """Read the facts; processes that we may not look into count nothing."""
    instances = watches = 0
    for process in proc.glob("[0-9]*"):
        try:
            if process.stat().st_uid != uid:
                continue
            for link in (process / "fd").iterdir():
                if link.readlink().name == "anon_inode:inotify":
                    instances += 1
                    watches += (process / "fdinfo" / link.name).read_text().count("inotify wd:")
        except OSError:
            continue
    limit = {name: int((limits / name).read_text()) for name in ("max_user_instances", "max_user_watches")}
    return Facts(limit["max_user_instances"], limit["max_user_watches"], instances, watches, needed)


def judge(facts: Facts) -> Iterator[Finding]:
    """Say whether there is enough."""
    rows = (
        ("instances", facts.used_instances, facts.instances, int(facts.needed > 0)),
        ("watches", facts.used_watches, facts.watches, facts.needed),
    )
    scarce = [row for row in rows if row[1] + row[3] > row[2] * _FULL]
    for name, used, limit, needed in scarce:
        more = f", {needed} are needed" if needed else ""
        text = f"{used} of {limit} {name} are in use{more}: beyond them the spec folders are polled twice a second"
        yield warning(CHECK, text, setting(f"fs.inotify.max_user_{name}", max(2 * limit, 2 * (used + needed))))
    if not scarce:
        text = ", ".join(f"{used} of {limit} {name}" for name, used, limit, _ in rows)
        yield ok(CHECK, f"{text} are in use")
