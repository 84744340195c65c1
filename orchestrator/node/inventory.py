"""What an instance has in the engine and in the journal: asked at a start, and when the house is kept."""

import asyncio
import logging
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from orchestrator.engine.base import INSPECT_SECONDS, Container, Engine
from orchestrator.errors import Invalid, OrchestratorError
from orchestrator.node.memory import PODS
from orchestrator.objects import registry
from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import PodStatus
from orchestrator.objects.times import format_time
from orchestrator.planning import labels
from orchestrator.state.journal import Journal
from orchestrator.state.store import Key, Store

log = logging.getLogger(__name__)

_AMONG_ALL = 3.0
"""Seconds that the engine may think about a container where all are looked at."""


class _Meta(Struct, frozen=True):
    name: str
    namespace: str = ""


class _Named(Struct, frozen=True):
    """As much of a pod's document as tells who it is."""

    metadata: _Meta


class Hung(OrchestratorError):
    """The engine answers, but not about a container of the pod."""


async def list_instance(engine: Engine, instance: str) -> list[Container]:
    """Every container of an instance's pods; waits while the engine is away or in trouble.

    One that hangs holds up nobody for long, and is among them.
    """
    delay = 0.2
    while True:
        try:
            containers = await engine.list_containers({labels.INSTANCE: instance}, _AMONG_ALL)
            return [container for container in containers if labels.is_ours(container.name, container.labels)]
        except OrchestratorError as error:
            log.warning("%s; trying again", error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)


async def list_pod(engine: Engine, instance: str, key: Key) -> list[Container]:
    """Every container of one name.  Hung when one of them is: what is not seen is not decided about."""
    own = {labels.INSTANCE: instance, labels.NAMESPACE: key.namespace, labels.POD: key.name}
    listed = await engine.list_containers(own)
    found = [container for container in listed if labels.is_ours(container.name, container.labels)]
    for container in found:
        if container.hung:
            raise Hung(
                f"the engine says nothing about container {container.name} within {INSPECT_SECONDS:g} s, while it "
                f"answers otherwise: `docker inspect {container.id[:12]}` should hang too"
            )
    return found


def remember_running(containers: Sequence[Container], store: Store) -> frozenset[Key]:
    """Before the first sync: let pods that run keep their uid even when the journal is lost.

    Gives every pod that has a container.
    """
    for container in sorted(containers, key=lambda c: c.created_at):
        own = container.labels
        if own.get(labels.ROLE) == "sandbox" and container.phase == "running":
            store.remember(pod_of(container), own[labels.UID], format_time(container.created_at), own[labels.HASH])
    return frozenset(map(pod_of, containers))


def pods_running(containers: Sequence[Container], journal: Journal) -> list[Pod]:
    """Those of `known_pods` that have an address now, with it in their status.

    Some of them an edit has replaced since: they are in no store any more, and are ending still.
    """
    known = {pod.metadata.uid: pod for pod in known_pods(journal)}
    found = []
    for container in containers:
        pod = known.get(container.labels[labels.UID])
        address = next(filter(None, container.addresses.values()), "")
        if pod is not None and address and container.labels.get(labels.ROLE) == "sandbox":
            found.append(replace(pod, status=PodStatus(phase="Running", pod_ip=address)))
    return found


def known_pods(journal: Journal) -> Iterator[Pod]:
    """The pods that an earlier daemon had to look after when it ended, wanted or not."""
    for uid, document in journal.items(PODS):
        try:
            pod = registry.convert(document)
        except Invalid as error:
            log.warning("the journal's pod %s cannot be read: %s", uid, error)
            continue
        if isinstance(pod, Pod):
            yield pod


def pods_left_behind(journal: Journal) -> frozenset[Key]:
    """What those are called, whether or not they can be read."""
    metas = [pod.metadata for _uid, pod in journal.all(PODS, _Named)]
    return frozenset(Key("Pod", meta.namespace, meta.name) for meta in metas)


def pod_of(container: Container) -> Key:
    """Whose container it is."""
    return Key("Pod", container.labels[labels.NAMESPACE], container.labels[labels.POD])
