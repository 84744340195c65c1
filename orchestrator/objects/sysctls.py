"""Kernel settings as a pod names them: how a name is written, and which namespace keeps a setting apart.

The lists are the kubelet's (https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/).
"""

import re
from typing import Literal

SysctlNamespace = Literal["Net", "IPC"]
"""As a kubelet's messages call it."""

_PREFIXES: dict[str, SysctlNamespace] = {
    "kernel.shm": "IPC",
    "kernel.msg": "IPC",
    "fs.mqueue.": "IPC",
    "net.": "Net",
}


def dotted(name: str) -> str:
    """A setting's name with dots, where it may be written with slashes: then an interface's name keeps its dots."""
    first = re.search(r"[./]", name)
    return name.translate(str.maketrans("/.", "./")) if first and first[0] == "/" else name


def namespace_of(name: str) -> SysctlNamespace | None:
    """The namespace that has a setting of its own, by the setting's dotted name; None for what is the whole host's."""
    if name == "kernel.sem":
        return "IPC"
    return next((space for prefix, space in _PREFIXES.items() if name.startswith(prefix)), None)
