"""Volumes of a pod: those that are made from objects, those on the host, and a place for all other kinds."""

from typing import Literal

from orchestrator.objects.container import ObjectFieldSelector, ResourceFieldSelector
from orchestrator.objects.meta import LabelSelector, Part, shown
from orchestrator.objects.scalars import Quantity
from orchestrator.objects.volume_plugins import VolumePlugins

DEFAULT_MODE = 0o644


class KeyToPath(Part, frozen=True, kw_only=True):
    """One key as a file: its path in the volume, and its mode."""

    key: str
    path: str
    mode: int | None = None


class ConfigMapVolumeSource(Part, frozen=True, kw_only=True):
    """The keys of a ConfigMap as files; all of them unless `items` chooses."""

    name: str = ""
    items: tuple[KeyToPath, ...] = ()
    default_mode: int = shown(DEFAULT_MODE)
    optional: bool = False


class SecretVolumeSource(Part, frozen=True, kw_only=True):
    """The keys of a Secret as files on tmpfs; all of them unless `items` chooses."""

    secret_name: str = ""
    items: tuple[KeyToPath, ...] = ()
    default_mode: int = shown(DEFAULT_MODE)
    optional: bool = False


class DownwardAPIVolumeFile(Part, frozen=True, kw_only=True):
    """One file with a field of the pod, or a resource of one of its containers."""

    path: str
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: int | None = None


class DownwardAPIVolumeSource(Part, frozen=True, kw_only=True):
    """Files about the pod itself."""

    items: tuple[DownwardAPIVolumeFile, ...] = ()
    default_mode: int = shown(DEFAULT_MODE)


class ConfigMapProjection(Part, frozen=True, kw_only=True):
    """The keys of a ConfigMap, in a projected volume."""

    name: str = ""
    items: tuple[KeyToPath, ...] = ()
    optional: bool = False


class SecretProjection(Part, frozen=True, kw_only=True):
    """The keys of a Secret, in a projected volume."""

    name: str = ""
    items: tuple[KeyToPath, ...] = ()
    optional: bool = False


class DownwardAPIProjection(Part, frozen=True, kw_only=True):
    """Files about the pod itself, in a projected volume."""

    items: tuple[DownwardAPIVolumeFile, ...] = ()


class ServiceAccountTokenProjection(Part, frozen=True, kw_only=True):
    """A token for the cluster's API."""

    path: str
    audience: str = ""
    expiration_seconds: int = shown(3600)


class ClusterTrustBundleProjection(Part, frozen=True, kw_only=True):
    """Trust anchors of the cluster."""

    path: str
    name: str | None = None
    signer_name: str | None = None
    label_selector: LabelSelector | None = None
    optional: bool = False


class PodCertificateProjection(Part, frozen=True, kw_only=True):
    """A certificate of the pod."""

    signer_name: str
    key_type: str
    max_expiration_seconds: int | None = None
    credential_bundle_path: str = ""
    key_path: str = ""
    certificate_chain_path: str = ""


class VolumeProjection(Part, frozen=True, kw_only=True):
    """One source of a projected volume: exactly one of these."""

    config_map: ConfigMapProjection | None = None
    secret: SecretProjection | None = None
    downward_api: DownwardAPIProjection | None = None
    service_account_token: ServiceAccountTokenProjection | None = None
    cluster_trust_bundle: ClusterTrustBundleProjection | None = None
    pod_certificate: PodCertificateProjection | None = None


class ProjectedVolumeSource(Part, frozen=True, kw_only=True):
    """Several sources in one folder."""

    sources: tuple[VolumeProjection, ...] = ()
    default_mode: int = shown(DEFAULT_MODE)


class EmptyDirVolumeSource(Part, frozen=True, kw_only=True):
    """A folder that lives and dies with the pod; in memory where `medium` is "Memory"."""

    medium: str = ""
    size_limit: Quantity | None = None


HostPathType = Literal[
    "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
]


class HostPathVolumeSource(Part, frozen=True, kw_only=True):
    """A file or folder of the host; `type` says what must be there, or is made."""

    path: str
    type: HostPathType = ""


class PersistentVolumeClaimVolumeSource(Part, frozen=True, kw_only=True):
    """The volume of a claim in the same namespace."""

    claim_name: str
    read_only: bool = False


class Volume(VolumePlugins, frozen=True, kw_only=True):
    """One volume: a name, and exactly one source (an emptyDir where none is given)."""

    name: str
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
