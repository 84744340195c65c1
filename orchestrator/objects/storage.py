"""PersistentVolume and StorageClass: where claims get their storage from.

Follows https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-v1/ and
storage-class-v1/.  Only hostPath and local volumes are on a single host; the others are known by type.
"""

from collections.abc import Mapping
from typing import Literal

from orchestrator.objects.claims import AccessMode, VolumeMode
from orchestrator.objects.meta import Object, ObjectReference, Part, shown
from orchestrator.objects.scalars import Quantity, Time
from orchestrator.objects.scheduling import NodeSelector
from orchestrator.objects.volume_plugins import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    AzureFileVolumeSource,
    CephFSVolumeSource,
    CinderVolumeSource,
    FCVolumeSource,
    FlexVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    GlusterfsVolumeSource,
    ISCSIVolumeSource,
    NFSVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    RBDVolumeSource,
    ScaleIOVolumeSource,
    StorageOSVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from orchestrator.objects.volumes import HostPathVolumeSource

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
"""The annotation ("true") of the class that claims without one get."""


class SecretReference(Part, frozen=True, kw_only=True):
    """A Secret of any namespace."""

    name: str = ""
    namespace: str = ""


class CSIPersistentVolumeSource(Part, frozen=True, kw_only=True):
    """A volume of a CSI driver."""

    driver: str
    volume_handle: str
    read_only: bool = False
    fs_type: str = ""
    volume_attributes: Mapping[str, str] = {}
    controller_expand_secret_ref: SecretReference | None = None
    controller_publish_secret_ref: SecretReference | None = None
    node_expand_secret_ref: SecretReference | None = None
    node_publish_secret_ref: SecretReference | None = None
    node_stage_secret_ref: SecretReference | None = None


class AzureFilePersistentVolumeSource(AzureFileVolumeSource, frozen=True, kw_only=True):
    """An Azure file share."""

    secret_namespace: str = ""


class CephFSPersistentVolumeSource(CephFSVolumeSource, frozen=True, kw_only=True):
    """A Ceph file system."""

    secret_ref: SecretReference | None = None  # type: ignore[assignment]


class CinderPersistentVolumeSource(CinderVolumeSource, frozen=True, kw_only=True):
    """An OpenStack disk."""

    secret_ref: SecretReference | None = None  # type: ignore[assignment]


class FlexPersistentVolumeSource(FlexVolumeSource, frozen=True, kw_only=True):
    """A volume of a driver program."""

    secret_ref: SecretReference | None = None  # type: ignore[assignment]


class GlusterfsPersistentVolumeSource(GlusterfsVolumeSource, frozen=True, kw_only=True):
    """A Gluster volume."""

    endpoints_namespace: str = ""


class ISCSIPersistentVolumeSource(ISCSIVolumeSource, frozen=True, kw_only=True):
    """An iSCSI disk."""

    secret_ref: SecretReference | None = None  # type: ignore[assignment]


class RBDPersistentVolumeSource(RBDVolumeSource, frozen=True, kw_only=True):
    """A Rados block device."""

    secret_ref: SecretReference | None = None  # type: ignore[assignment]


class ScaleIOPersistentVolumeSource(ScaleIOVolumeSource, frozen=True, kw_only=True):
    """A ScaleIO volume."""

    secret_ref: SecretReference  # type: ignore[assignment]


class StorageOSPersistentVolumeSource(StorageOSVolumeSource, frozen=True, kw_only=True):
    """A StorageOS volume."""

    secret_ref: ObjectReference | None = None  # type: ignore[assignment]


class LocalVolumeSource(Part, frozen=True, kw_only=True):
    """A directory of this host that is there already."""

    path: str
    fs_type: str = ""


class VolumeNodeAffinity(Part, frozen=True, kw_only=True):
    """The nodes that can reach the volume."""

    required: NodeSelector | None = None


class PersistentVolumeSpec(Part, frozen=True, kw_only=True):
    """What a volume is, and who may have it; exactly one source is set."""

    access_modes: tuple[AccessMode, ...] = ()
    capacity: Mapping[str, Quantity] = {}
    claim_ref: ObjectReference | None = None
    mount_options: tuple[str, ...] = ()
    node_affinity: VolumeNodeAffinity | None = None
    persistent_volume_reclaim_policy: Literal["Retain", "Delete", "Recycle"] = shown("Retain")
    storage_class_name: str = ""
    volume_attributes_class_name: str = ""
    volume_mode: VolumeMode = shown("Filesystem")
    host_path: HostPathVolumeSource | None = None
    local: LocalVolumeSource | None = None
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFilePersistentVolumeSource | None = None
    cephfs: CephFSPersistentVolumeSource | None = None
    cinder: CinderPersistentVolumeSource | None = None
    csi: CSIPersistentVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexPersistentVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    glusterfs: GlusterfsPersistentVolumeSource | None = None
    iscsi: ISCSIPersistentVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDPersistentVolumeSource | None = None
    scale_io: ScaleIOPersistentVolumeSource | None = None
    storageos: StorageOSPersistentVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None


class PersistentVolumeStatus(Part, frozen=True, kw_only=True):
    """Whether a claim has it."""

    phase: Literal["Pending", "Available", "Bound", "Released", "Failed"] = shown("Pending")
    message: str = ""
    reason: str = ""
    last_phase_transition_time: Time = ""


class PersistentVolume(Object, frozen=True, kw_only=True):
    """A piece of storage; it belongs to no namespace."""

    api_version: Literal["v1"] = shown("v1")
    kind: Literal["PersistentVolume"] = shown("PersistentVolume")
    spec: PersistentVolumeSpec = PersistentVolumeSpec()
    status: PersistentVolumeStatus = PersistentVolumeStatus()


class TopologySelectorLabelRequirement(Part, frozen=True, kw_only=True):
    """One condition on a node's label."""

    key: str
    values: tuple[str, ...]


class TopologySelectorTerm(Part, frozen=True, kw_only=True):
    """Conditions that must all hold."""

    match_label_expressions: tuple[TopologySelectorLabelRequirement, ...] = ()


class StorageClass(Object, frozen=True, kw_only=True):
    """How volumes of this name are made."""

    api_version: Literal["storage.k8s.io/v1"] = shown("storage.k8s.io/v1")
    kind: Literal["StorageClass"] = shown("StorageClass")
    provisioner: str
    parameters: Mapping[str, str] = {}
    reclaim_policy: Literal["Retain", "Delete", "Recycle"] = shown("Delete")
    volume_binding_mode: Literal["Immediate", "WaitForFirstConsumer"] = shown("Immediate")
    allow_volume_expansion: bool | None = None
    mount_options: tuple[str, ...] = ()
    allowed_topologies: tuple[TopologySelectorTerm, ...] = ()
