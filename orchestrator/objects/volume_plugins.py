"""The kinds of volumes that need a cluster or a storage system: known by type, so that their errors are found.

The fields are those of Kubernetes 1.34; `support` says that none of them is enforced.
"""

from collections.abc import Mapping

from orchestrator.objects.claims import PersistentVolumeClaimTemplate
from orchestrator.objects.meta import LocalObjectReference, Part


class EphemeralVolumeSource(Part, frozen=True, kw_only=True):
    """A claim that lives and dies with the pod."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = None


class NFSVolumeSource(Part, frozen=True, kw_only=True):
    """A folder of an NFS server."""

    path: str
    server: str
    read_only: bool = False


class ISCSIVolumeSource(Part, frozen=True, kw_only=True):
    """An iSCSI disk."""

    iqn: str
    lun: int
    target_portal: str
    chap_auth_discovery: bool = False
    chap_auth_session: bool = False
    fs_type: str = ""
    initiator_name: str = ""
    iscsi_interface: str = ""
    portals: tuple[str, ...] = ()
    read_only: bool = False
    secret_ref: LocalObjectReference | None = None


class CSIVolumeSource(Part, frozen=True, kw_only=True):
    """A volume of a CSI driver."""

    driver: str
    fs_type: str = ""
    node_publish_secret_ref: LocalObjectReference | None = None
    read_only: bool = False
    volume_attributes: Mapping[str, str] = {}


class ImageVolumeSource(Part, frozen=True, kw_only=True):
    """The files of an image, read-only."""

    pull_policy: str = ""
    reference: str = ""


class GitRepoVolumeSource(Part, frozen=True, kw_only=True):
    """A clone of a git repository (deprecated by Kubernetes)."""

    repository: str
    directory: str = ""
    revision: str = ""


class FCVolumeSource(Part, frozen=True, kw_only=True):
    """A Fibre Channel volume."""

    fs_type: str = ""
    lun: int | None = None
    read_only: bool = False
    target_wwns: tuple[str, ...] = ()
    wwids: tuple[str, ...] = ()


class FlexVolumeSource(Part, frozen=True, kw_only=True):
    """A volume of an exec plugin."""

    driver: str
    fs_type: str = ""
    options: Mapping[str, str] = {}
    read_only: bool = False
    secret_ref: LocalObjectReference | None = None


class CephFSVolumeSource(Part, frozen=True, kw_only=True):
    """A Ceph Filesystem mount."""

    monitors: tuple[str, ...]
    path: str = ""
    read_only: bool = False
    secret_file: str = ""
    secret_ref: LocalObjectReference | None = None
    user: str = ""


class RBDVolumeSource(Part, frozen=True, kw_only=True):
    """A Rados Block Device mount."""

    image: str
    monitors: tuple[str, ...]
    fs_type: str = ""
    keyring: str = ""
    pool: str = ""
    read_only: bool = False
    secret_ref: LocalObjectReference | None = None
    user: str = ""


class GlusterfsVolumeSource(Part, frozen=True, kw_only=True):
    """A Glusterfs mount."""

    endpoints: str
    path: str
    read_only: bool = False


class CinderVolumeSource(Part, frozen=True, kw_only=True):
    """An OpenStack disk."""

    volume_id: str
    fs_type: str = ""
    read_only: bool = False
    secret_ref: LocalObjectReference | None = None


class AWSElasticBlockStoreVolumeSource(Part, frozen=True, kw_only=True):
    """A Persistent Disk resource in AWS."""

    volume_id: str
    fs_type: str = ""
    partition: int | None = None
    read_only: bool = False


class AzureDiskVolumeSource(Part, frozen=True, kw_only=True):
    """An Azure Data Disk."""

    disk_name: str
    disk_uri: str
    caching_mode: str = ""
    fs_type: str = ""
    kind: str = ""
    read_only: bool = False


class AzureFileVolumeSource(Part, frozen=True, kw_only=True):
    """An Azure File Service."""

    secret_name: str
    share_name: str
    read_only: bool = False


class GCEPersistentDiskVolumeSource(Part, frozen=True, kw_only=True):
    """A Persistent Disk resource in Google Compute Engine."""

    pd_name: str
    fs_type: str = ""
    partition: int | None = None
    read_only: bool = False


class VsphereVirtualDiskVolumeSource(Part, frozen=True, kw_only=True):
    """A vSphere volume."""

    volume_path: str
    fs_type: str = ""
    storage_policy_id: str = ""
    storage_policy_name: str = ""


class FlockerVolumeSource(Part, frozen=True, kw_only=True):
    """A Flocker volume."""

    dataset_name: str = ""
    dataset_uuid: str = ""


class PhotonPersistentDiskVolumeSource(Part, frozen=True, kw_only=True):
    """A Photon Controller persistent disk."""

    pd_id: str
    fs_type: str = ""


class PortworxVolumeSource(Part, frozen=True, kw_only=True):
    """A Portworx volume."""

    volume_id: str
    fs_type: str = ""
    read_only: bool = False


class QuobyteVolumeSource(Part, frozen=True, kw_only=True):
    """A Quobyte mount."""

    registry: str
    volume: str
    group: str = ""
    read_only: bool = False
    tenant: str = ""
    user: str = ""


class ScaleIOVolumeSource(Part, frozen=True, kw_only=True):
    """A ScaleIO volume."""

    gateway: str
    secret_ref: LocalObjectReference
    system: str
    fs_type: str = ""
    protection_domain: str = ""
    read_only: bool = False
    ssl_enabled: bool = False
    storage_mode: str = ""
    storage_pool: str = ""
    volume_name: str = ""


class StorageOSVolumeSource(Part, frozen=True, kw_only=True):
    """A StorageOS persistent volume."""

    fs_type: str = ""
    read_only: bool = False
    secret_ref: LocalObjectReference | None = None
    volume_name: str = ""
    volume_namespace: str = ""


class VolumePlugins(Part, frozen=True, kw_only=True):
    """The fields of a Volume that name one of these kinds."""

    ephemeral: EphemeralVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    image: ImageVolumeSource | None = None
    git_repo: GitRepoVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFileVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    scale_io: ScaleIOVolumeSource | None = None
    storageos: StorageOSVolumeSource | None = None
