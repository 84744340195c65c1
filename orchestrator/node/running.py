"""What runs of one pod, as the engine told it at the last look: processes, and where they write."""

from collections.abc import Iterable, Iterator

from orchestrator.engine.base import Container
from orchestrator.planning import labels
from orchestrator.planning.consumption import Process
from orchestrator.planning.usage import Layers


def processes(view: Iterable[Container]) -> Iterator[Process]:
    """The first process of each container but the sandbox."""
    for seen in _running(view):
        own = seen.labels
        name = own.get(labels.CONTAINER, "")
        yield Process(own[labels.NAMESPACE], own[labels.POD], name, seen.id, seen.pid, seen.started_at)


def layers(view: Iterable[Container], uid: str) -> Layers:
    """Where each container of this pod writes, and its logs, old ones too; nothing where the engine does not tell."""
    return {
        seen.labels.get(labels.CONTAINER, ""): tuple(
            place for place in (seen.layer, f"{seen.log}*" if seen.log else "") if place
        )
        for seen in _running(view)
        if seen.labels.get(labels.UID) == uid
    }


def _running(view: Iterable[Container]) -> Iterator[Container]:
    for seen in view:
        if seen.phase == "running" and seen.pid and seen.labels.get(labels.ROLE) != "sandbox":
            yield seen
