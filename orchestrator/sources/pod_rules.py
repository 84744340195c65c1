"""What a daemon's settings say of pods beyond what every cluster says: who is let in, and what is told at its place."""

from dataclasses import dataclass, replace

from orchestrator.objects.security_levels import Level
from orchestrator.planning.sysctls import Allowed
from orchestrator.sources.located import Load, told_once
from orchestrator.sources.pod_security import with_standards
from orchestrator.sources.sysctls import sysctl_problems


@dataclass(frozen=True, slots=True)
class PodRules:
    """The level of the Pod Security Standards in every namespace at least, and the sysctls that are allowed."""

    policy: Level = "privileged"
    unsafe_sysctls: Allowed = None


def with_rules(load: Load, rules: PodRules) -> Load:
    """A load without the pods that may not run; what is wrong with them is among its problems."""
    load = with_standards(load, rules.policy)
    problems = [*load.problems]
    for sourced in load.objects:
        problems += sysctl_problems(sourced, rules.unsafe_sysctls)
    return replace(load, problems=told_once(problems))
