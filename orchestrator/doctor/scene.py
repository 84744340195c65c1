"""What is examined: one instance with its folders, and what the engine says."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.base import Container, EngineInfo, Network
from orchestrator.findings import Finding


@dataclass(frozen=True, slots=True)
class Daemon:
    """The daemon that answers at the socket: what it says of itself and of its engine ("Docker Engine 20.10.24 ...").

    `engine_trouble` is why the engine does not answer it; `findings` are what only it can know.
    """

    pid: int
    version: str
    engine: str = ""
    engine_trouble: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Patient:
    """Whom the questions are about.  Without a daemon, `refusal` says why none answers at the socket."""

    instance: str
    state_dir: Path
    run_dir: Path
    socket: Path
    engine_url: str
    pool: str
    specs: tuple[Path, ...] = ()
    daemon: Daemon | None = None
    refusal: str = ""
    forbidden: bool = False
    """Whether it is the kernel that keeps us from the socket."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the engine has of us: the containers and networks of every instance, and all networks there are.

    `trouble` says why it does not answer; the rest is empty then.
    """

    info: EngineInfo | None = None
    containers: tuple[Container, ...] = ()
    networks: tuple[Network, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What every check is given; `root` says whether this process may look at everything."""

    patient: Patient
    survey: Survey
    root: bool


Check = Callable[[Scene], Awaitable[Iterable[Finding]]]
