"""Which pods have more on disk than they may, or than others: counted for one pod after another, beside the loop."""

from collections.abc import Callable, Mapping
from functools import partial

from orchestrator.node.running import layers
from orchestrator.node.usage import first_exceeded, used
from orchestrator.node.worker import PodWorker
from orchestrator.planning.surroundings import Surroundings
from orchestrator.planning.usage import disk_places, limits

Around = Callable[[str], Surroundings]
"""What pods of a namespace can see now."""


async def check_limits(worker: PodWorker, around: Around) -> None:
    """Evict the pod when it has more on disk than it may."""
    pod = worker.running_pod()
    if pod is None:
        return
    view, uid = worker.containers(), pod.metadata.uid
    found = await first_exceeded(limits(pod, partial(around, pod.metadata.namespace), lambda: layers(view, uid)))
    if found:
        worker.evict(pod, found)


async def used_on_disk(worker: PodWorker, around: Around) -> Mapping[str, int]:
    """Bytes that each container has on disk, and the pod's volumes (under "")."""
    pod = worker.running_pod()
    if pod is None:
        return {}
    places = disk_places(pod, around(pod.metadata.namespace), layers(worker.containers(), pod.metadata.uid))
    return {name: await used(each) for name, each in places.items()}
