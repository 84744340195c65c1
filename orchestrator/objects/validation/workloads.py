"""Rules of the kinds that make pods: a template that is a good pod, a restart policy that fits, a selector."""

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from orchestrator.objects.defaults import pod_spec_defaults
from orchestrator.objects.meta import LabelSelector
from orchestrator.objects.pod import PodSpec, PodTemplateSpec
from orchestrator.objects.problem import FieldPath, Problem, forbidden, invalid, required, unsupported
from orchestrator.objects.validation.annotations import validate_annotations
from orchestrator.objects.validation.common import at_least
from orchestrator.objects.validation.meta import validate_labels, validate_labels_and_annotations
from orchestrator.objects.validation.pod import validate_pod_spec
from orchestrator.objects.volumes import PersistentVolumeClaimVolumeSource, Volume

T = TypeVar("T", bound=msgspec.Struct)

_ENDLESS = ("Always",)
_ENDING = ("OnFailure", "Never")


@dataclass(frozen=True, slots=True)
class Workload:
    """Where a kind has its template, what its pods' restart policy may be, and how it finds them."""

    holder: FieldPath = ("spec",)
    policies: tuple[str, ...] = _ENDLESS
    selector: bool = True
    counts: tuple[str, ...] = ("replicas", "minReadySeconds", "revisionHistoryLimit")


_JOB_COUNTS = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")

WORKLOADS = {
    "CronJob": Workload(("spec", "jobTemplate", "spec"), _ENDING, selector=False, counts=_JOB_COUNTS),
    "DaemonSet": Workload(),
    "Deployment": Workload(),
    "Job": Workload(policies=_ENDING, selector=False, counts=_JOB_COUNTS),
    "PodTemplate": Workload((), policies=("Always", "OnFailure", "Never"), selector=False, counts=()),
    "ReplicaSet": Workload(),
    "ReplicationController": Workload(),
    "StatefulSet": Workload(),
}


def validate_workload(kind: str, document: dict[str, Any]) -> list[Problem]:
    """Check what a workload says of its pods; `document` has the shape of its type."""
    workload = WORKLOADS[kind]
    holder: Any = document
    for index, step in enumerate(workload.holder):
        if step not in holder:
            return [required(workload.holder[: index + 1])]
        holder = holder[step]
    path = (*workload.holder, "template")
    if "template" not in holder:
        return [required(path)]
    template = converted(holder["template"], PodTemplateSpec)
    problems: list[Problem] = []
    for name in workload.counts:
        problems += at_least(holder.get(name), 0, (*workload.holder, name))
    if template is None:
        return problems
    if workload.selector:
        problems += _selector(kind, holder.get("selector"), template, workload.holder)
    claims = holder.get("volumeClaimTemplates", ())
    return problems + _template(_with_claims(template, claims), path, workload, kind)


def _with_claims(template: PodTemplateSpec, claims: Any) -> PodTemplateSpec:
    """Add the volumes that a StatefulSet makes from the templates of its claims, in place of others of their name."""
    names = [name for claim in claims if claim and (name := claim.get("metadata", {}).get("name"))]
    if template.spec is None or not names:
        return template
    kept = tuple(volume for volume in template.spec.volumes if volume.name not in names)
    source = PersistentVolumeClaimVolumeSource(claim_name="made-for-each-pod")
    made = tuple(Volume(name=name, persistent_volume_claim=source) for name in names)
    return replace(template, spec=replace(template.spec, volumes=kept + made))


def _template(template: PodTemplateSpec, path: FieldPath, workload: Workload, kind: str) -> list[Problem]:
    problems = validate_labels_and_annotations(template.metadata, (*path, "metadata"))
    here = (*path, "metadata", "annotations")
    problems += validate_annotations(template.metadata.annotations, here, of_pod=True)
    here = (*path, "spec")
    if template.spec is None:
        return [*problems, required(here)]
    spec = pod_spec_defaults(template.spec)
    return problems + validate_pod_spec(spec, here) + _life(spec, here, workload, kind)


def _life(spec: PodSpec, path: FieldPath, workload: Workload, kind: str) -> list[Problem]:
    problems: list[Problem] = []
    if spec.restart_policy not in workload.policies:
        problems.append(unsupported((*path, "restartPolicy"), spec.restart_policy, workload.policies))
    if workload.policies == _ENDLESS and spec.active_deadline_seconds is not None:
        rule = f"activeDeadlineSeconds in {kind} is not Supported"
        problems.append(forbidden((*path, "activeDeadlineSeconds"), rule))
    return problems


def _selector(kind: str, raw: Any, template: PodTemplateSpec, holder: FieldPath) -> list[Problem]:
    labels = template.metadata.labels
    path: FieldPath = (*holder, "selector")
    where: FieldPath = (*path, "matchLabels")
    if kind == "ReplicationController":
        raw, where = {"matchLabels": raw or dict(labels)}, path
    selector = converted(raw, LabelSelector)
    if selector is None:
        return []
    problems = validate_labels(selector.match_labels, where)
    if problems:
        return problems
    if not selector.match_labels and not selector.match_expressions:
        return [required(path, f"an empty selector takes no pods of this {kind}")]
    if not selector.matches(labels):
        text = ",".join(f"{key}={value}" for key, value in labels.items())
        rule = "`selector` does not match template `labels`"
        return [invalid((*holder, "template", "metadata", "labels"), text, rule)]
    return []


def converted(raw: Any, type_: type[T]) -> T | None:
    """Give a part of a document as its type; None where it is not there, or lacks what is required."""
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError:
        return None
