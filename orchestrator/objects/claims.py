"""PersistentVolumeClaim: storage that a namespace asks for, and that outlives its pods.

Follows https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-claim-v1/.
"""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.meta import LabelSelector, Object, ObjectMeta, Part, shown
from orchestrator.objects.scalars import Quantity, Time

AccessMode = Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]
VolumeMode = Literal["Filesystem", "Block"]


class TypedLocalObjectReference(Part, frozen=True, kw_only=True):
    """An object of any kind in the same namespace."""

    kind: str
    name: str
    api_group: str = ""


class TypedObjectReference(Part, frozen=True, kw_only=True):
    """An object of any kind."""

    kind: str
    name: str
    api_group: str = ""
    namespace: str = ""


class VolumeResourceRequirements(Part, frozen=True, kw_only=True):
    """How much storage a claim needs."""

    limits: Mapping[str, Quantity] = {}
    requests: Mapping[str, Quantity] = {}


class PersistentVolumeClaimSpec(Part, frozen=True, kw_only=True):
    """What a claim asks for.  `storage_class_name` "" asks for a volume of no class; None leaves the choice."""

    access_modes: tuple[AccessMode, ...] = ()
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    resources: VolumeResourceRequirements = VolumeResourceRequirements()
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str = ""
    volume_mode: VolumeMode = shown("Filesystem")
    volume_name: str = ""


class PersistentVolumeClaimTemplate(Part, frozen=True, kw_only=True):
    """The claim that an ephemeral volume makes."""

    spec: PersistentVolumeClaimSpec
    metadata: ObjectMeta | None = None


class PersistentVolumeClaimCondition(Part, frozen=True, kw_only=True):
    """One observed truth about a claim."""

    type: str
    status: str
    last_probe_time: Time = ""
    last_transition_time: Time = ""
    reason: str = ""
    message: str = ""


class ModifyVolumeStatus(Part, frozen=True, kw_only=True):
    """How far a change of the volume's attributes is."""

    status: str
    target_volume_attributes_class_name: str = ""


class PersistentVolumeClaimStatus(Part, frozen=True, kw_only=True):
    """What a claim has been given."""

    phase: Literal["Pending", "Bound", "Lost"] = shown("Pending")
    access_modes: tuple[AccessMode, ...] = ()
    capacity: Mapping[str, Quantity] = {}
    allocated_resources: Mapping[str, Quantity] = {}
    allocated_resource_statuses: Mapping[str, str] = {}
    conditions: tuple[PersistentVolumeClaimCondition, ...] = ()
    current_volume_attributes_class_name: str = ""
    modify_volume_status: ModifyVolumeStatus | None = None


class PersistentVolumeClaim(Object, frozen=True, kw_only=True):
    """A claim of a namespace on a volume."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["PersistentVolumeClaim"] = shown("PersistentVolumeClaim")
    spec: PersistentVolumeClaimSpec = PersistentVolumeClaimSpec()
    status: PersistentVolumeClaimStatus = PersistentVolumeClaimStatus()
