"""Rules of claims, persistent volumes and storage classes."""

from collections.abc import Mapping

from orchestrator.objects.claims import PersistentVolumeClaim, PersistentVolumeClaimSpec
from orchestrator.objects.meta import LabelSelector
from orchestrator.objects.problem import FieldPath, Problem, duplicate, forbidden, invalid, required, unsupported
from orchestrator.objects.scalars import check_label_value, check_qualified_name, check_subdomain, parse_quantity
from orchestrator.objects.storage import PersistentVolume, PersistentVolumeSpec, StorageClass
from orchestrator.objects.validation.common import set_fields
from orchestrator.objects.validation.volumes import host_path_problems

_ONE_SOURCE = "may not specify more than 1 volume type"
_PLAIN_FIELDS = (
    "access_modes", "capacity", "claim_ref", "mount_options", "node_affinity", "persistent_volume_reclaim_policy",
    "storage_class_name", "volume_attributes_class_name", "volume_mode",
)  # fmt: skip
SOURCES = tuple(
    (attribute, outside)
    for attribute, outside in zip(
        PersistentVolumeSpec.__struct_fields__, PersistentVolumeSpec.__struct_encode_fields__, strict=True
    )
    if attribute not in _PLAIN_FIELDS
)
"""The kinds of persistent volumes: (attribute, outside name)."""


def validate_claim(claim: PersistentVolumeClaim) -> list[Problem]:
    """Check what a claim asks for."""
    return validate_claim_spec(claim.spec, ("spec",))


def validate_claim_spec(spec: PersistentVolumeClaimSpec, path: FieldPath) -> list[Problem]:
    """Check a claim's spec, also that of a template."""
    problems: list[Problem] = []
    if not spec.access_modes:
        problems.append(required((*path, "accessModes"), "at least 1 access mode is required"))
    problems += _modes(spec.access_modes, (*path, "accessModes"))
    if spec.selector is not None:
        problems += _selector(spec.selector, (*path, "selector"))
    storage = spec.resources.requests.get("storage")
    if storage is None:
        problems.append(required((*path, "resources", "requests", "storage")))
    elif parse_quantity(storage) <= 0:
        problems.append(invalid((*path, "resources", "requests", "storage"), storage, "must be greater than zero"))
    return problems + _class_name(spec.storage_class_name or "", (*path, "storageClassName"))


def validate_persistent_volume(volume: PersistentVolume) -> list[Problem]:
    """Check what a volume is."""
    spec, path = volume.spec, ("spec",)
    problems = [] if spec.access_modes else [required((*path, "accessModes"))]
    problems += _modes(spec.access_modes, (*path, "accessModes"))
    problems += _capacity(spec.capacity, (*path, "capacity"))
    chosen = set_fields(spec, SOURCES)
    problems += [] if chosen else [required(path, "must specify a volume type")]
    problems += [forbidden((*path, name), _ONE_SOURCE) for name in chosen[1:]]
    if spec.host_path is not None:
        problems += host_path_problems(spec.host_path, (*path, "hostPath"))
    if spec.local is not None:
        problems += _local(spec, (*path, "local"))
    if spec.claim_ref is not None:
        here = (*path, "claimRef")
        problems += [] if spec.claim_ref.name else [required((*here, "name"))]
        problems += [] if spec.claim_ref.namespace else [required((*here, "namespace"))]
    return problems + _class_name(spec.storage_class_name, (*path, "storageClassName"))


def validate_storage_class(made: StorageClass) -> list[Problem]:
    """Check a class."""
    problems = [] if made.provisioner else [required(("provisioner",))]
    problems += [required(("parameters",), "keys must not be empty") for key in made.parameters if not key]
    return problems


def _modes(modes: tuple[str, ...], path: FieldPath) -> list[Problem]:
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        return [forbidden(path, "may not use ReadWriteOncePod with other access modes")]
    return []


def _capacity(capacity: Mapping[str, str], path: FieldPath) -> list[Problem]:
    if not capacity:
        return [required(path)]
    if set(capacity) != {"storage"}:
        return [unsupported(path, ",".join(sorted(capacity)), ("storage",))]
    if parse_quantity(capacity["storage"]) <= 0:
        return [invalid((*path, "storage"), capacity["storage"], "must be greater than zero")]
    return []


def _local(spec: PersistentVolumeSpec, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    if spec.local is None or not spec.local.path:
        problems.append(required((*path, "path")))
    elif ".." in spec.local.path.split("/"):
        problems.append(invalid((*path, "path"), spec.local.path, "must not contain '..'"))
    if spec.node_affinity is None or spec.node_affinity.required is None:
        problems.append(required(("spec", "nodeAffinity"), "Local volume requires node affinity"))
    return problems


def _class_name(name: str, path: FieldPath) -> list[Problem]:
    return [invalid(path, name, rule) for rule in check_subdomain(name)] if name else []


def _selector(selector: LabelSelector, path: FieldPath) -> list[Problem]:
    problems: list[Problem] = []
    for key, value in selector.match_labels.items():
        here = (*path, "matchLabels")
        problems += [invalid((*here, key), key, rule) for rule in check_qualified_name(key)]
        problems += [invalid((*here, key), value, rule) for rule in check_label_value(value)]
    seen: set[tuple[str, str]] = set()
    for index, condition in enumerate(selector.match_expressions):
        where = (*path, "matchExpressions", index)
        problems += [invalid((*where, "key"), condition.key, rule) for rule in check_qualified_name(condition.key)]
        if condition.operator in ("In", "NotIn") and not condition.values:
            rule = "must be specified when `operator` is 'In' or 'NotIn'"
            problems.append(required((*where, "values"), rule))
        if condition.operator in ("Exists", "DoesNotExist") and condition.values:
            rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            problems.append(forbidden((*where, "values"), rule))
        if (condition.key, condition.operator) in seen:
            problems.append(duplicate((*where, "key"), condition.key))
        seen.add((condition.key, condition.operator))
    return problems
