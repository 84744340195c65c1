"""Images: whether they are there, and one pull at a time for all pods that ask for the same.

A pull works on by itself and wakes those who asked; a failed one is tried again after the same back-off as restarts.
When nobody waits for it any more it is broken off, and the engine gives back the disk that it had.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from orchestrator.engine.base import Engine, EngineRefused, Image, PullProgress
from orchestrator.errors import NotFound, OrchestratorError, Unavailable
from orchestrator.node.image_ledger import ImageLedger
from orchestrator.objects.image_reference import ImageReference, parse_reference
from orchestrator.objects.times import go_duration
from orchestrator.planning.backoff import BackoffSettings, following
from orchestrator.planning.image_request import ImageRequest
from orchestrator.planning.observed import ImageState
from orchestrator.planning.ops import EventNote
from orchestrator.planning.redaction import HIDDEN
from orchestrator.planning.registry_credentials import Credential

PULL_SECONDS = 3600.0
_UNREADABLE_RETRY = 60.0
_NO_MATCH = "no matching manifest"
"""The engine's words for a list of images that has none for a platform."""
_MAX_FAILURES = 1000
"""Failures that are remembered: requests change with every edit of a Secret."""

HostCredentials = Callable[[ImageReference], Awaitable[tuple[Credential, ...]]]


@dataclass(frozen=True, slots=True)
class PullResult:
    """What came of a pull for one who asked: `problem` is "" for success; `seconds` since it asked, `size` in bytes."""

    request: ImageRequest
    problem: str
    seconds: float
    size: int


Listener = Callable[[PullResult], None]


def notes_of_pull(result: PullResult, container: str) -> tuple[EventNote, ...]:
    """What a pod is told of it, in the kubelet's words."""
    image = result.request.image
    if result.problem:
        text = f'Failed to pull image "{image}": {result.problem}'
        first = EventNote("Warning", "Failed", text, container)
        return first, EventNote("Warning", "Failed", "Error: ErrImagePull", container)
    took = go_duration(result.seconds)
    text = f'Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: {result.size} bytes.'
    return (EventNote("Normal", "Pulled", text, container),)


@dataclass(slots=True)
class Pull:
    """A pull under way: who waits for it since when, and how far its layers are."""

    request: ImageRequest
    since: float
    task: asyncio.Task[None]
    listeners: dict[Hashable, tuple[float, Listener]] = field(default_factory=dict)
    layers: dict[str, PullProgress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Failure:
    problem: str
    failed_at: float
    retry_at: float
    delay: float


class Puller:
    """Knows the images of one engine; whoever asks for a pull names a listener, which hears what came of it."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float],
        backoff: BackoffSettings,
        ledger: ImageLedger,
        host_credentials: HostCredentials,
        platform: str,
    ) -> None:
        """`platform` is the engine's own ("linux/amd64")."""
        self._engine = engine
        self._clock = clock
        self._backoff = backoff
        self._ledger = ledger
        self._host_credentials = host_credentials
        self.platform = platform
        self._pulls: dict[ImageRequest, Pull] = {}
        self._failures: dict[ImageRequest, _Failure] = {}
        self._pulled_at: dict[ImageRequest, float] = {}
        self._names: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.pulled = asyncio.Event()
        """Set by each pull that ended well; who waits for it clears it."""

    async def state(self, request: ImageRequest) -> ImageState:
        """What is known of an image now; asks the engine whether it is there."""
        if request.invalid:
            return ImageState(present=False)
        failed = self._failures.get(request, _Failure("", 0.0, 0.0, 0.0))
        try:
            image, by_id = await self._find(request)
        except EngineRefused as error:
            now = self._clock()
            return ImageState(present=False, failure=str(error), failed_at=now, retry_at=now + _UNREADABLE_RETRY)
        return ImageState(
            present=image is not None,
            pulling=request in self._pulls,
            id=image.id if image else "",
            by_id=by_id,
            user=image.user if image else "",
            pulled_at=self._pulled_at.get(request, 0.0) if image else 0.0,
            failure=failed.problem,
            failed_at=failed.failed_at,
            retry_at=failed.retry_at,
        )

    def pull(self, request: ImageRequest, tasks: asyncio.TaskGroup, owner: Hashable, listener: Listener) -> None:
        """Begin to pull, or join a pull that is under way; the owner's `listener` hears the end of it."""
        found = self._pulls.get(request)
        if found is None:
            task = tasks.create_task(self._run(request), name=f"pull {request.image}")
            found = self._pulls[request] = Pull(request, self._clock(), task)
        found.listeners[owner] = self._clock(), listener

    def leave(self, request: ImageRequest, owner: Hashable) -> None:
        """The owner does not wait any more; a pull that nobody waits for is broken off."""
        found = self._pulls.get(request)
        if found is None:
            return
        found.listeners.pop(owner, None)
        if not found.listeners:
            found.task.cancel()
            del self._pulls[request]

    def under_way(self) -> tuple[Pull, ...]:
        """The pulls of this moment, for pictures."""
        return tuple(self._pulls.values())

    # --- one pull ---

    async def _run(self, request: ImageRequest) -> None:
        pull, problem, size = self._pulls[request], "", 0
        # Pulls of one name, for several platforms or as several users, would each move it under the others.
        alone = self._names.setdefault(request.image, asyncio.Lock())
        try:
            async with asyncio.timeout(PULL_SECONDS), alone:
                size = await self._pull(pull)
        except TimeoutError:
            problem = f"the pull took more than {PULL_SECONDS:.0f} seconds"
        except OrchestratorError as error:
            problem = str(error)
        del self._pulls[request]
        now = self._clock()
        if problem:
            self._keep_failure(request, problem, now)
        else:
            self._failures.pop(request, None)
            self._pulled_at[request] = now
            self.pulled.set()
        for since, listener in pull.listeners.values():
            listener(PullResult(request, problem, now - since, size))

    async def _pull(self, pull: Pull) -> int:
        """Pull, and write down what came; gives its size in bytes.  OrchestratorError with the registry's own words."""
        request = pull.request
        reference = parse_reference(request.image)
        before = {image.id for image in await self._engine.list_images()}
        credentials = dict.fromkeys((*request.credentials, *await self._host_credentials(reference)))
        await self._try_all(pull, tuple(credentials))
        image = await self._engine.image(request.image, request.platform)
        if not image.fits(request.platform):
            raise OrchestratorError(f"the image is for {image.platform}, and {request.platform} is asked for")
        name = reference.engine_name
        self._ledger.pulled(image.id, name, request.platform, self._clock(), new=image.id not in before)
        return image.size_bytes

    async def _try_all(self, pull: Pull, credentials: tuple[Credential, ...]) -> None:
        """Every credential in its turn, as the kubelet does; without one, as nobody."""
        problems: dict[str, OrchestratorError] = {}
        for credential in credentials or (Credential(),):
            pull.layers.clear()
            try:
                async for step in self._engine.pull(pull.request.image, _auth(credential), pull.request.platform):
                    _note(pull.layers, step)
                return
            except Unavailable:
                raise
            except OrchestratorError as error:
                told = str(error) + await self._offered(pull.request.image, credential, error)
                problems[_without(told, credentials)] = error
        told = ", ".join(problems)
        raise OrchestratorError(f"[{told}]" if len(problems) > 1 else told) from next(iter(problems.values()))

    async def _offered(self, image: str, credential: Credential, error: OrchestratorError) -> str:
        """What platforms there are, where the one that is asked for is not among them."""
        if _NO_MATCH not in str(error):
            return ""
        try:
            platforms = await self._engine.platforms(image, _auth(credential))
        except OrchestratorError:
            return ""
        return f" (there are: {', '.join(platforms)})" if platforms else ""

    def _keep_failure(self, request: ImageRequest, problem: str, now: float) -> None:
        before = self._failures.pop(request, None)
        delay = following(before.delay if before else 0.0, self._backoff)
        self._failures[request] = _Failure(problem, now, now + delay, delay)
        while len(self._failures) > _MAX_FAILURES:
            del self._failures[next(iter(self._failures))]

    # --- what is there ---

    async def _find(self, request: ImageRequest) -> tuple[Image | None, bool]:
        """The image that is asked for, and whether only its id leads to it: the name is another platform's now."""
        named = await self._image(request.image, request.platform)
        if named is not None and self._is_wanted(named, request):
            return named, False
        known = self._ledger.id_of(parse_reference(request.image).engine_name, request.platform)
        return (await self._image(known) if known else None), True

    def _is_wanted(self, image: Image, request: ImageRequest) -> bool:
        """Without a platform it is whatever the host has, but for what another pod's annotation has brought."""
        if request.platform:
            return image.fits(request.platform)
        return image.fits(self.platform) or self._ledger.is_by_choice(image.id)

    async def _image(self, name: str, platform: str = "") -> Image | None:
        try:
            return await self._engine.image(name, platform)
        except NotFound:
            return None


def _auth(credential: Credential) -> Mapping[str, str] | None:
    if credential.identity_token:
        return {"identitytoken": credential.identity_token}
    return {"username": credential.username, "password": credential.password} if credential.username else None


def _without(text: str, credentials: tuple[Credential, ...]) -> str:
    for hidden in sorted({word for each in credentials for word in each.hidden}, key=len, reverse=True):
        text = text.replace(hidden, HIDDEN)
    return text


def _note(layers: dict[str, PullProgress], step: PullProgress) -> None:
    """Keep what is newest of each layer; lines about the whole image are none.

    A layer's size is told while it comes, and stays true after that.
    """
    if step.layer and not step.status.startswith("Pulling from"):
        before = layers.get(step.layer)
        known = before.total if before else 0
        layers[step.layer] = step if step.total or not known else replace(step, current=known, total=known)
