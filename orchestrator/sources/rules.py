"""What a daemon's settings say of specs beyond what every cluster says: who is let in, what is told at its place."""

from dataclasses import dataclass, replace

from orchestrator.objects.node_ports import NODE_PORTS
from orchestrator.objects.security_levels import Level
from orchestrator.planning.sysctls import Allowed
from orchestrator.sources.located import Load, told_once
from orchestrator.sources.node_ports import allocated_twice, node_port_problems
from orchestrator.sources.pod_security import with_standards
from orchestrator.sources.sysctls import sysctl_problems


@dataclass(frozen=True, slots=True)
class Rules:
    """The level of the Pod Security Standards of every namespace at least, and which sysctls and node ports may be."""

    policy: Level = "privileged"
    unsafe_sysctls: Allowed = None
    node_ports: range = NODE_PORTS


def with_rules(load: Load, rules: Rules) -> Load:
    """A load without the pods that may not run; what is wrong with them and with Services is among its problems."""
    load = with_standards(load, rules.policy)
    problems = [*load.problems]
    for sourced in load.objects:
        problems += sysctl_problems(sourced, rules.unsafe_sysctls)
        problems += node_port_problems(sourced, rules.node_ports)
    problems += allocated_twice(load.objects, rules.node_ports)
    return replace(load, problems=told_once(problems))
