"""What one pod has to do with images: what it asks for, what is known of that, and the pulls that it waits for."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from orchestrator.node.images import Puller, PullResult, notes_of_pull
from orchestrator.planning.image_request import ImageRequest
from orchestrator.planning.observed import ImageState
from orchestrator.planning.ops import EventNote, PullImage


class PodPulls:
    """The pulls of one worker, whoever began them; they outlive it when other pods wait for them too."""

    def __init__(
        self, puller: Puller, tasks: asyncio.TaskGroup, tell: Callable[[EventNote], None], wake: Callable[[], None]
    ) -> None:
        """`tasks` owns the pulls; the end of each is told, and wakes."""
        self._puller = puller
        self._tasks = tasks
        self._tell = tell
        self._wake = wake
        self._waiting: dict[ImageRequest, list[str]] = {}
        """The containers that wait for each pull: every one of them is told what came of it."""

    async def states(self, due: Mapping[str, ImageRequest]) -> dict[str, ImageState]:
        """What is known of the images that are due, by name; what is not due any more is waited for no longer."""
        self.keep(due.values())
        states = {image: await self._puller.state(request) for image, request in due.items()}
        return {image: replace(state, pulling=due[image] in self._waiting) for image, state in states.items()}

    def begin(self, op: PullImage) -> None:
        """Begin or join the pull."""

        def ended(result: PullResult) -> None:
            for container in self._waiting.pop(result.request, ()):
                for note in notes_of_pull(result, container):
                    self._tell(note)
            self._wake()

        containers = self._waiting.setdefault(op.request, [])
        if not containers:
            self._puller.pull(op.request, self._tasks, self, ended)
        containers.append(op.lane)
        self._tell(EventNote("Normal", "Pulling", f'Pulling image "{op.request.image}"', op.lane))

    def keep(self, due: Collection[ImageRequest] = ()) -> None:
        """Leave what is wanted no more: the image was edited, or a Secret, or the pod goes."""
        for request in self._waiting.keys() - {*due}:
            del self._waiting[request]
            self._puller.leave(request, self)
