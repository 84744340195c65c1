"""Which kernel settings a pod may ask for on this host: those that stay in its namespaces and harm nobody else.

The list is the kubelet's (https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/).  What is not on it runs
when `--allowed-unsafe-sysctls` names it.
"""

import re
from collections.abc import Iterable

from orchestrator.objects.pod import PodSpec
from orchestrator.objects.security import SAFE_SYSCTLS

_PATTERN = re.compile(r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*([./]?[-_a-z0-9]*\*)?")
_OF_NAMESPACES = ("kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue.", "net.")


def dotted(name: str) -> str:
    """A setting's name with dots, where it may be written with slashes: then an interface's name keeps its dots."""
    first = re.search(r"[./]", name)
    return name.translate(str.maketrans("/.", "./")) if first and first[0] == "/" else name


def pattern_problem(pattern: str) -> str:
    """What is wrong with a name, or a beginning and "*", that is to be allowed; "" when nothing is."""
    if len(pattern) > 253 or not _PATTERN.fullmatch(pattern):
        return f"{pattern!r} is no sysctl: write it as kernel.msgmax or net.core.*"
    if not dotted(pattern).startswith(_OF_NAMESPACES):
        return f"{pattern!r} is not known to be namespaced: it would change the host"
    return ""


def forbidden_sysctl(spec: PodSpec, allowed: Iterable[str]) -> str:
    """Why a pod's settings are refused, in the kubelet's words; "" when they are not.

    `allowed` are the names and patterns that count as safe here beside Kubernetes' own.  That a pod shares the
    namespace of one with the host is refused by validation already.
    """
    patterns = (*SAFE_SYSCTLS, *map(dotted, allowed))
    for sysctl in spec.security_context.sysctls:
        name = dotted(sysctl.name)
        if not any(_matches(name, pattern) for pattern in patterns):
            return f'forbidden sysctl: "{name}" not allowlisted'
    return ""


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
