"""Rules of security contexts."""

import re
from dataclasses import replace

from orchestrator.objects.pod import PodSpec
from orchestrator.objects.problem import FieldPath, Problem, duplicate, error, invalid, required
from orchestrator.objects.security import AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext
from orchestrator.objects.sysctls import namespace_of
from orchestrator.objects.validation.common import local_path, within

_MAX_ID = 2**31 - 1
_LONGEST_PROFILE = 4095
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")


def validate_security(context: SecurityContext, path: FieldPath, *, host_users: bool = True) -> list[Problem]:
    """Check a container's security context; `host_users` says whether its pod asks for no users of its own."""
    problems = within(context.run_as_user, 0, _MAX_ID, (*path, "runAsUser"))
    problems += within(context.run_as_group, 0, _MAX_ID, (*path, "runAsGroup"))
    problems += _profiles(context, path)
    if context.proc_mount == "Unmasked" and host_users:
        rule = "`hostUsers` must be false to use `Unmasked`"
        problems.append(invalid((*path, "procMount"), "Unmasked", rule))
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
    problems += _profiles(context, path)
    for index, group in enumerate(context.supplemental_groups):
        problems += within(group, 0, _MAX_ID, (*path, "supplementalGroups", index))
    return problems


def _profiles(context: SecurityContext | PodSecurityContext, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    seccomp, armor = context.seccomp_profile, context.app_armor_profile
    if seccomp is not None:
        here = (*path, "seccompProfile", "localhostProfile")
        problems += _only_localhost(seccomp, here, "seccomp") or local_path(seccomp.localhost_profile, here)
    if armor is not None:
        here, name = (*path, "appArmorProfile", "localhostProfile"), armor.localhost_profile
        problems += _only_localhost(armor, here, "AppArmor")
        if name != name.strip():
            problems.append(invalid(here, name, "must not be padded with whitespace"))
        elif len(name) > _LONGEST_PROFILE:
            problems.append(error(here, f"Too long: may not be more than {_LONGEST_PROFILE} bytes"))
    return problems


def _only_localhost(profile: SeccompProfile | AppArmorProfile, path: FieldPath, what: str) -> list[Problem]:
    """A profile of the host's own is named where the type says so, and nowhere else."""
    if profile.type == "Localhost" and not profile.localhost_profile.strip():
        return [required(path, f"must be set when {what} type is Localhost")]
    if profile.type != "Localhost" and profile.localhost_profile:
        return [invalid(path, profile.localhost_profile, f"can only be set when {what} type is Localhost")]
    return []


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
        elif spec.host_network and namespace_of(name) == "Net":
            problems.append(_of_the_host(here, sysctl.name, "hostNetwork"))
        elif spec.host_ipc and namespace_of(name) == "IPC":
            problems.append(_of_the_host(here, sysctl.name, "hostIPC"))
        seen.add(name)
    return problems


def _of_the_host(path: FieldPath, name: str, field: str) -> Problem:
    wrong = invalid(path, name, f"may not be specified when '{field}' is true")
    return replace(wrong, runs_here=True, instead="it is not set, the host's own value holds")
