"""Whether a container that ended is started again: restartPolicy of pod and container, and its rules (L03, L15).

Init containers run to success unless the pod never retries; an init container with restartPolicy Always is a sidecar,
which lives beside the app and is restarted alone (L07).
"""

from orchestrator.objects.container import Container, ContainerRestartRule
from orchestrator.objects.pod import Pod
from orchestrator.planning.observed import SeenContainer
from orchestrator.planning.terminated import last_state


def is_init(pod: Pod, container: Container) -> bool:
    """Whether it stands among the pod's init containers; sidecars do."""
    return any(init.name == container.name for init in pod.spec.init_containers)


def is_sidecar(pod: Pod, container: Container) -> bool:
    """Whether it starts in its turn among the init containers and then goes on running."""
    return container.restart_policy == "Always" and is_init(pod, container)


def should_restart(pod: Pod, container: Container, ended: SeenContainer) -> bool:
    """What the policies say of an attempt that ended."""
    exit_code = last_state(ended).exit_code
    if any(_applies(rule, exit_code) for rule in container.restart_policy_rules):
        return True
    policy = container.restart_policy or pod.spec.restart_policy
    if policy == "Always" and is_init(pod, container) and container.restart_policy is None:
        policy = "OnFailure"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def restarts_when_killed(pod: Pod, container: Container) -> bool:
    """What the policies say of a container that still runs: it has no exit code yet that a rule could look at."""
    return (container.restart_policy or pod.spec.restart_policy) != "Never"


def _applies(rule: ContainerRestartRule, exit_code: int) -> bool:
    codes = rule.exit_codes
    if codes is None:
        return False
    return (exit_code in codes.values) == (codes.operator == "In")
