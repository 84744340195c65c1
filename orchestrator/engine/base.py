"""What the daemon asks of a container engine.

One method is one call to the engine, so that a plan's operations map to calls one to one.  Names and meanings are
the Docker Engine API's (https://docs.docker.com/reference/api/engine/).  Times are Unix seconds (float), sizes are
bytes, CPU is in billionths of a core (`nano_cpus`).  Every method may raise:

- `errors.NotFound`: no such container, image, network;
- `errors.Conflict`: the name is taken, the container is not running, the network has users;
- `errors.Unavailable`: the engine does not answer (also after the call's own time limit);
- `EngineRefused`: any other refusal, with the engine's own words.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from orchestrator.errors import OrchestratorError
from orchestrator.planning.runtime_config import ContainerConfig, Mount, PortBinding

__all__ = [
    "Container",
    "ContainerConfig",
    "Engine",
    "EngineEvent",
    "EngineInfo",
    "EngineRefused",
    "Exec",
    "ExecResult",
    "Image",
    "ListedImage",
    "Mount",
    "Network",
    "PortBinding",
    "PullProgress",
]

INSPECT_SECONDS = 30.0
"""How long the engine may think about one container."""

ContainerPhase = Literal["created", "running", "paused", "restarting", "exited", "dead", "removing"]


class EngineRefused(OrchestratorError):
    """The engine understood and said no; `status` is its HTTP status, the text its own words."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What the engine is: its version ("20.10.24"), API version ("1.41"), architecture, cores and memory.

    `id` is its own, whatever socket leads to it; "" where it has none.  `root` is the folder where it keeps images and
    containers ("/var/lib/docker"), on its own host.
    """

    name: str
    version: str
    api_version: str
    os: str
    architecture: str
    cpus: int
    memory_bytes: int
    id: str = ""
    root: str = ""
    app_armor: bool = False
    """Whether it confines containers by AppArmor profiles."""


@dataclass(frozen=True, slots=True)
class Container:
    """What the engine says of one container (inspect)."""

    id: str
    name: str
    labels: Mapping[str, str]
    image: str
    """The image's name as it was asked for."""
    image_id: str
    phase: ContainerPhase
    pid: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    """The engine's words when it could not start the container."""
    created_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0
    """0.0 where it has not started or not ended."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Network name -> IPv4 address."""
    joined: str = ""
    """The id of the container whose network it is in, "" for one of its own."""
    stop_signal: str = ""
    layer: str = ""
    """The folder of the engine's host that holds what it writes into its root, "" where that is not told."""
    log: str = ""
    """The file that the engine keeps its output in."""
    hung: bool = False
    """The engine answers, but not about this container: no more than its list tells is here (no pid, no exit code)."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the engine has: its id, the digests it is known by, user, and size in bytes."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    architecture: str
    size_bytes: int
    user: str = ""
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    os: str = "linux"
    variant: str = ""

    @property
    def platform(self) -> str:
        """What it runs on: "linux/amd64", "linux/arm/v7"."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    def fits(self, platform: str) -> bool:
        """Whether it is for this platform ("" is any); a variant counts where it is asked for."""
        return not platform or self.platform == platform or self.platform.startswith(f"{platform}/")


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image in the engine's list: its id, tags ("app:1"), digests ("app@sha256:..."), and size in bytes."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Network:
    """A bridge network: `subnet` and `gateway` in dotted form, `bridge` is the host interface's name."""

    id: str
    name: str
    labels: Mapping[str, str]
    subnet: str
    ip_range: str
    gateway: str
    bridge: str


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command in a container ended: `output` is stdout and stderr together, cut at the asked size.

    `timed_out` means that it was killed at its time limit (its whole process, in the container); the code is then 137.
    """

    exit_code: int
    output: bytes
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something happened to a container: action is the engine's word (create, start, die, oom, destroy, pause, ...).

    `attributes` has the container's labels and, for die, exitCode; "disconnect" (from a network) has no labels.  Action
    "reconnected" (no container) says that the stream was broken and events may be missing: list again.
    """

    action: str
    container_id: str
    attributes: Mapping[str, str]
    at: float


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One step of a pull, for pictures: a layer's id, its status, and bytes done of all."""

    layer: str
    status: str
    current: int = 0
    total: int = 0


class Exec(Protocol):
    """An attached command: what `orchestrator exec` shows.  Close it when done."""

    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """Chunks as (stream, data), stream 1 is stdout, 2 stderr; with a tty all is 1.  Ends when the command ends."""
        ...

    async def write(self, data: bytes) -> None:
        """Send to its standard input.  Unavailable when the command reads no more; its output still comes."""
        ...

    async def write_eof(self) -> None:
        """Close its standard input."""
        ...

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal's size."""
        ...

    async def exit_code(self) -> int:
        """Its exit code; call after `output` has ended."""
        ...

    async def close(self) -> None:
        """Give the connection back; kills nothing."""
        ...


class Engine(Protocol):
    """A container engine.  Safe for concurrent calls from one event loop."""

    async def info(self) -> EngineInfo:
        """Ask what the engine is; the first call that is made."""
        ...

    async def close(self) -> None:
        """Give back all connections; containers are untouched."""
        ...

    # --- containers ---

    async def list_containers(self, labels: Mapping[str, str], seconds: float = INSPECT_SECONDS) -> list[Container]:
        """All containers (dead ones too) that bear all these labels, inspected; without one that vanishes meanwhile.

        One that the engine says nothing about within `seconds`, while it answers otherwise, is `hung`.
        """
        ...

    async def inspect(self, container: str) -> Container:
        """One container by id or name."""
        ...

    async def create(self, config: ContainerConfig) -> str:
        """Make a container, not started; gives its id.  Conflict when the name is taken, NotFound without the image."""
        ...

    async def start(self, container: str) -> None:
        """Start it; already running is fine.  EngineRefused carries the runtime's words (no such binary, ...)."""
        ...

    async def kill(self, container: str, signal: str = "KILL") -> None:
        """Send a signal ("TERM", "SIGUSR1", "15") to its PID 1.  Conflict when it does not run."""
        ...

    async def remove(self, container: str) -> None:
        """Kill if needed and remove, with its anonymous volumes; gone already is fine."""
        ...

    async def unpause(self, container: str) -> None:
        """Let a paused container go on; one that is not paused is fine."""
        ...

    async def exec(
        self, container: str, argv: tuple[str, ...], *, seconds: float | None = None, max_output: int = 10 * 1024
    ) -> ExecResult:
        """Run a command in the container to its end.  After `seconds` its process is killed and `timed_out` is set.

        Of its output the last `max_output` bytes are kept.
        """
        ...

    async def exec_attach(self, container: str, argv: tuple[str, ...], *, stdin: bool, tty: bool) -> Exec:
        """Start a command with its streams attached."""
        ...

    def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: float | None = None,
        timestamps: bool = False,
    ) -> AsyncIterator[tuple[int, bytes]]:
        """The container's output as (stream, chunk), stream 1 is stdout and 2 stderr; with `follow` until it ends."""
        ...

    def events(self) -> AsyncIterator[EngineEvent]:
        """Container events from now on, for ever: the stream reconnects by itself, and says so ("reconnected").

        The first item is a "reconnected" too, once the stream stands: who lists after it misses nothing.
        """
        ...

    # --- images ---

    async def image(self, name: str, platform: str = "") -> Image:
        """The image that the engine has under this name or id, for this platform if it has it; NotFound otherwise."""
        ...

    def pull(self, name: str, auth: Mapping[str, str] | None = None, platform: str = "") -> AsyncIterator[PullProgress]:
        """Pull it; ends when it is there.  EngineRefused or NotFound carry the registry's own words.

        `auth` has username and password, or identitytoken; `platform` is "linux/arm64", "" for the engine's own.
        """
        ...

    async def platforms(self, name: str, auth: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """The platforms that the registry has an image for ("linux/arm64"); errors as `pull`."""
        ...

    async def list_images(self) -> list[ListedImage]:
        """All images that have a name or a digest, or are nobody's layer."""
        ...

    async def used_images(self) -> frozenset[str]:
        """The ids of the images of all containers, whoever made them, whatever state they are in."""
        ...

    async def remove_image(self, name: str) -> None:
        """Take a name away, and the image with its last one; Conflict while a container has it."""
        ...

    async def import_image(self, tar: bytes, name: str, changes: tuple[str, ...] = ()) -> str:
        """Make an image of one layer from a tar; `changes` are Dockerfile instructions.  Gives its id."""
        ...

    # --- networks ---

    async def list_networks(self, labels: Mapping[str, str] | None = None) -> list[Network]:
        """All networks, or those that bear all these labels."""
        ...

    async def create_network(
        self, name: str, *, labels: Mapping[str, str], subnet: str, ip_range: str, gateway: str, bridge: str
    ) -> Network:
        """Make a bridge network.  Conflict when the name is taken, EngineRefused when the subnet overlaps another."""
        ...

    async def remove_network(self, network: str) -> None:
        """Remove it; gone already is fine, Conflict while containers use it."""
        ...
