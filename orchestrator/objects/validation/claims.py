"""Rules of claims, also of those that a pod's ephemeral volume makes."""

from orchestrator.objects.claims import PersistentVolumeClaim, PersistentVolumeClaimSpec
from orchestrator.objects.meta import LabelSelector
from orchestrator.objects.problem import FieldPath, Problem, duplicate, forbidden, invalid, required
from orchestrator.objects.scalars import check_subdomain, parse_quantity
from orchestrator.objects.validation.meta import validate_label_selector


def validate_claim(claim: PersistentVolumeClaim) -> list[Problem]:
    """Check what a claim asks for."""
    return validate_claim_spec(claim.spec, ("spec",))


def validate_claim_spec(spec: PersistentVolumeClaimSpec, path: FieldPath) -> list[Problem]:
    """Check a claim's spec, also that of a template."""
    problems: list[Problem] = []
    if not spec.access_modes:
        problems.append(required((*path, "accessModes"), "at least 1 access mode is required"))
    problems += modes_problems(spec.access_modes, (*path, "accessModes"))
    if spec.selector is not None:
        problems += _selector(spec.selector, (*path, "selector"))
    storage = spec.resources.requests.get("storage")
    if storage is None:
        problems.append(required((*path, "resources", "requests", "storage")))
    elif parse_quantity(storage) <= 0:
        problems.append(invalid((*path, "resources", "requests", "storage"), storage, "must be greater than zero"))
    return problems + class_name_problems(spec.storage_class_name or "", (*path, "storageClassName"))


def modes_problems(modes: tuple[str, ...], path: FieldPath) -> list[Problem]:
    """Check access modes, of a claim or a volume."""
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        return [forbidden(path, "may not use ReadWriteOncePod with other access modes")]
    return []


def class_name_problems(name: str, path: FieldPath) -> list[Problem]:
    """Check the name of a storage class, "" for none."""
    return [invalid(path, name, rule) for rule in check_subdomain(name)] if name else []


def _selector(selector: LabelSelector, path: FieldPath) -> list[Problem]:
    problems = validate_label_selector(selector, path)
    seen: set[tuple[str, str]] = set()
    for index, condition in enumerate(selector.match_expressions):
        if (condition.key, condition.operator) in seen:
            problems.append(duplicate((*path, "matchExpressions", index, "key"), condition.key))
        seen.add((condition.key, condition.operator))
    return problems
