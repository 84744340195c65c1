"""Which kernel settings a pod gets on this host: those of its own namespaces, and of them which are allowed.

Without `--allowed-unsafe-sysctls` all of them are, for who writes the specs runs the host too; with it they are the
safe ones and those that it names, as for a kubelet.  One of a namespace that the pod shares with the host is never set:
it would change the host.
"""

import re
from collections.abc import Iterator, Mapping

from orchestrator.objects.pod import PodSpec
from orchestrator.objects.security import SAFE_SYSCTLS
from orchestrator.objects.sysctls import SysctlNamespace, dotted, namespace_of

Allowed = tuple[str, ...] | None
"""What may be set beside the safe ones, names and beginnings with "*"; None is all that is a namespace's own."""

ANY, NONE = "any", "none"
"""Words for the setting: as without it; and only the safe ones."""
_PATTERN = re.compile(r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*([./]?[-_a-z0-9]*\*)?")


def allowed_of(setting: str) -> Allowed:
    """What a setting allows: "any", "none", or names with commas between."""
    return None if setting == ANY else tuple(name for name in setting.split(",") if name not in ("", NONE))


def pattern_problem(pattern: str) -> str:
    """What is wrong with a name, or a beginning and "*", that is to be allowed; "" when nothing is."""
    if len(pattern) > 253 or not _PATTERN.fullmatch(pattern):
        return f"{pattern!r} is no sysctl: write it as kernel.msgmax or net.core.*"
    if namespace_of(dotted(pattern).removesuffix("*")) is None:
        return f"{pattern!r} is not known to be namespaced: it would change the host"
    return ""


def forbidden_sysctl(spec: PodSpec, allowed: Allowed) -> str:
    """Why a pod's settings are refused, in the kubelet's words; "" when they are not."""
    problems = (sysctl_problem(sysctl.name, spec, allowed) for sysctl in spec.security_context.sysctls)
    return next((f"forbidden sysctl: {problem}" for problem in problems if problem), "")


def sysctl_problem(written: str, spec: PodSpec, allowed: Allowed) -> str:
    """Why a pod is refused for one of its settings, in the kubelet's words; "" when it is not."""
    name = dotted(written)
    space = namespace_of(name)
    if space is None or (allowed is not None and not is_safe(name, allowed)):
        return f'"{name}" not allowlisted'
    if allowed is not None and _is_shared(space, spec):
        return f'"{name}" not allowed with host {space} enabled'
    return ""


def is_safe(name: str, allowed: Allowed = ()) -> bool:
    """Whether a setting is one of Kubernetes' safe ones, or named by `allowed`."""
    return any(_matches(dotted(name), pattern) for pattern in (*SAFE_SYSCTLS, *map(dotted, allowed or ())))


def own_sysctls(spec: PodSpec) -> Mapping[str, str]:
    """What is set in the pod's own namespaces, by dotted name."""
    left_out = dict(shared_sysctls(spec))
    every = ((dotted(sysctl.name), sysctl.value) for sysctl in spec.security_context.sysctls)
    return {name: value for name, value in every if name not in left_out}


def shared_sysctls(spec: PodSpec) -> Iterator[tuple[str, SysctlNamespace]]:
    """What is not set, as the pod shares its namespace with the host: the name, and which namespace."""
    for sysctl in spec.security_context.sysctls:
        name = dotted(sysctl.name)
        space = namespace_of(name)
        if space is not None and _is_shared(space, spec):
            yield name, space


def _is_shared(space: SysctlNamespace, spec: PodSpec) -> bool:
    return spec.host_network if space == "Net" else spec.host_ipc


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
