"""What is said of a pod's kernel settings, at their places, before a kubelet or this host says it of the pod."""

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.objects.pod import Pod
from orchestrator.objects.problem import FieldPath, Problem, error, warning
from orchestrator.objects.sysctls import dotted, namespace_of
from orchestrator.planning.sysctls import Allowed, is_safe, sysctl_problem
from orchestrator.sources.located import Located, Sourced


def sysctl_path(index: int) -> FieldPath:
    """Where a setting's name stands in a pod."""
    return ("spec", "securityContext", "sysctls", index, "name")


def sysctl_problems(sourced: Sourced, allowed: Allowed) -> Iterator[Located]:
    """Errors for what makes the pod Failed; warnings for what a cluster's kubelet refuses and this host does not."""
    if not isinstance(sourced.object, Pod):
        return
    for index, (line, column) in enumerate(sourced.sysctls):
        if problem := _problem(sourced.object, index, allowed):
            yield Located(problem, sourced.file, line, column)


def _problem(pod: Pod, index: int, allowed: Allowed) -> Problem | None:
    path, written = sysctl_path(index), pod.spec.security_context.sysctls[index].name
    if refused := sysctl_problem(written, pod.spec, allowed):
        where = "" if namespace_of(dotted(written)) else "it is the whole host's, so set it on the host"
        return error(path, f"forbidden sysctl: {refused}", where)
    if is_safe(written, allowed):
        return None
    unless = "unless its --allowed-unsafe-sysctls names it"
    text = f'"{dotted(written)}" is set here, but a cluster\'s kubelet refuses the pod {unless}'
    return replace(warning(path, text), once=True)
