"""What an examination says of one thing: how it is, and the command that mends it.

`orchestrator doctor` tells them; a daemon that runs adds what only it can know.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]
LEVELS: tuple[Level, ...] = ("error", "warning", "ok")
"""The most important first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` names what was looked at ("engine"), `found` is a sentence without a full stop.

    `mend` is a command line for a shell, "" where nothing is to be mended.  An error keeps pods from running as they
    should; a warning is worth knowing.
    """

    check: str
    level: Level
    found: str
    mend: str = ""


def ok(check: str, found: str) -> Finding:
    """Nothing to mend."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, mend: str) -> Finding:
    """Something is less than it could be."""
    return Finding(check, "warning", found, mend)


def error(check: str, found: str, mend: str) -> Finding:
    """Something does not work."""
    return Finding(check, "error", found, mend)


def setting(name: str, value: object) -> str:
    """The command that sets a kernel's setting, for now and for every boot: setting("net.ipv4.ip_forward", 1)."""
    return f"echo '{name} = {value}' | sudo tee -a /etc/sysctl.d/90-orchestrator.conf && sudo sysctl -w {name}={value}"
