"""What a privileged container gets on a host that does not have every capability itself.

A host may lack some: a virtual machine's guest, a container in which the engine runs.  Docker asks the kernel for all
capabilities that there are, and is refused; a kubelet's runtime gives all that the host has.  So do we.

Engines of Docker 23.0 and later ask for no more than there is, and refuse to hear the name of anything else, even in a
list of what to drop (https://github.com/moby/moby/pull/42933).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# In the order of their bits (linux/capability.h).
_NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
KNOWS_ITS_HOST = (1, 42)
"""The API of Docker 23.0."""
_OWN = {"console", "fd", "mqueue", "pts", "shm"}
# Newer than the oldest engine that is supported, which never asks for them.
_KNOWN_TO_ALL = _NAMES[: _NAMES.index("PERFMON")]


@dataclass(frozen=True)
class Host:
    """What the host `lacks`, as names of capabilities; `known` when its engine takes that into account by itself."""

    lacks: tuple[str, ...] = ()
    known: bool = False

    def dropped(self, names: Sequence[str]) -> list[str]:
        """Of these capabilities, those that the engine is to take away; nobody has what the host lacks."""
        return [name for name in names if not self.known or name.upper().removeprefix("CAP_") not in self.lacks]

    def privileged(self) -> dict[str, Any]:
        """The part of HostConfig for a privileged container, where it differs from `Privileged`."""
        return _all_that_the_host_has(self.lacks) if self.lacks and not self.known else {}

    def allowed_score(self, score: int) -> int:
        """A score below the engine's own is for those who may raise limits; the kernel refuses it to others."""
        return max(score, 0) if "SYS_RESOURCE" in self.lacks else score


WHOLE = Host()
"""A host that lacks nothing."""


def lacking() -> tuple[str, ...]:
    """The capabilities that no process of this host can have; the first process may have all that are left."""
    try:
        return _lacking(Path("/proc/1/status").read_text())
    except OSError:
        return ()


def _lacking(status: str) -> tuple[str, ...]:
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            bounding = int(line.split()[1], 16)
            return tuple(name for bit, name in enumerate(_KNOWN_TO_ALL) if not bounding >> bit & 1)
    return ()


def _devices(folder: Path) -> list[str]:
    """The host's devices, but for those that every container has of its own (terminals, shared memory)."""
    found: list[str] = []
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name in _OWN:
            continue
        if entry.is_dir():
            found += _devices(entry)
        elif entry.is_char_device() or entry.is_block_device():
            found.append(str(entry))
    return found


def _all_that_the_host_has(lacks: Sequence[str]) -> dict[str, Any]:
    """The part of HostConfig that comes as near to `Privileged` as can be, without what the host lacks.

    One thing is left out: /sys stays read-only.
    """
    return {
        "Privileged": False,
        "CapAdd": ["ALL"],
        "CapDrop": list(lacks),
        "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
        "MaskedPaths": [],
        "ReadonlyPaths": [],
        "Devices": [
            {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"} for path in _devices(Path("/dev"))
        ],
        "DeviceCgroupRules": ["a *:* rwm"],
    }
