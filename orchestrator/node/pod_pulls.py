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
        self._waiting: set[ImageRequest] = set()

    async def states(self, due: Mapping[str, ImageRequest]) -> dict[str, ImageState]:
        """What is known of the images that are due, by name; what is not due any more is waited for no longer."""
        self.keep(due.values())
        states = {image: await self._puller.state(request) for image, request in due.items()}
        return {image: replace(state, pulling=due[image] in self._waiting) for image, state in states.items()}

    def begin(self, op: PullImage) -> None:
        """Begin or join the pull."""

        def ended(result: PullResult) -> None:
            self._waiting.discard(result.request)
            for note in notes_of_pull(result, op.lane):
                self._tell(note)
            self._wake()

        self._waiting.add(op.request)
        self._puller.pull(op.request, self._tasks, self, ended)
        self._tell(EventNote("Normal", "Pulling", f'Pulling image "{op.request.image}"', op.lane))

    def keep(self, due: Collection[ImageRequest] = ()) -> None:
        """Leave what is wanted no more: the image was edited, or a Secret, or the pod goes."""
        for request in self._waiting - {*due}:
            self._waiting.discard(request)
            self._puller.leave(request, self)
