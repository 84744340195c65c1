"""Rules of security contexts."""

from orchestrator.objects.problem import FieldPath, Problem, invalid
from orchestrator.objects.security import PodSecurityContext, SecurityContext
from orchestrator.objects.validation.common import within

_MAX_ID = 2**31 - 1


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
