"""Who reads a ConfigMap or a Secret, and when it sees a change: at once in a volume, at its next start elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from orchestrator.objects.container import Container, VolumeMount
from orchestrator.objects.pod import Pod
from orchestrator.objects.volumes import KeyToPath, Volume

ConfigKind = Literal["ConfigMap", "Secret"]


@dataclass(frozen=True, slots=True)
class Use:
    """One way in which a container reads an object; `keys` are those that it reads, None for all."""

    kind: ConfigKind
    name: str
    container: str
    through: str
    """ "env", or "volume NAME"."""
    live: bool
    keys: frozenset[str] | None = None
    optional: bool = False

    def misses(self, *, gone: bool) -> bool:
        """Whether the container could not start again without a key that was removed (`gone`: with all of its object).

        A subPath can be mounted only while it leads somewhere, optional or not.
        """
        sub_path = self.through != "env" and not self.live
        return sub_path or (not self.optional and (gone or self.keys is not None))


def uses(pod: Pod, kind: str, name: str) -> Iterator[Use]:
    """Every use that a pod's containers make of the ConfigMap or Secret (`kind`) of this name."""
    for container in pod.spec.every_container:
        for use in uses_of(pod, container):
            if (use.kind, use.name) == (kind, name):
                yield use


def uses_of(pod: Pod, container: Container) -> Iterator[Use]:
    """Every use that a container makes of any ConfigMap or Secret."""
    yield from _environment(container)
    volumes = {volume.name: volume for volume in pod.spec.volumes}
    for mount in container.volume_mounts:
        live = not (mount.sub_path or mount.sub_path_expr)
        for kind, name, items, optional in _sources(volumes[mount.name]) if mount.name in volumes else ():
            keys = _mounted(items, mount)
            yield Use(kind, name, container.name, f"volume {mount.name}", live, keys, optional)


def _environment(container: Container) -> Iterator[Use]:
    own = container.name
    for source in container.env_from:
        if (config := source.config_map_ref) is not None:
            yield Use("ConfigMap", config.name, own, "env", live=False, optional=config.optional)
        if (secret := source.secret_ref) is not None:
            yield Use("Secret", secret.name, own, "env", live=False, optional=secret.optional)
    for variable in container.env:
        origin = variable.value_from
        if origin is not None and (one := origin.config_map_key_ref) is not None:
            yield Use("ConfigMap", one.name, own, "env", live=False, keys=frozenset({one.key}), optional=one.optional)
        if origin is not None and (two := origin.secret_key_ref) is not None:
            yield Use("Secret", two.name, own, "env", live=False, keys=frozenset({two.key}), optional=two.optional)


def _mounted(items: tuple[KeyToPath, ...], mount: VolumeMount) -> frozenset[str] | None:
    """The keys whose files a mount shows: of a subPath those at or below it, else all that the volume has."""
    path = mount.sub_path.strip("/")
    if not path:
        return frozenset(item.key for item in items) or None
    if not items:
        return frozenset({path})
    return frozenset(item.key for item in items if item.path == path or item.path.startswith(f"{path}/"))


def _sources(volume: Volume) -> Iterator[tuple[ConfigKind, str, tuple[KeyToPath, ...], bool]]:
    if (config := volume.config_map) is not None:
        yield "ConfigMap", config.name, config.items, config.optional
    if (secret := volume.secret) is not None:
        yield "Secret", secret.secret_name, secret.items, secret.optional
    for part in volume.projected.sources if volume.projected is not None else ():
        if (config_part := part.config_map) is not None:
            yield "ConfigMap", config_part.name, config_part.items, config_part.optional
        if (secret_part := part.secret) is not None:
            yield "Secret", secret_part.name, secret_part.items, secret_part.optional
