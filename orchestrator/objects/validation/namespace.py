"""Rules of a namespace: its labels for the Pod Security Standards."""

from orchestrator.objects.config import Namespace
from orchestrator.objects.problem import Problem, invalid, no_effect
from orchestrator.objects.security_levels import LEVELS

_LABEL = "pod-security.kubernetes.io/"
_NEWEST = ("latest", "v1.34")


def validate_namespace(namespace: Namespace) -> list[Problem]:
    """Check the labels that name a level, or the version of its rules."""
    problems: list[Problem] = []
    for mode in ("enforce", "warn", "audit"):
        label, version = f"{_LABEL}{mode}", f"{_LABEL}{mode}-version"
        path = ("metadata", "labels", label)
        level = namespace.metadata.labels.get(label)
        if level is not None and level not in LEVELS:
            problems.append(invalid(path, level, f"must be one of {', '.join(LEVELS)}"))
        elif level is not None and mode == "audit":
            problems.append(no_effect(path, f"{label} has no effect here: nobody writes an audit log"))
        if namespace.metadata.labels.get(version, "latest") not in _NEWEST:
            text = f"{version} has no effect here: the rules are those of Kubernetes 1.34"
            problems.append(no_effect(("metadata", "labels", version), text))
    return problems
