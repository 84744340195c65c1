"""Images: whether they are there, and one pull at a time for all pods that want the same.

A pull works on by itself and wakes those who asked; a failed one is tried again after the same back-off as restarts.
"""

import asyncio
import time
from collections.abc import Callable

from orchestrator.engine.base import Engine, EngineRefused
from orchestrator.errors import NotFound, OrchestratorError
from orchestrator.planning.backoff import BackoffSettings, following
from orchestrator.planning.observed import ImageState

PULL_SECONDS = 3600.0


class Puller:
    """Knows the images of one engine; whoever asks for a pull names a listener, which hears what came of it."""

    def __init__(self, engine: Engine, clock: Callable[[], float], backoff: BackoffSettings) -> None:
        self._engine = engine
        self._clock = clock
        self._backoff = backoff
        self._pulls: dict[str, asyncio.Task[None]] = {}
        self._listeners: dict[str, list[Callable[[PullResult], None]]] = {}
        self._failures: dict[str, tuple[str, float, float, float]] = {}
        self._pulled_at: dict[str, float] = {}

    async def state(self, image: str) -> ImageState:
        """What is known of an image now; asks the engine whether it is there."""
        failure, failed_at, retry_at, _ = self._failures.get(image, ("", 0.0, 0.0, 0.0))
        try:
            found = await self._engine.image(image)
        except NotFound as error:
            return ImageState(
                present=False,
                pulling=image in self._pulls,
                failure=failure,
                failed_at=failed_at,
                retry_at=retry_at,
                invalid=_invalid_name(error),
            )
        except EngineRefused as error:
            if invalid := _invalid_name(error):
                return ImageState(present=False, invalid=invalid)
            return ImageState(present=False, failure=str(error), failed_at=self._clock(), retry_at=self._clock() + 60)
        return ImageState(
            present=True,
            pulling=image in self._pulls,
            id=found.id,
            user=found.user,
            pulled_at=self._pulled_at.get(image, 0.0),
            failure=failure,
            failed_at=failed_at,
            retry_at=retry_at,
        )

    def pull(self, image: str, tasks: asyncio.TaskGroup, listener: "Callable[[PullResult], None]") -> bool:
        """Begin to pull, or join a pull that is under way (then False); `listener` hears the end of it."""
        self._listeners.setdefault(image, []).append(listener)
        if image in self._pulls:
            return False
        self._pulls[image] = tasks.create_task(self._pull(image), name=f"pull {image}")
        return True

    async def _pull(self, image: str) -> None:
        begun = time.monotonic()
        problem = ""
        try:
            async with asyncio.timeout(PULL_SECONDS):
                async for _ in self._engine.pull(image):
                    pass
        except TimeoutError:
            problem = f"the pull took more than {PULL_SECONDS:.0f} seconds"
        except OrchestratorError as error:
            problem = str(error)
        finally:
            del self._pulls[image]
        size = 0
        if problem:
            _, _, _, delay = self._failures.get(image, ("", 0.0, 0.0, 0.0))
            delay = following(delay, self._backoff)
            self._failures[image] = (problem, self._clock(), self._clock() + delay, delay)
        else:
            self._failures.pop(image, None)
            self._pulled_at[image] = self._clock()
            size = await self._size(image)
        result = PullResult(image, problem, time.monotonic() - begun, size)
        for listener in self._listeners.pop(image, []):
            listener(result)

    async def _size(self, image: str) -> int:
        try:
            return (await self._engine.image(image)).size_bytes
        except OrchestratorError:
            return 0


def _invalid_name(error: OrchestratorError) -> str:
    """Why an image's name is none, in the engine's words; "" when that is not what it says."""
    _, words, why = str(error).partition("invalid reference format")
    return words + why


class PullResult:
    """What came of a pull: `problem` is "" for success; seconds and bytes."""

    def __init__(self, image: str, problem: str, seconds: float, size: int) -> None:
        self.image = image
        self.problem = problem
        self.seconds = seconds
        self.size = size
