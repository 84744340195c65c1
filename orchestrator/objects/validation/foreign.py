"""Rules of kinds that do not run here: a name, labels, and the pods that a workload would make.

A cluster would refuse what breaks them, so it is an error here too.  The documents come as their types shaped them;
what did not fit is gone from them, and was told.
"""

from typing import Any

from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.problem import Problem
from orchestrator.objects.scalars import check_label, check_path_segment, check_subdomain
from orchestrator.objects.validation.common import NameRule, names_that_run_here
from orchestrator.objects.validation.meta import validate_labels_and_annotations, validate_name
from orchestrator.objects.validation.workloads import WORKLOADS, converted, validate_workload

_NAMELESS = ("Review", "TokenRequest", "Scale")
"""How the kinds end that are asked for and not kept."""

_NAME_RULES: dict[str, NameRule] = {
    "ClusterRole": check_path_segment,
    "ClusterRoleBinding": check_path_segment,
    "IPAddress": check_path_segment,
    "Role": check_path_segment,
    "RoleBinding": check_path_segment,
    "StatefulSet": check_label,
}
"""Every other kind's names are RFC 1123 subdomains."""


def validate_foreign(kind: str, document: dict[str, Any]) -> list[Problem]:
    """Give what is wrong with a document of a kind that does not run here."""
    problems: list[Problem] = []
    meta = converted(document.get("metadata", {}), ObjectMeta)
    if meta is not None:
        if not kind.endswith(_NAMELESS):
            wrong = validate_name(meta, ("metadata",), _NAME_RULES.get(kind, check_subdomain))
            problems += names_that_run_here(wrong, meta.name)
        problems += validate_labels_and_annotations(meta, ("metadata",))
    if kind in WORKLOADS:
        problems += validate_workload(kind, document)
    return [problem for problem in problems if problem.severity == "error"]
