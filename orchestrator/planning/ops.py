"""The words of a plan.

A plan is an ordered tuple of these.  Each is frozen, maps to one call (to the engine, the disk, or a room that works on
by itself and reports: pulls, hooks), and carries a `cause`, which becomes the log line.  `event` is told when it has
worked.  Operations that stand together and bear different `lane`s may run at the same time; one without a lane waits
for all before it, and all after it wait for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from orchestrator.planning.image_request import ImageRequest
from orchestrator.planning.observed import Restarts, StopReason
from orchestrator.planning.probe_state import ProbeKind
from orchestrator.planning.projection import VolumeContent
from orchestrator.planning.rejection import Rejection
from orchestrator.planning.runtime_config import ContainerConfig


@dataclass(frozen=True, slots=True)
class EventNote:
    """An Event to tell: type, reason and message are Kubernetes' words; `container` gives the field path."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """What all operations have."""

    cause: str
    lane: str = ""
    event: EventNote | None = None
    quiet: ClassVar[bool] = False
    """Whether its log line is only for who looks closely."""

    def line(self) -> str:
        """One line for a person: "start web/0: first start"."""
        return f"{_verb(self)} {self.subject()}: {self.cause}"

    def subject(self) -> str:
        """What it is done to."""
        return self.lane or "pod"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureNetwork(Op):
    """Have the namespace's network; the plan counts on this gateway's address, "" when on none."""

    gateway: str = ""
    quiet: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareVolume(Op):
    """Have a volume's directory, with this content."""

    volume: str
    content: VolumeContent

    def subject(self) -> str:
        """The volume."""
        return self.volume


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteHosts(Op):
    """Write the pod's hosts file; `ip` is None before the sandbox has an address."""

    quiet: ClassVar[bool] = True
    ip: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolate(Op):
    """Have what network policies say of the pod at this address in force, before anything of it runs."""

    quiet: ClassVar[bool] = True
    ip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullImage(Op):
    """Begin to pull; the result wakes the worker."""

    request: ImageRequest

    def subject(self) -> str:
        """The image."""
        platform = self.request.platform
        return self.request.image + (f" for {platform}" if platform else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveSubPath(Op):
    """Have `root`/`sub_path`, made where it may be, and refuse one that leads out of `root`.

    `target` is where it is bound to, out of every container's reach; "" where the daemon cannot mount.
    """

    root: str
    sub_path: str
    make: bool
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Op):
    """Make a container; `name` and `attempt` are the pod's words for it."""

    name: str
    attempt: int
    config: ContainerConfig
    message_file: str = ""
    """Made empty before it: where it may write its termination message."""

    def subject(self) -> str:
        """Container and attempt."""
        return f"{self.name}/{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Op):
    """Start a container that was made; `target` is its id or its engine name."""

    name: str
    target: str

    def subject(self) -> str:
        """The container."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginStop(Op):
    """Note that a container is to stop within `grace` seconds; hooks and signals follow in later plans."""

    name: str
    target: str
    reason: StopReason
    grace: float

    def subject(self) -> str:
        """The container."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHook(Op):
    """Begin a hook; its result wakes the worker."""

    kind: Literal["postStart", "preStop"]
    name: str
    target: str
    seconds: float | None
    """Time limit; None for none."""

    def subject(self) -> str:
        """The hook."""
        return f"{self.kind} of {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal(Op):
    """Send a signal to a container; an empty one means the image's own stop signal."""

    name: str
    target: str
    signal: str

    def subject(self) -> str:
        """Signal and container."""
        return f"{self.signal or 'stop signal'} to {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpause(Op):
    """Let a paused container go on, so that it can end."""

    name: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Op):
    """Remove a container, killing it if it runs."""

    name: str
    target: str

    def subject(self) -> str:
        """The container."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRestarts(Op):
    """Write a container's history to the journal."""

    quiet: ClassVar[bool] = True
    name: str
    restarts: Restarts


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Op):
    """Tell the Event once; `key` is what makes it the same one."""

    quiet: ClassVar[bool] = True
    key: str

    def subject(self) -> str:
        """The Event's reason."""
        return self.event.reason if self.event else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget(Op):
    """Nothing of this pod's uid is left in the engine: remove its files and its history."""

    uid: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container does not run (ContainerStateWaiting)."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProbeKey:
    """A probe that should be running, of one container id."""

    container: str
    id: str
    kind: ProbeKind


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done now, and what is known while nothing is.

    `wake_at` is when to plan again though nothing happens (Unix seconds); `probes` are those that should be running;
    `waiting` says why each container that does not run does not; `done` that nothing of the pod is left to look after.
    """

    ops: tuple[Op, ...] = ()
    wake_at: float | None = None
    probes: frozenset[ProbeKey] = frozenset()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    done: bool = False
    unschedulable: str = ""
    """Why the pod cannot be placed on this host yet, in the scheduler's words."""
    rejected: Rejection | None = None
    """Why this host does not run the pod at all."""

    def __str__(self) -> str:
        """Golden text: a line for each operation."""
        return "\n".join(op.line() for op in self.ops) or "nothing"


def earliest(times: Iterable[float | None]) -> float | None:
    """The first of the times that are set."""
    return min((t for t in times if t is not None), default=None)


def together(plans: list[Plan]) -> Plan:
    """Several containers' plans as one; their lanes may run at the same time."""
    return Plan(
        ops=tuple(op for plan in plans for op in plan.ops),
        wake_at=earliest(plan.wake_at for plan in plans),
        probes=frozenset(key for plan in plans for key in plan.probes),
        waiting={name: waiting for plan in plans for name, waiting in plan.waiting.items()},
    )


def _verb(op: Op) -> str:
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in type(op).__name__)
    return words.strip()
