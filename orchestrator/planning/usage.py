"""Disk that a pod may use: nothing bounds a folder, so a pod that exceeds a limit is evicted, as a kubelet does.

Follows kubernetes/pkg/kubelet/eviction (localStorageEviction): volumes first, then the pod, then its containers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import quantity_units
from orchestrator.planning.amounts import amount_text
from orchestrator.planning.projection import volume_directory
from orchestrator.planning.surroundings import Surroundings

DISK = "ephemeral-storage"
Layers = Mapping[str, tuple[str, ...]]
"""Where each running container writes, and its logs, by the container's name."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many bytes may be in these places together; `words` is what is told of a pod that exceeds it."""

    places: tuple[str, ...]
    """Folders, and files; one that ends in "*" stands for all that begin so."""
    size: int
    words: str
    """The blank at its end is the kubelet's."""


def limits(pod: Pod, around: Callable[[], Surroundings], layers: Callable[[], Layers]) -> Iterator[Limit]:
    """The limits that have to be looked after; those of volumes in memory count by themselves.

    Few pods have a limit: what is around a pod, and where it writes, is asked for when it has.
    """
    for volume in pod.spec.volumes:
        source = volume.empty_dir
        if source is not None and source.size_limit is not None and source.medium != "Memory":
            size = quantity_units(source.size_limit)
            words = f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{source.size_limit}". '
            if size > 0:
                yield Limit((volume_directory(volume, pod, around()),), size, words)
    bounded = {c.name: text for c in pod.spec.containers if (text := c.resources.limits.get(DISK))}
    if not bounded:
        return
    whole = sum(quantity_units(text) for text in bounded.values())
    words = f"Pod ephemeral local storage usage exceeds the total limit of containers {amount_text(DISK, whole)}. "
    there = layers()
    places = disk_places(pod, around(), there)
    yield Limit(tuple(place for each in places.values() for place in each), whole, words)
    for name, text in bounded.items():
        words = f'Container {name} exceeded its local ephemeral storage limit "{text}". '
        yield Limit(there.get(name, ()), quantity_units(text), words)


def disk_places(pod: Pod, around: Surroundings, layers: Layers) -> Layers:
    """All that the pod has on disk and that goes with it; its volumes under ""."""
    scratch = (v for v in pod.spec.volumes if v.empty_dir is not None and v.empty_dir.medium != "Memory")
    return {**layers, "": tuple(volume_directory(volume, pod, around) for volume in scratch)}
