"""Case D01: a few points of those that `make chaos` goes through, in every run of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.chosen import STORIES
from tests.chaos.killing import kill_in_every_stage
from tests.chaos.stages import STAGES
from tests.images import busybox_image, engine_answers
from tests.registry import Registry, running

pytestmark = [pytest.mark.races, pytest.mark.skipif(not engine_answers(), reason="no Docker Engine answers")]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running(Registry(tmp_path_factory.mktemp("registry"))) as made:
        yield made


@pytest.mark.parametrize("story", STORIES)
def test_D01_killed_at_an_operation_boundary(tmp_path: Path, registry: Registry, story: str) -> None:
    chosen = STORIES[story]
    outcomes = kill_in_every_stage(tmp_path / "story", busybox_image(), chosen, registry)
    assert {f"{one.stage}: {one.point}": one.text for one in outcomes if one.point} == {
        f"{stage.name}: {point}": "as it should be" for stage, point in zip(STAGES, chosen, strict=True) if point
    }
    assert not [one for one in outcomes if one.faults]
