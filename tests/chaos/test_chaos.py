"""Case D01: a few points of those that `make chaos` goes through, in every run of the tests.

The points are fixed by name, one of each kind of plan and of each order of journal and engine; the whole takes minutes.
"""

from pathlib import Path

import pytest

from tests.chaos.killing import kill_in_every_stage
from tests.chaos.story import STAGES
from tests.images import busybox_image, engine_answers

pytestmark = [pytest.mark.races, pytest.mark.skipif(not engine_answers(), reason="no Docker Engine answers")]

STORIES = (
    # create, edit container, crash, edit pod, delete
    (
        "after Create subject/POD@1",
        "after BeginStop subject/main@1",
        "before KeepRestarts subject/main@1",
        "after BeginStop subject/sidecar@1",
        "before Forget subject/@1",
    ),
    (
        "after Start subject/init@1",
        "before Signal subject/main@1",
        "after KeepRestarts subject/main@1",
        "after Start subject/sidecar@1",
        "after Signal subject/main@1",
    ),
    (
        "before RunHook subject/main@1",
        "after Create subject/main@1",
        "after Start subject/main@1",
        "before Remove subject/POD@1",
        "after RunHook subject/main@1",
    ),
    ("after journal@5", "before journal@6", "after journal@4", "before journal@5", "after journal@6"),
)


@pytest.mark.parametrize("chosen", STORIES, ids=["made", "started", "hooks", "journal"])
def test_D01_killed_at_an_operation_boundary(tmp_path: Path, chosen: tuple[str, ...]) -> None:
    outcomes = kill_in_every_stage(tmp_path / "story", busybox_image(), chosen)
    assert {f"{outcome.stage}: {outcome.point}": outcome.text for outcome in outcomes} == {
        f"{stage.name}: {point}": "as it should be" for stage, point in zip(STAGES, chosen, strict=True)
    }
