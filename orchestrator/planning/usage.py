"""Volumes on disk with a limit: nothing bounds a folder, so a pod that exceeds one is evicted, as a kubelet does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orchestrator.objects.pod import Pod
from orchestrator.objects.scalars import quantity_units
from orchestrator.planning.projection import volume_directory
from orchestrator.planning.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Limit:
    """One emptyDir on disk: its folder, and how many bytes may be in it."""

    volume: str
    directory: str
    size: int
    written: str
    """The limit as the spec has it ("1Gi")."""

    def exceeded(self) -> str:
        """What is told of the pod; the blank at its end is the kubelet's."""
        return f'Usage of EmptyDir volume "{self.volume}" exceeds the limit "{self.written}". '


def limits(pod: Pod, around: Callable[[], Surroundings]) -> Iterator[Limit]:
    """The limits that have to be looked after; those of volumes in memory count by themselves.

    Few pods have one: what is around a pod is asked for when it has.
    """
    for volume in pod.spec.volumes:
        source = volume.empty_dir
        if source is not None and source.size_limit is not None and source.medium != "Memory":
            size = quantity_units(source.size_limit)
            if size > 0:
                yield Limit(volume.name, volume_directory(volume, pod, around()), size, source.size_limit)
