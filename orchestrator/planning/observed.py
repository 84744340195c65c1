"""What is seen of one pod at one instant: the whole input of a plan besides the desired pod and the time.

The engine's part is read anew each time (`SeenContainer`).  The rest is what the engine cannot tell: how far a hook, a
probe, a pull or a termination has come (reported by the rooms of `node`), and restart counts (from the journal).
All times are Unix seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from orchestrator.objects.container import Container
from orchestrator.planning.labels import SANDBOX_NAME
from orchestrator.planning.probe_state import ProbeStatus


@dataclass(frozen=True, slots=True)
class SeenContainer:
    """One container of the pod's name, of this or an older uid, as the engine tells it."""

    id: str
    name: str
    """The container's name in the pod's spec, or SANDBOX_NAME."""
    uid: str
    attempt: int
    digest: str
    """The hash of the spec that it was made from."""
    image: str
    image_id: str
    phase: Literal["created", "running", "paused", "restarting", "exited", "dead", "removing"]
    pid: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    created_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0
    ip: str = ""
    joined: str = ""
    """The id of the sandbox whose network it is in."""
    message: str = ""
    """Its termination message, once it has ended."""
    config: str = ""
    """Its label of what ConfigMaps and Secrets it was made from, "" for none."""

    @property
    def is_sandbox(self) -> bool:
        """Whether it owns the pod's network."""
        return self.name == SANDBOX_NAME

    @property
    def alive(self) -> bool:
        """Whether it has processes: running, or paused from outside."""
        return self.phase in ("running", "paused", "restarting")

    @property
    def started_again(self) -> bool:
        """Alive after an end: somebody else did that (`docker restart`), for a restart of ours is a new container."""
        return self.alive and self.finished_at > 0

    @property
    def failed_to_start(self) -> bool:
        """The engine tried to start it and could not."""
        return self.phase == "created" and self.error != ""

    @property
    def ended(self) -> bool:
        """Whether it ran, or tried to, and is over."""
        return self.phase in ("exited", "dead") or self.failed_to_start


class HookState(StrEnum):
    """How far a postStart or preStop hook has come."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook of one container: `output` is what it said, for the Event and the status; `since` when it was begun."""

    state: HookState
    output: str = ""
    since: float = 0.0


class StopReason(StrEnum):
    """Why a container is being stopped."""

    DELETED = "deleted"
    REPLACED = "replaced"
    CONFIG = "config"
    LIVENESS = "liveness"
    STARTUP = "startup"
    POST_START = "post-start"
    SANDBOX = "sandbox"
    OVER = "the pod is over"
    DEADLINE = "deadline"
    EVICTED = "evicted"
    STARTED_AGAIN = "started again"


@dataclass(frozen=True, slots=True)
class Stop:
    """A termination under way: when it began, the seconds it may take, and what has been sent."""

    reason: StopReason
    since: float
    grace: float
    signalled_at: float = 0.0
    killed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Consumed:
    """What a container would be made from now of ConfigMaps and Secrets (its label), and since when that is so."""

    label: str
    since: float


@dataclass(frozen=True, slots=True)
class LastState:
    """How an attempt ended, kept when its container is gone from the engine."""

    id: str
    exit_code: int
    reason: str
    message: str
    started_at: float
    finished_at: float


@dataclass(frozen=True, slots=True)
class Restarts:
    """A container's history: the attempt to make next, and the back-off that it has earned."""

    next_attempt: int = 0
    delay: float = 0.0
    """Seconds to wait after the next end before the next start."""
    last: LastState | None = None

    @property
    def count(self) -> int:
        """Restarts so far."""
        return max(self.next_attempt - 1, 0)


@dataclass(frozen=True, slots=True)
class ImageState:
    """What is known of an image as a pod asks for it: `failure` and `retry_at` tell of the last pull that it shares.

    `pulled_at` is when the last good one ended.
    """

    present: bool
    pulling: bool = False
    id: str = ""
    by_id: bool = False
    """Its name means another image now, for another platform."""
    user: str = ""
    """The user that the image names, "" for root."""
    pulled_at: float = 0.0
    failure: str = ""
    failed_at: float = 0.0
    retry_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation failed: the waiting reason that tells of it, the words, and when to try again."""

    reason: str
    message: str
    retry_at: float


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything of one pod at one instant.  Containers by name are by the name in the spec, by id by the engine's."""

    containers: tuple[SeenContainer, ...] = ()
    network: str = ""
    """The name of the namespace's network, once it stands."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Volume name -> digest of what is on disk."""
    hosts_ip: str | None = None
    """The pod address that its hosts file was written with."""
    isolated_ip: str | None = None
    """The pod address for which network policies are known to hold."""
    images: Mapping[str, ImageState] = field(default_factory=dict)
    stops: Mapping[str, Stop] = field(default_factory=dict)
    post_starts: Mapping[str, Hook] = field(default_factory=dict)
    pre_stops: Mapping[str, Hook] = field(default_factory=dict)
    probes: Mapping[str, ProbeStatus] = field(default_factory=dict)
    restarts: Mapping[str, Restarts] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    """By container name; SANDBOX_NAME for what concerns the whole pod."""
    replaced: Mapping[str, Container] = field(default_factory=dict)
    """By digest: specs that the pod has no longer, and that containers which still run were made from."""
    consumed: Mapping[str, Consumed] = field(default_factory=dict)
    """By container name."""
    paused: Mapping[str, float] = field(default_factory=dict)
    """Container id -> when it was first seen paused."""
    evicted: str = ""
    """Why the pod must go though it would go on: it uses more of the disk than it may."""
    noted: frozenset[str] = frozenset()
    """Keys of the Events that were told already and must not be told again."""

    def of(self, uid: str, name: str) -> tuple[SeenContainer, ...]:
        """The attempts of one container, newest first."""
        attempts = (c for c in self.containers if c.uid == uid and c.name == name)
        return tuple(sorted(attempts, key=lambda c: c.attempt, reverse=True))

    def newest(self, uid: str, name: str) -> SeenContainer | None:
        """The newest attempt of one container."""
        attempts = self.of(uid, name)
        return attempts[0] if attempts else None

    def is_stopped_for(self, container: SeenContainer, reason: StopReason) -> bool:
        """Whether its termination was begun for this reason, also when it has ended by now."""
        stop = self.stops.get(container.id)
        return stop is not None and stop.reason is reason

    def sandbox(self, uid: str) -> SeenContainer | None:
        """The pod's newest sandbox."""
        return self.newest(uid, SANDBOX_NAME)
