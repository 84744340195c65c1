"""What only the daemon knows of itself, handed to the API by `app` as a function that gives it as of now."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from orchestrator.engine.base import PullProgress
from orchestrator.findings import Finding


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in the spec folder; `place` is "web.yaml:3:7" or a path.

    Of an error the last good version stays in force; a warning tells of what has no effect.
    """

    place: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine as the daemon last saw it; `error` is why it does not answer, "" when it does."""

    url: str
    name: str = ""
    version: str = ""
    api_version: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class PullStatus:
    """A pull under way since so many Unix seconds, and how far its layers are."""

    image: str
    platform: str
    since: float
    layers: tuple[PullProgress, ...]


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The daemon as of now; `started_at` is in Unix seconds.

    `syncing` until the folder was applied for the first time and its pods were looked at.
    """

    instance: str
    specs: tuple[str, ...]
    state_dir: str
    started_at: float
    engine: EngineStatus
    problems: tuple[Problem, ...] = ()
    syncing: bool = False
    dns_trouble: str = ""
    """Why names are served by hosts files alone, "" when DNS is served too."""
    pulls: tuple[PullStatus, ...] = ()
    run_dir: str = ""
    pool: str = ""
    findings: tuple[Finding, ...] = ()
    """What only the daemon can know, for `doctor`."""


StatusSource = Callable[[], DaemonStatus]
