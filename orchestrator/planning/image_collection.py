"""Which images may go when the disk is full: those that this daemon pulled and nobody needs (behaviour case I05).

As the kubelet's image manager: above the high threshold down to the low one, the least recently used first, none
younger than a minimum age.  On one host there are neighbours, so less is ours to remove than a kubelet's: see
`collectable`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """Percent of the disk, and seconds.  A high threshold of 100 collects nothing."""

    high: int = 85
    low: int = 80
    minimum_age: float = 120.0


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system of the images, in bytes."""

    capacity: int
    available: int

    @property
    def used_percent(self) -> int:
        """As the kubelet rounds it: up."""
        return 100 - self.available * 100 // self.capacity


@dataclass(frozen=True, slots=True)
class PresentImage:
    """An image that the engine has: its names there, and its size in bytes."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PulledImage:
    """One image by its id: the names that it was pulled under, each with the platform that was asked for ("" for none).

    `ours` is False for one that was there before the first pull: it is somebody else's.
    """

    id: str
    pulls: tuple[tuple[str, str], ...]
    pulled_at: float
    used_at: float
    ours: bool = True


def to_free(disk: Disk, settings: CollectionSettings) -> int:
    """How many bytes must come free; 0 below the high threshold."""
    if settings.high >= 100 or not disk.capacity or disk.used_percent < settings.high:
        return 0
    return max(disk.capacity * (100 - settings.low) // 100 - disk.available, 0)


def collectable(
    present: Iterable[PresentImage],
    pulled: Mapping[str, PulledImage],
    used: Collection[str],
    wanted: Collection[tuple[str, str]],
    now: float,
    minimum_age: float,
) -> tuple[PresentImage, ...]:
    """The images that may go, in the order in which they go.

    Never one that any container has (`used`, by id), that a pod of the store names (`wanted`: name and platform), that
    this daemon has not pulled, or that somebody has given another name.
    """
    names = {name for name, _ in wanted}
    kept = {_newest(pulled.values(), each) for each in wanted}
    found = []
    for image in present:
        known = pulled.get(image.id)
        if known is None or not known.ours or image.id in used or image.id in kept:
            continue
        if names & {*image.tags, *image.digests} or {*image.tags} - {name for name, _ in known.pulls}:
            continue
        if now - known.pulled_at >= minimum_age:
            found.append((known.used_at, known.pulled_at, image))
    return tuple(image for _, _, image in sorted(found, key=lambda entry: entry[:2]))


def _newest(pulled: Iterable[PulledImage], request: tuple[str, str]) -> str:
    """The image that a pod gets that asks for this: its name may have moved to another platform's."""
    found = [image for image in pulled if request in image.pulls]
    return max(found, key=lambda image: image.pulled_at).id if found else ""
