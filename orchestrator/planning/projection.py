"""What the files of a volume are: ConfigMaps, Secrets and the downward API as paths, bytes and modes.

The digest changes when, and only when, something that a container could see changes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.objects.config import config_map_files, secret_files
from orchestrator.objects.pod import Pod
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
from orchestrator.planning.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class ProjectedFile:
    """One file: `path` is relative to the volume; the content is never shown."""

    path: str
    content: bytes = field(repr=False)
    mode: int


@dataclass(frozen=True, slots=True)
class VolumeContent:
    """What a volume is to hold.  `directory` is its place on the host, `files` None for one that is not projected."""

    directory: str
    digest: str
    files: tuple[ProjectedFile, ...] | None = None
    host_type: HostPathType | None = None
    """Set for a hostPath: what must be there, or is made."""


def volume_content(volume: Volume, pod: Pod, around: Surroundings, pod_ip: str) -> VolumeContent:
    """What a volume is to hold now; MountError while something that it needs is not there."""
    directory = volume_directory(volume, pod, around)
    if volume.host_path is not None:
        return VolumeContent(directory, "hostPath", host_type=volume.host_path.type)
    if volume.empty_dir is not None:
        return VolumeContent(directory, "emptyDir")
    sources, mode = _sources(volume)
    files: dict[str, ProjectedFile] = {}
    for source in sources:
        for file in _files(source, mode, pod, around, pod_ip):
            files[file.path] = file
    ordered = tuple(files[path] for path in sorted(files))
    return VolumeContent(directory, _digest(ordered), ordered)


def volume_directory(volume: Volume, pod: Pod, around: Surroundings) -> str:
    """Where a volume lies on the host: ConfigMaps and emptyDirs on disk, all other projected kinds on tmpfs."""
    if volume.host_path is not None:
        return volume.host_path.path
    paths = around.paths(pod.metadata.uid)
    on_disk = volume.config_map or (volume.empty_dir and volume.empty_dir.medium != "Memory")
    return f"{paths.volumes if on_disk else paths.memory}/{volume.name}"


def is_projected(volume: Volume) -> bool:
    """Whether the daemon writes its files, and containers may only read them."""
    return volume.host_path is None and volume.empty_dir is None


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


def _files(source: VolumeProjection, mode: int, pod: Pod, around: Surroundings, pod_ip: str) -> Iterable[ProjectedFile]:
    if (config := source.config_map) is not None:
        found = around.config_maps.get(config.name)
        data = config_map_files(found) if found else None
        return _keys(data, config.items, config.optional, mode, "configmap", config.name)
    if (secret := source.secret) is not None:
        stored = around.secrets.get(secret.name)
        data = secret_files(stored) if stored else None
        return _keys(data, secret.items, secret.optional, mode, "secret", secret.name)
    if source.downward_api is not None:
        return [_own_field(item, mode, pod, around, pod_ip) for item in source.downward_api.items]
    raise MountError("this kind of projected source is not supported yet")


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


def _own_field(item: DownwardAPIVolumeFile, mode: int, pod: Pod, around: Surroundings, pod_ip: str) -> ProjectedFile:
    try:
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref.field_path, around.node, pod_ip)
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
