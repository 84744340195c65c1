"""Rules of persistent volumes and storage classes."""

from collections.abc import Mapping

from orchestrator.objects.problem import FieldPath, Problem, forbidden, invalid, required, unsupported
from orchestrator.objects.scalars import parse_quantity
from orchestrator.objects.storage import PersistentVolume, PersistentVolumeSpec, StorageClass
from orchestrator.objects.validation.claims import class_name_problems, modes_problems
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


def validate_persistent_volume(volume: PersistentVolume) -> list[Problem]:
    """Check what a volume is."""
    spec, path = volume.spec, ("spec",)
    problems = [] if spec.access_modes else [required((*path, "accessModes"))]
    problems += modes_problems(spec.access_modes, (*path, "accessModes"))
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
    return problems + class_name_problems(spec.storage_class_name, (*path, "storageClassName"))


def validate_storage_class(made: StorageClass) -> list[Problem]:
    """Check a class."""
    problems = [] if made.provisioner else [required(("provisioner",))]
    problems += [required(("parameters",), "keys must not be empty") for key in made.parameters if not key]
    return problems


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
