"""The Pod Security Standards of Kubernetes 1.34: which pods a level forbids, rule by rule, in the API server's words.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ publishes them.  One row a rule, in `baseline` and
`restricted`; nothing here knows which level counts where.  Two exceptions of the standards are not made, for what they
rest on has no effect on this host: pods of another `os`, and pods with users of their own (`hostUsers`).
"""

from collections.abc import Iterable

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_security.baseline import BASELINE
from orchestrator.objects.pod_security.restricted import RESTRICTED
from orchestrator.objects.pod_security.rule import Rule, Violation
from orchestrator.objects.security_levels import Level

__all__ = ["Violation", "at_level", "sentence", "violations"]

_TOLD_BY_ANOTHER = {rule.instead_of for rule in RESTRICTED if rule.instead_of}
"""Rules of baseline that a stricter one of restricted tells better."""


def violations(pod: Pod) -> tuple[Violation, ...]:
    """Every rule of any level that a pod breaks, in the API server's order."""
    return tuple(found for rule in (*BASELINE, *RESTRICTED) if (found := _broken(rule, pod)) is not None)


def at_level(found: Iterable[Violation], level: Level) -> tuple[Violation, ...]:
    """Those that a level forbids; each once, as restricted has what baseline has."""
    if level == "privileged":
        return ()
    if level == "baseline":
        return tuple(each for each in found if each.level == "baseline")
    return tuple(each for each in found if each.rule not in _TOLD_BY_ANOTHER)


def sentence(found: Iterable[Violation], level: Level, *, enforced: bool = True) -> str:
    """What the API server says of a pod that breaks these rules of a level, or would if it were enforced."""
    verb = "violates" if enforced else "would violate"
    return f'{verb} PodSecurity "{level}:latest": {", ".join(each.text for each in found)}'


def _broken(rule: Rule, pod: Pod) -> Violation | None:
    found = rule.check(pod)
    if found is None:
        return None
    count = len(found.values)
    reason = rule.reason_of_many if rule.reason_of_many and count > 1 else rule.reason
    return Violation(rule=rule.id, level=rule.level, reason=reason, detail=found.detail, path=found.path)
