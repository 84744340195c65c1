"""The state and run folders: there, ours, private, on the right kind of disk, with room."""

import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.doctor import room
from orchestrator.doctor.rights import owner
from orchestrator.doctor.room import Room, room_of
from orchestrator.doctor.scene import Scene
from orchestrator.findings import Finding, error, ok, warning
from orchestrator.node.tmpfs import filesystem_of

STATE, RUN, SECRETS = "state folder", "run folder", "secrets"
_IN_MEMORY = ("tmpfs", "ramfs")
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")


@dataclass(frozen=True, slots=True)
class Folder:
    """What is known of a folder; where it is not there, of the nearest one above it.

    `mode` are its permission bits, None while it is not there; `writable` is for this process, None where the rights of
    another user count.
    """

    path: Path
    mode: int | None
    writable: bool | None
    filesystem: str
    room: Room


async def check(scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    patient = scene.patient
    pid = patient.daemon.pid if patient.daemon else 0
    state, run = look(patient.state_dir, pid), look(patient.run_dir, pid, theirs=patient.forbidden)
    return judge(
        state, run, filesystem_of(patient.run_dir / "volumes"), root=scene.root, runs=patient.daemon is not None
    )


def look(path: Path, pid: int, *, theirs: bool = False) -> Folder:
    """Read the facts; `pid` is the daemon's, 0 for none; `theirs`: it is of a daemon that does not let us in."""
    there = next(folder for folder in (path, *path.parents) if os.access(folder, os.F_OK))
    ours = not theirs and (pid == 0 or owner(pid) == os.geteuid())
    mode = stat.S_IMODE(there.stat().st_mode) if there == path else None
    writable = os.access(there, os.W_OK | os.X_OK) if ours else None
    return Folder(path, mode, writable, filesystem_of(there), room_of(there))


def judge(state: Folder, run: Folder, secrets_on: str, *, root: bool, runs: bool) -> Iterator[Finding]:
    """Say how they are.  `secrets_on` is the file system for secrets, `runs` says whether a daemon uses it."""
    for name, folder in ((STATE, state), (RUN, run)):
        yield from _usable(name, folder)
    if state.mode is not None and state.mode & 0o077:
        yield warning(STATE, f"others may look into {state.path} (mode {state.mode:o})", f"sudo chmod 700 {_q(state)}")
    if state.filesystem in _REMOTE:
        text = f"{state.path} is on {state.filesystem}: the journal's locks need a local disk"
        yield error(STATE, text, "orchestrator run --state-dir /var/lib/orchestrator SPECS")
    if state.filesystem in _IN_MEMORY:
        text = f"{state.path} is on {state.filesystem}: restart counts, addresses and claims are lost at a boot"
        yield warning(STATE, text, "orchestrator run --state-dir /var/lib/orchestrator SPECS")
    if secrets_on in _IN_MEMORY:
        yield ok(SECRETS, f"they are in memory ({secrets_on}), below {run.path}")
    elif root and not runs:
        yield ok(SECRETS, f"{run.path} is on {secrets_on}; a tmpfs is mounted there when the daemon starts")
    else:
        text = f"they are on disk: {run.path} is on {secrets_on}, and no tmpfs could be mounted"
        mend = (
            "orchestrator run --run-dir /run/orchestrator SPECS"
            if root
            else "export XDG_RUNTIME_DIR=/run/user/$(id -u)"
        )
        yield warning(SECRETS, text, mend)


def _usable(name: str, folder: Folder) -> Iterator[Finding]:
    if folder.room.read_only:
        yield error(
            name, f"{folder.path} is on a read-only file system", f"sudo mount -o remount,rw {_mount_of(folder.path)}"
        )
    elif folder.writable is False:
        verb = "written" if folder.mode is not None else "made"
        yield error(
            name, f"{folder.path} cannot be {verb} by user {os.geteuid()}", f"sudo install -d -o $USER {_q(folder)}"
        )
    else:
        yield from room.judge(name, folder.path, folder.room, f"sudo du -xhd2 {_q(folder)} | sort -h | tail")


def _mount_of(path: Path) -> str:
    return shlex.quote(str(next(folder for folder in (path, *path.parents) if os.path.ismount(folder))))


def _q(folder: Folder) -> str:
    return shlex.quote(str(folder.path))
