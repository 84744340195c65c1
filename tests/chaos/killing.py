"""Kills the daemon at points of the story, and looks at what comes of it."""

import subprocess
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.failpoints import VARIABLE
from tests.chaos.stages import STAGES, Stage
from tests.chaos.story import Story
from tests.e2e.daemon import Daemon
from tests.registry import Registry

MOST_JOURNAL = 12
"""How many writes of the journal in one stage are points; how many there are depends on the clock."""
_DYING = 2.0
"""Seconds until a process whose socket has closed is gone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reached` is False where the daemon did not come to the point: nothing was shown then."""

    stage: str
    point: str
    reached: bool
    faults: tuple[str, ...]

    @property
    def text(self) -> str:
        """In a word, or in what is wrong."""
        return "; ".join(self.faults) or ("as it should be" if self.reached else "not reached")


def points(home: Path, image: str, registry: Registry | None) -> dict[str, list[str]]:
    """Every point of every stage, in the order in which a daemon that is left alone comes to it."""
    home.mkdir()
    daemon = Daemon(home, image)
    found: dict[str, list[str]] = {}
    try:
        story = Story(daemon, _pulled(registry))
        for stage in STAGES:
            trace = home / f"trace {stage.name}"
            daemon.environment = {VARIABLE: f"trace:{trace}"}
            daemon.start()
            stage.act(story)
            stage.done(story)
            assert not (faults := story.faults(stage.expected)), faults
            daemon.stop()
            passed = dict.fromkeys(trace.read_text().splitlines())
            found[stage.name] = [point for point in passed if _counts(stage, point)]
    finally:
        daemon.environment = {}
        daemon.down()
    return found


def _counts(stage: Stage, point: str) -> bool:
    name, _, times = point.rpartition("@")
    return stage.counts(point) or ("journal" in name and int(times) <= MOST_JOURNAL)


def _pulled(registry: Registry | None) -> str:
    """An image that the engine does not have."""
    return registry.push(f"chaos/{uuid.uuid4().hex}", "1").name if registry else "IMAGE"


def kill_in_every_stage(home: Path, image: str, chosen: Sequence[str], registry: Registry | None) -> list[Outcome]:
    """One story: in each stage the daemon dies at the chosen point ("" leaves it alone) and is started again."""
    home.mkdir()
    daemon = Daemon(home, image)
    outcomes: list[Outcome] = []
    try:
        with _put_away(daemon):
            story = Story(daemon, _pulled(registry))
            for stage, point in zip(STAGES, chosen, strict=True):
                if stage.slow and not point:
                    continue
                outcomes.append(_kill(daemon, story, stage, point))
    except (AssertionError, OrchestratorError, subprocess.SubprocessError) as error:
        outcomes.append(Outcome("the story", home.name, True, (f"it broke off: {error}",)))
    return outcomes


@contextmanager
def _put_away(daemon: Daemon) -> Iterator[None]:
    try:
        yield
    finally:
        daemon.environment = {}
        daemon.down()


def _kill(daemon: Daemon, story: Story, stage: Stage, point: str) -> Outcome:
    daemon.environment = {VARIABLE: point}
    _unless_it_dies(daemon, daemon.start)
    daemon.environment = {}
    stage.act(story)
    if daemon.alive():
        _unless_it_dies(daemon, lambda: stage.done(story))
    reached = _revived(daemon)
    faults = _faults(daemon, story, stage)
    if not reached and (reached := _revived(daemon)):
        # It came to the point only after all was done.
        faults = _faults(daemon, story, stage)
    daemon.stop()
    return Outcome(stage.name, point, reached, faults)


def _revived(daemon: Daemon) -> bool:
    """Start it again when it has died; says whether it had."""
    if daemon.alive():
        return False
    daemon.wait_end()
    daemon.start()
    return True


def _faults(daemon: Daemon, story: Story, stage: Stage) -> tuple[str, ...]:
    try:
        stage.done(story)
        return tuple(story.faults(stage.expected))
    except (AssertionError, OrchestratorError) as error:
        daemon.ends_within(_DYING)
        return (f"it did not come to its end: {error}",)


def _unless_it_dies(daemon: Daemon, work: Callable[[], object]) -> None:
    """Do what asks the daemon, which may end meanwhile; whatever comes of it is looked at later."""
    try:
        work()
    except (AssertionError, OrchestratorError):
        daemon.ends_within(_DYING)
