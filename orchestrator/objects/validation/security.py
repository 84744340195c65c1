"""Rules of security contexts."""

import re

from orchestrator.objects.pod import PodSpec
from orchestrator.objects.problem import FieldPath, Problem, duplicate, invalid, required
from orchestrator.objects.security import PodSecurityContext, SecurityContext
from orchestrator.objects.validation.common import within

_MAX_ID = 2**31 - 1
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")
_IPC_SYSCTLS = ("kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue.")


def validate_security(context: SecurityContext, path: FieldPath) -> list[Problem]:
    """Check a container's security context."""
    problems = within(context.run_as_user, 0, _MAX_ID, (*path, "runAsUser"))
    problems += within(context.run_as_group, 0, _MAX_ID, (*path, "runAsGroup"))
    if context.allow_privilege_escalation is False:
        added = context.capabilities.add if context.capabilities else ()
        if context.privileged:
            rule = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            problems.append(invalid(path, "", rule))
        if "CAP_SYS_ADMIN" in added:
            rule = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            problems.append(invalid(path, "", rule))
    return problems


def validate_pod_security(context: PodSecurityContext, path: FieldPath) -> list[Problem]:
    """Check a pod's security context."""
    problems = within(context.run_as_user, 0, _MAX_ID, (*path, "runAsUser"))
    problems += within(context.run_as_group, 0, _MAX_ID, (*path, "runAsGroup"))
    problems += within(context.fs_group, 0, _MAX_ID, (*path, "fsGroup"))
    for index, group in enumerate(context.supplemental_groups):
        problems += within(group, 0, _MAX_ID, (*path, "supplementalGroups", index))
    return problems


def validate_sysctls(spec: PodSpec, path: FieldPath) -> list[Problem]:
    """Check kernel settings: each is of a namespace of the pod's own, which it must not share with the host."""
    problems: list[Problem] = []
    seen: set[str] = set()
    for index, sysctl in enumerate(spec.security_context.sysctls):
        here, name = (*path, index, "name"), sysctl.name.replace("/", ".")
        if not name:
            problems.append(required(here))
        elif len(name) > 253 or not _SYSCTL.fullmatch(sysctl.name):
            problems.append(invalid(here, sysctl.name, f"must have at most 253 characters and match {_SYSCTL.pattern}"))
        elif name in seen:
            problems.append(duplicate(here, sysctl.name))
        elif spec.host_network and name.startswith("net."):
            problems.append(invalid(here, sysctl.name, "may not be specified when 'hostNetwork' is true"))
        elif spec.host_ipc and name.startswith(_IPC_SYSCTLS):
            problems.append(invalid(here, sysctl.name, "may not be specified when 'hostIPC' is true"))
        seen.add(name)
    return problems
