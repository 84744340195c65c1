"""What a kubelet would not run on its host: such a pod is Failed before anything of it is made (case R04).

It is asked for once, before the sandbox: what runs is not harmed when the daemon starts with other settings.
"""

from dataclasses import dataclass

from orchestrator.objects.pod import Pod
from orchestrator.planning.surroundings import Surroundings
from orchestrator.planning.sysctls import forbidden_sysctl

SYSCTL_FORBIDDEN = "SysctlForbidden"
APP_ARMOR = "AppArmor"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a pod is not run: reason and message of the kubelet's Event."""

    reason: str
    message: str

    @property
    def status_message(self) -> str:
        """What the pod's status says."""
        return f"Pod was rejected: {self.message}"


def rejection(pod: Pod, around: Surroundings) -> Rejection | None:
    """Why this host does not run the pod; None when it does."""
    if problem := forbidden_sysctl(pod.spec, around.allowed_unsafe_sysctls):
        return Rejection(SYSCTL_FORBIDDEN, problem)
    if _asks_for_app_armor(pod) and not around.node.app_armor:
        return Rejection(APP_ARMOR, "Cannot enforce AppArmor: AppArmor is not enabled on the host")
    return None


def is_rejected(pod: Pod) -> bool:
    """Whether it was told that the pod is not run."""
    return pod.status.phase == "Failed" and pod.status.reason in (SYSCTL_FORBIDDEN, APP_ARMOR)


def _asks_for_app_armor(pod: Pod) -> bool:
    whole = pod.spec.security_context.app_armor_profile
    for container in pod.spec.every_container:
        own = container.security_context
        if own is not None and own.privileged:
            continue
        profile = (own.app_armor_profile if own else None) or whole
        if profile is not None and profile.type != "Unconfined":
            return True
    return False
