"""The chaos suite's fixed points: every operation that a plan can have is one at which a daemon is killed (D01)."""

import pytest

from orchestrator.planning import ops
from tests.chaos.chosen import STORIES
from tests.chaos.stages import STAGES


def test_a_daemon_is_killed_at_every_kind_of_operation() -> None:
    """Whoever adds one adds a point, and what leads there: see `tests/chaos/stages.py`."""
    kinds = {kind.__name__ for kind in vars(ops).values() if isinstance(kind, type) and issubclass(kind, ops.Op)}
    points = [point.split()[1] for story in STORIES.values() for point in story if point]
    assert {point for point in points if not point.startswith("journal")} == kinds - {"Op"}


@pytest.mark.parametrize("story", STORIES)
def test_each_point_is_one_of_its_stage(story: str) -> None:
    for stage, point in zip(STAGES, STORIES[story], strict=True):
        assert not point or "journal" in point or stage.counts(point), f"{stage.name}: {point}"
