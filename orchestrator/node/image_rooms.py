"""The rooms that look after images, wired: the puller that all workers share, and the collector."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial

from orchestrator.engine.base import Engine, EngineInfo
from orchestrator.metrics import Metrics
from orchestrator.node.docker_config import host_credentials
from orchestrator.node.image_collector import CollectorTools, ImageCollector, disk_of
from orchestrator.node.image_ledger import ImageLedger
from orchestrator.node.images import Puller
from orchestrator.objects.meta import ObjectReference
from orchestrator.planning.backoff import BackoffSettings
from orchestrator.planning.image_collection import CollectionSettings
from orchestrator.planning.image_request import named_images
from orchestrator.planning.ops import EventNote
from orchestrator.settings import Settings
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Store


@dataclass(frozen=True, slots=True)
class ImageRooms:
    """Both of them."""

    puller: Puller
    collector: ImageCollector

    async def collect(self, adopted: asyncio.Event) -> None:
        """Look after the disk for ever, once every pod was looked at."""
        await adopted.wait()
        await self.collector.run(self.puller.pulled)


def image_rooms(
    engine: Engine,
    info: EngineInfo,
    settings: Settings,
    store: Store,
    recorder: EventRecorder,
    journal: Journal,
    metrics: Metrics,
) -> ImageRooms:
    """Build them for one engine; the disk of one that is not on this host is not looked at."""
    name = settings.node_name
    node = ObjectReference(kind="Node", api_version="v1", namespace="default", name=name, uid=name)

    def tell(note: EventNote) -> None:
        recorder.record(node, note.type, note.reason, note.message)

    def wanted() -> frozenset[tuple[str, str]]:
        return frozenset(named for pod in store.list("Pod") for named in named_images(pod))

    ledger = ImageLedger(journal)
    backoff = BackoffSettings(settings.backoff_base, settings.backoff_max)
    platform = f"{info.os}/{info.architecture}"
    root = info.root if settings.engine_url.startswith("unix:") else ""
    high, low = settings.image_gc_high_threshold, settings.image_gc_low_threshold
    thresholds = CollectionSettings(high, low, settings.minimum_image_ttl_duration)
    tools = CollectorTools(engine, ledger, partial(disk_of, root), tell, time.time, metrics)
    return ImageRooms(
        Puller(engine, time.time, backoff, ledger, host_credentials, platform),
        ImageCollector(tools, wanted, thresholds),
    )
