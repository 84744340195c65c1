"""Who reads a ConfigMap or a Secret, and when it sees a change: at once in a volume, at its next start elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.objects.container import Container
from orchestrator.objects.pod import Pod
from orchestrator.objects.volumes import KeyToPath, Volume


@dataclass(frozen=True, slots=True)
class Use:
    """One way in which a container reads an object; `keys` are those that it reads, None for all."""

    container: str
    through: str
    """ "env", or "volume NAME"."""
    live: bool
    keys: frozenset[str] | None = None
    optional: bool = False


def uses(pod: Pod, kind: str, name: str) -> Iterator[Use]:
    """Every use that a pod's containers make of the ConfigMap or Secret (`kind`) of this name."""
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        yield from _environment(container, kind, name)
        yield from _volumes(pod, container, kind, name)


def _environment(container: Container, kind: str, name: str) -> Iterator[Use]:
    for source in container.env_from:
        whole = source.config_map_ref if kind == "ConfigMap" else source.secret_ref
        if whole is not None and whole.name == name:
            yield Use(container.name, "env", live=False, optional=bool(whole.optional))
    for variable in container.env:
        if variable.value_from is None:
            continue
        origin = variable.value_from
        ref = origin.config_map_key_ref if kind == "ConfigMap" else origin.secret_key_ref
        if ref is not None and ref.name == name:
            yield Use(container.name, "env", live=False, keys=frozenset({ref.key}), optional=bool(ref.optional))


def _volumes(pod: Pod, container: Container, kind: str, name: str) -> Iterator[Use]:
    for mount in container.volume_mounts:
        volume = next((volume for volume in pod.spec.volumes if volume.name == mount.name), None)
        live = not (mount.sub_path or mount.sub_path_expr)
        for items, optional in _sources(volume, kind, name) if volume else ():
            keys = frozenset(item.key for item in items) if items else None
            yield Use(container.name, f"volume {mount.name}", live, keys, optional)


def _sources(volume: Volume, kind: str, name: str) -> Iterator[tuple[tuple[KeyToPath, ...], bool]]:
    if kind == "ConfigMap":
        if volume.config_map is not None and volume.config_map.name == name:
            yield tuple(volume.config_map.items), bool(volume.config_map.optional)
    elif volume.secret is not None and volume.secret.secret_name == name:
        yield tuple(volume.secret.items), bool(volume.secret.optional)
    for part in volume.projected.sources if volume.projected is not None else ():
        source = part.config_map if kind == "ConfigMap" else part.secret
        if source is not None and source.name == name:
            yield tuple(source.items), bool(source.optional)
