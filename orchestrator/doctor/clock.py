"""The clock: certificates, back-offs over a reboot and the order of logs rest on it."""

import ctypes
import shutil
from collections.abc import Iterator

from orchestrator.doctor.scene import Scene
from orchestrator.findings import Finding, ok, warning

CHECK = "clock"
_TIME_ERROR = 5
"""What adjtimex(2) gives while nothing keeps the clock right."""
_ROOM = 512
"""Bytes, more than a struct timex has."""


async def check(_scene: Scene) -> Iterator[Finding]:
    """The rows of this file."""
    return judge(look(), timesync=shutil.which("timedatectl") is not None)


def look() -> int:
    """Ask the kernel for the clock's state; -1 where it does not say."""
    # modes = 0, the first field, asks and changes nothing.
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_ROOM))
    return state


def judge(state: int, *, timesync: bool) -> Iterator[Finding]:
    """Say whether something keeps it right."""
    if state == _TIME_ERROR:
        mend = "sudo timedatectl set-ntp true" if timesync else "sudo apt install systemd-timesyncd"
        yield warning(CHECK, "nothing keeps the clock right", mend)
    elif state >= 0:
        yield ok(CHECK, "it is synchronised")
