"""Rules of kinds that do not run here: a name, labels, and the pods that a workload would make.

A cluster would refuse what breaks them, so it is an error here too.  The documents come as their types shaped them:
what did not fit was told, and is gone or has a stand-in.
"""

from typing import Any

from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.problem import Problem, invalid, required
from orchestrator.objects.scalars import check_label, check_path_segment, check_subdomain
from orchestrator.objects.validation.common import NameRule, names_that_run_here
from orchestrator.objects.validation.meta import validate_labels_and_annotations, validate_name
from orchestrator.objects.validation.workloads import WORKLOADS, converted, validate_workload

_NAMELESS = ("Review", "TokenRequest", "Scale")
"""How the kinds end that are asked for and not kept."""

_CRON_JOB_NAME = 52
"""Its Jobs have eleven characters more, and their pods carry the Job's name in a label."""

_SCHEDULE_WORDS = ("@annually", "@daily", "@hourly", "@midnight", "@monthly", "@weekly", "@yearly")

_NAME_RULES: dict[str, NameRule] = {
    "ClusterRole": check_path_segment,
    "ClusterRoleBinding": check_path_segment,
    "CronJob": lambda name: check_subdomain(name) + _room_for_jobs(name),
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
    if kind == "CronJob":
        problems += _schedule(document.get("spec", {}).get("schedule", ""))
    return [problem for problem in problems if problem.severity == "error"]


def _room_for_jobs(name: str) -> list[str]:
    return [] if len(name) <= _CRON_JOB_NAME else [f"must be no more than {_CRON_JOB_NAME} characters"]


def _schedule(text: str) -> list[Problem]:
    """Check the form of a schedule: five fields, or one of the words."""
    path = ("spec", "schedule")
    if not text:
        return [required(path)]
    if "TZ" in text:
        return [invalid(path, text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")]
    if text.startswith("@"):
        known = text in _SCHEDULE_WORDS or text.startswith("@every ")
        return [] if known else [invalid(path, text, "unrecognized descriptor")]
    count = len(text.split())
    return [] if count == 5 else [invalid(path, text, f"expected exactly 5 fields, found {count}")]
