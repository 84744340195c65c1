"""What a privileged container gets on a host that does not have every capability itself.

A host may lack some: a virtual machine's guest, a container in which the engine runs.  Docker asks the kernel for all
capabilities that there are, and is refused; a kubelet's runtime gives all that the host has.  So do we.
"""

from collections.abc import Sequence
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
_OWN = {"console", "fd", "mqueue", "pts", "shm"}
# Newer than the oldest engine that is supported, which never asks for them.
_KNOWN_TO_ALL = _NAMES[: _NAMES.index("PERFMON")]


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


def all_that_the_host_has(lacks: Sequence[str]) -> dict[str, Any]:
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
