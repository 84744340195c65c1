"""What hangs is named; what takes its time within its limits is not."""

from orchestrator.node.progress import LIMIT, Progress


def test_the_oldest_step_beyond_the_limit_is_named() -> None:
    now = [100.0]
    progress = Progress(lambda: now[0])
    assert progress.overdue() == ""
    with progress.step("default/a: look at what runs"):
        now[0] += 10
        with progress.step("default/b: start container main"):
            now[0] += LIMIT - 10
            assert progress.overdue() == ""
            now[0] += 1
            assert progress.overdue() == "default/a: look at what runs: not over after 901 s"
        now[0] += 10
    assert progress.overdue() == ""


def test_a_step_that_fails_is_over() -> None:
    now = [0.0]
    progress = Progress(lambda: now[0])
    try:
        with progress.step("default/a: look at what runs"):
            raise ValueError
    except ValueError:
        now[0] = 2 * LIMIT
    assert progress.overdue() == ""
