"""What a volume is to be: ConfigMaps, Secrets and the downward API as paths, bytes and modes; directories; tmpfs.

The digest changes when, and only when, something that a container could see changes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.objects.config import config_map_files, secret_files
from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import quantity_units
from orchestrator.objects.volumes import (
    ConfigMapProjection,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    HostPathType,
    KeyToPath,
    SecretProjection,
    Volume,
    VolumeProjection,
)
from orchestrator.planning.errors import ConfigError, MountError
from orchestrator.planning.fields import field_value, resource_value
from orchestrator.planning.surroundings import ClaimVolume, Surroundings

OUTSIDE = "outside "
"""How the digest of a volume begins whose directory is not below the pod's own: of a claim, or the host's."""


@dataclass(frozen=True, slots=True)
class ProjectedFile:
    """One file: `path` is relative to the volume; the content is never shown."""

    path: str
    content: bytes = field(repr=False)
    mode: int


@dataclass(frozen=True, slots=True)
class Ownership:
    """The pod's fsGroup, which owns all files of a volume and may write them, or read them where it is read-only."""

    group: int
    read_only: bool = False
    unless_right: bool = False
    """Leave a volume alone whose own folder is right already (fsGroupChangePolicy OnRootMismatch)."""


@dataclass(frozen=True, slots=True)
class VolumeContent:
    """What a volume is to hold.  `directory` is its place on the host, `files` None for one that is not projected."""

    directory: str
    digest: str
    note: str
    """The file that the digest is kept in, for the next daemon."""
    files: tuple[ProjectedFile, ...] | None = None
    host_type: HostPathType | None = None
    """Set for what is there without the pod: what must be there, or is made."""
    size_bytes: int | None = None
    """Set for what is a tmpfs of its own."""
    ownership: Ownership | None = None


def volume_content(volume: Volume, pod: Pod, around: Surroundings) -> VolumeContent:
    """What a volume is to hold now; MountError while something that it needs is not there."""
    directory, group = volume_directory(volume, pod, around), pod.spec.security_context.fs_group
    if volume.host_path is not None:
        return _outside(volume, pod, around, volume.host_path.type, None)
    if volume.persistent_volume_claim is not None:
        return _claimed(volume, pod, around)
    note = f"{directory}.digest"
    if is_scratch(volume):
        size = _memory_size(volume, pod, around)
        ownership = Ownership(group) if group is not None else None
        return VolumeContent(directory, "emptyDir", note, size_bytes=size, ownership=ownership)
    sources, mode = _sources(volume)
    files: dict[str, ProjectedFile] = {}
    for source in sources:
        for file in _files(source, mode, pod, around):
            files[file.path] = file
    ordered = tuple(files[path] for path in sorted(files))
    ownership = Ownership(group, read_only=True) if group is not None else None
    return VolumeContent(directory, _digest(ordered), note, ordered, ownership=ownership)


def volume_directory(volume: Volume, pod: Pod, around: Surroundings) -> str:
    """Where a volume lies on the host: ConfigMaps and emptyDirs on disk, all other projected kinds on tmpfs.

    MountError for a claim that has no volume.
    """
    if volume.host_path is not None:
        return volume.host_path.path
    if volume.persistent_volume_claim is not None:
        return _claim(volume.persistent_volume_claim.claim_name, around).directory
    paths = around.paths(pod.metadata.uid)
    on_disk = volume.config_map or (is_scratch(volume) and not _in_memory(volume))
    return f"{paths.volumes if on_disk else paths.memory}/{volume.name}"


def is_scratch(volume: Volume) -> bool:
    """Whether it is a folder that lives and dies with the pod: an emptyDir, or the volume of an ephemeral claim."""
    return volume.empty_dir is not None or volume.ephemeral is not None


def is_projected(volume: Volume) -> bool:
    """Whether the daemon writes its files, and containers may only read them."""
    there = volume.host_path is not None or volume.persistent_volume_claim is not None
    return not there and not is_scratch(volume)


def is_read_only(volume: Volume) -> bool:
    """Whether no container may write to it, whatever its mount says."""
    claim = volume.persistent_volume_claim
    return is_projected(volume) or (claim is not None and claim.read_only)


def _in_memory(volume: Volume) -> bool:
    return volume.empty_dir is not None and volume.empty_dir.medium == "Memory"


def _claim(name: str, around: Surroundings) -> ClaimVolume:
    found = around.claims.get(name)
    if found is None:
        raise MountError(f'persistentvolumeclaim "{name}" not found')
    if found.problem:
        raise MountError(found.problem)
    return found


def _claimed(volume: Volume, pod: Pod, around: Surroundings) -> VolumeContent:
    source, security = volume.persistent_volume_claim, pod.spec.security_context
    assert source is not None
    found = _claim(source.claim_name, around)
    ownership = None
    if security.fs_group is not None and found.managed and not source.read_only:
        unless_right = security.fs_group_change_policy == "OnRootMismatch"
        ownership = Ownership(security.fs_group, unless_right=unless_right)
    return _outside(volume, pod, around, found.host_type, ownership)


def _outside(
    volume: Volume, pod: Pod, around: Surroundings, kind: HostPathType, ownership: Ownership | None
) -> VolumeContent:
    directory = volume_directory(volume, pod, around)
    note = f"{around.paths(pod.metadata.uid).volumes}/{volume.name}.digest"
    return VolumeContent(directory, f"{OUTSIDE}{directory}", note, host_type=kind, ownership=ownership)


def _memory_size(volume: Volume, pod: Pod, around: Surroundings) -> int | None:
    """How big a volume in memory may grow: no bigger than its limit, the limits of the containers, and the host."""
    if volume.empty_dir is None or not _in_memory(volume):
        return None
    limit = quantity_units(volume.empty_dir.size_limit or "0")
    bounds = (around.node.memory_bytes, _memory_limit(pod), limit)
    return min(bound for bound in bounds if bound > 0)


def _memory_limit(pod: Pod) -> int:
    """What all containers together may use; 0 where one of them has no limit."""
    limits = [container.resources.limits.get("memory") for container in pod.spec.containers]
    return sum(quantity_units(limit or "0") for limit in limits) if all(limits) else 0


def _sources(volume: Volume) -> tuple[tuple[VolumeProjection, ...], int]:
    """Every projected kind as the sources of a projected volume, and the default mode."""
    if (config := volume.config_map) is not None:
        one = ConfigMapProjection(name=config.name, items=config.items, optional=config.optional)
        return (VolumeProjection(config_map=one),), config.default_mode
    if (secret := volume.secret) is not None:
        two = SecretProjection(name=secret.secret_name, items=secret.items, optional=secret.optional)
        return (VolumeProjection(secret=two),), secret.default_mode
    if (downward := volume.downward_api) is not None:
        three = DownwardAPIProjection(items=downward.items)
        return (VolumeProjection(downward_api=three),), downward.default_mode
    if volume.projected is not None:
        return volume.projected.sources, volume.projected.default_mode
    raise MountError("this kind of volume is not supported yet")


def _files(source: VolumeProjection, mode: int, pod: Pod, around: Surroundings) -> Iterable[ProjectedFile]:
    if (config := source.config_map) is not None:
        found = around.config_maps.get(config.name)
        data = config_map_files(found) if found else None
        return _keys(data, config.items, config.optional, mode, "configmap", config.name)
    if (secret := source.secret) is not None:
        stored = around.secrets.get(secret.name)
        data = secret_files(stored) if stored else None
        return _keys(data, secret.items, secret.optional, mode, "secret", secret.name)
    if source.downward_api is not None:
        return [_own_field(item, mode, pod, around) for item in source.downward_api.items]
    trust = source.cluster_trust_bundle
    if source.service_account_token is not None or (trust is not None and trust.optional):
        return ()
    raise MountError("this host has no such projected source")


def _keys(
    data: Mapping[str, bytes] | None, items: tuple[KeyToPath, ...], optional: bool, mode: int, kind: str, name: str
) -> Iterable[ProjectedFile]:
    if data is None:
        if optional:
            return []
        raise MountError(f'{kind} "{name}" not found')
    if not items:
        return [ProjectedFile(key, value, mode) for key, value in data.items()]
    missing = [item.key for item in items if item.key not in data]
    if missing and not optional:
        raise MountError(f"references non-existent {kind} key: {missing[0]}")
    return [
        ProjectedFile(item.path, data[item.key], mode if item.mode is None else item.mode)
        for item in items
        if item.key in data
    ]


def _own_field(item: DownwardAPIVolumeFile, mode: int, pod: Pod, around: Surroundings) -> ProjectedFile:
    try:
        if item.field_ref is not None:
            # No file may name the address of the pod, which it has only after its volumes.
            text = field_value(pod, item.field_ref.field_path, around.node, pod_ip="")
        elif item.resource_field_ref is not None:
            text = resource_value(pod, None, item.resource_field_ref, around.node)
        else:
            raise MountError(f"{item.path}: neither fieldRef nor resourceFieldRef")
    except ConfigError as error:
        raise MountError(str(error)) from error
    return ProjectedFile(item.path, text.encode(), mode if item.mode is None else item.mode)


def _digest(files: Iterable[ProjectedFile]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.path}\0{file.mode:o}\0{len(file.content)}\0".encode())
        total.update(file.content)
    return total.hexdigest()[:16]
