"""Removes images that nobody needs when the disk is full: `planning.image_collection` decides, this looks and removes.

It looks after each pull, and every five minutes as the kubelet does.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass

from orchestrator.engine.base import Engine, ListedImage
from orchestrator.errors import Conflict, OrchestratorError, Unavailable
from orchestrator.metrics import Metrics
from orchestrator.node.image_ledger import ImageLedger
from orchestrator.objects.times import go_duration
from orchestrator.planning.image_collection import CollectionSettings, Disk, PresentImage, collectable, to_free
from orchestrator.planning.ops import EventNote

log = logging.getLogger(__name__)

PERIOD = 300.0
"""Seconds between two looks while nothing is pulled."""

DiskSource = Callable[[], Disk | None]


def disk_of(folder: str) -> Disk | None:
    """The file system that holds the engine's images; None where it is not on this host."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


@dataclass(frozen=True, slots=True)
class CollectorTools:
    """What a collector works with; `tell` tells an Event about the node."""

    engine: Engine
    ledger: ImageLedger
    disk: DiskSource
    tell: Callable[[EventNote], None]
    clock: Callable[[], float]
    metrics: Metrics


class ImageCollector:
    """Looks after the disk of one engine."""

    def __init__(
        self, tools: CollectorTools, wanted: Callable[[], Collection[tuple[str, str]]], settings: CollectionSettings
    ) -> None:
        """`wanted` gives what the pods of the store name, with the platforms that they ask for."""
        self._engine = tools.engine
        self._ledger = tools.ledger
        self._disk = tools.disk
        self._tell = tools.tell
        self._clock = tools.clock
        self._metrics = tools.metrics
        self._wanted = wanted
        self._settings = settings

    async def run(self, pulled: asyncio.Event) -> None:
        """For ever; `pulled` says that an image has come."""
        while True:
            pulled.clear()
            try:
                await self.collect()
            except Unavailable as error:
                log.debug("images are not collected: %s", error)
            except OrchestratorError as error:
                self._tell(EventNote("Warning", "ImageGCFailed", f"cannot collect images: {error}"))
            try:
                async with asyncio.timeout(PERIOD):
                    await pulled.wait()
            except TimeoutError:
                continue

    async def collect(self) -> None:
        """Look once, and remove what must go.  OrchestratorError when the engine does not let us look."""
        disk = await asyncio.to_thread(self._disk)
        used, listed = await self._engine.used_images(), await self._engine.list_images()
        self._ledger.keep({image.id for image in listed})
        self._ledger.used(used, self._clock())
        if disk is None or not to_free(disk, self._settings):
            return
        present = [PresentImage(image.id, image.tags, image.digests, image.size_bytes) for image in listed]
        minimum_age, pulled = self._settings.minimum_age, self._ledger.all()
        candidates = collectable(present, pulled, used, self._wanted(), self._clock(), minimum_age)
        freed = 0
        for image in candidates:
            if not await self._remove(image):
                continue
            freed += image.size_bytes
            now = await asyncio.to_thread(self._disk)
            if now and now.available - disk.available >= to_free(disk, self._settings):
                return
        self._tell(EventNote("Warning", "FreeDiskSpaceFailed", _insufficient(disk, freed)))

    async def _remove(self, image: PresentImage) -> bool:
        """Take its names away one by one: with the last one the engine removes it, unless a container has it by now."""
        known = self._ledger.get(image.id)
        try:
            for name in image.tags or (image.id,):
                await self._engine.remove_image(name)
        except Unavailable:
            raise
        except Conflict as error:
            log.debug("image %s stays: %s", image.id, error)
            return False
        except OrchestratorError as error:
            self._tell(EventNote("Warning", "ImageGCFailed", f"cannot remove image {_shown(image)}: {error}"))
            return False
        unused = go_duration(int(self._clock() - known.used_at)) if known else "?"
        log.info("removed image %s: the disk is full, unused for %s, %d bytes", _shown(image), unused, image.size_bytes)
        self._ledger.forget(image.id)
        self._metrics.images_removed.inc("space")
        return True


def _shown(image: PresentImage | ListedImage) -> str:
    return (image.tags or image.digests or (image.id,))[0]


def _insufficient(disk: Disk, freed: int) -> str:
    """The kubelet's words."""
    size = f"{disk.capacity / 2**30:.1f} GiB"
    return (
        f"Insufficient free disk space on the node's image filesystem ({disk.used_percent}% of {size} used). Failed to "
        f"free sufficient space by deleting unused images (freed {freed} bytes). Investigate disk usage, as it could "
        "be used by active images, logs, volumes, or other data."
    )
