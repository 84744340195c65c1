"""Keeps the house: what a crash, or somebody's hand, left of pods that are gone is found, at a start and every hour.

What there is on disk and in the journal is noted before the engine is asked, and who is wanted is asked after: so what
comes meanwhile is in neither, and is left alone.
"""

import logging
from collections.abc import Callable, Collection

from orchestrator.engine.base import Container, Engine
from orchestrator.errors import OrchestratorError
from orchestrator.node.inventory import known_pods, list_instance, pod_of
from orchestrator.node.memory import forget_containers, forget_records, recorded_containers, recorded_pods
from orchestrator.node.worker import NodeRooms
from orchestrator.objects.pod import Pod
from orchestrator.planning import labels
from orchestrator.planning.housekeeping import Remains, garbage
from orchestrator.state.store import Key, key_of

log = logging.getLogger(__name__)

Known = Callable[[], Collection[str]]
"""Gives the uids of the pods that are wanted or looked after."""


class Housekeeper:
    """Carries out what `planning.housekeeping` decides, but for containers: those are a worker's to end."""

    def __init__(self, engine: Engine, rooms: NodeRooms) -> None:
        self._engine = engine
        self._journal = rooms.journal
        self._instance = rooms.instance
        self._volumes, self._hosts = rooms.tools.volumes, rooms.tools.hosts

    async def round(self, known: Known) -> tuple[dict[Key, dict[str, Pod | None]], list[Container]]:
        """Remove files and records that nobody needs; waits while the engine is away.

        Gives the pods that are not known and may have containers, by name and uid, with their specs where the journal
        has them: somebody must end them in order.  And all containers that there are.
        """
        files = frozenset(self._uids())
        records, recorded = frozenset(recorded_pods(self._journal)), recorded_containers(self._journal)
        specs = {pod.metadata.uid: pod for pod in known_pods(self._journal)}
        containers = await list_instance(self._engine, self._instance)
        forget_containers(self._journal, recorded - {container.id for container in containers})
        names = {uid: key_of(pod) for uid, pod in specs.items()}
        names |= {container.labels[labels.UID]: pod_of(container) for container in containers}
        places = {uid: (key.namespace, key.name) for uid, key in names.items()}
        found = garbage(Remains(places, files, records), known())
        for uid in found.records:
            forget_records(self._journal, uid)
        for uid in sorted(found.files):
            await self._remove_files(uid, known)
        left: dict[Key, dict[str, Pod | None]] = {}
        for uid in found.pods:
            left.setdefault(names[uid], {})[uid] = specs.get(uid)
        return left, containers

    def _uids(self) -> set[str]:
        """Whose files there are; what cannot be looked at now (no descriptor is left) waits for another round."""
        try:
            return self._volumes.uids() | self._hosts.uids()
        except OSError as error:
            log.warning("cannot look for files of pods that are gone: %s", error)
            return set()

    async def _remove_files(self, uid: str, known: Known) -> None:
        """Not those of another instance, which had its run folder here: its pods may run on without a daemon."""
        try:
            others = await self._engine.list_containers({labels.UID: uid})
        except OrchestratorError as error:
            log.warning("the files of pod %s, which is gone, stay for now: %s", uid, error)
            return
        if others or uid in known():
            return
        log.info("removing the files of pod %s, which is gone", uid)
        await self._volumes.remove(uid)
        self._hosts.remove(uid)
