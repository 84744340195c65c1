"""What keeps a container's processes in their place, in the engine's terms: seccomp, AppArmor, SELinux, no new rights.

A container's own setting wins over its pod's.  Where neither says anything the engine's own default holds, which is
its RuntimeDefault: a kubelet would leave out seccomp then, and nobody is harmed by having it.
"""

from orchestrator.objects.pod import PodSpec
from orchestrator.objects.security import SecurityContext, SELinuxOptions
from orchestrator.planning.surroundings import Surroundings


def security_options(spec: PodSpec, own: SecurityContext, around: Surroundings) -> tuple[str, ...]:
    """The engine's security options, but for a seccomp profile out of a file.

    A privileged container is confined by nothing, as in Kubernetes, whatever its pod says.
    """
    options: list[str] = []
    if own.allow_privilege_escalation is False:
        options.append("no-new-privileges")
    if own.privileged:
        return tuple(options)
    whole = spec.security_context
    seccomp = own.seccomp_profile or whole.seccomp_profile
    if seccomp is not None and seccomp.type == "Unconfined":
        options.append("seccomp=unconfined")
    armor = own.app_armor_profile or whole.app_armor_profile
    if armor is not None and armor.type != "RuntimeDefault" and around.node.app_armor:
        name = "unconfined" if armor.type == "Unconfined" else armor.localhost_profile
        options.append(f"apparmor={name}")
    return (*options, *_label(own.se_linux_options or whole.se_linux_options))


def seccomp_file(spec: PodSpec, own: SecurityContext, around: Surroundings) -> str:
    """The file of a profile of type Localhost, under the host's folder of profiles; "" for any other."""
    profile = own.seccomp_profile or spec.security_context.seccomp_profile
    if profile is None or profile.type != "Localhost" or own.privileged:
        return ""
    return f"{around.seccomp_profiles}/{profile.localhost_profile}"


def _label(options: SELinuxOptions | None) -> tuple[str, ...]:
    if options is None:
        return ()
    parts = (("user", options.user), ("role", options.role), ("type", options.type), ("level", options.level))
    return tuple(f"label={name}:{value}" for name, value in parts if value)
