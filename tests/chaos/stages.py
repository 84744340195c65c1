"""The stages of the story: what each gives the daemon to do, and how often what may have happened after it.

Together they have every operation that a plan can have (tests/unit/test_chaos.py holds `chosen.py` against
`planning/ops.py`), and every kind of plan: a start, an edit, a crash, a failing probe, an edit of config, a deadline,
a pause from outside, an eviction, an end.  What is independent goes on at the same time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.cast import BRIEF, PATIENT, SUBJECT
from tests.chaos.story import Expected, Story


@dataclass(frozen=True, slots=True)
class Stage:
    """`expected` counts all of the story so far; the daemon may die at operations of `pods`, or at writes.

    A hook that was under way when the daemon died may be run again (H05); nothing else ever is.  `slow` is left out
    of a story in which the daemon does not die in it.
    """

    name: str
    act: Callable[[Story], None]
    done: Callable[[Story], None]
    expected: Expected
    pods: tuple[str, ...] = (SUBJECT, PATIENT, BRIEF)
    more: tuple[str, ...] = ()
    """Operations of all other pods that count too."""
    slow: bool = False

    def counts(self, point: str) -> bool:
        """Whether the daemon is to die there: "after Start subject/main@1"."""
        _, _, rest = point.partition(" ")
        operation, _, of = rest.partition(" ")
        return operation in self.more or of.startswith(tuple(f"{pod}/" for pod in self.pods))


def _expected(starts: int, inits: int, sidecars: int, stops: int, patient: int, *brief: int) -> Expected:
    return {
        "start main": (starts, starts),
        "start init": (inits, inits),
        "start sidecar": (sidecars, sidecars),
        "postStart main": (starts, 2 * starts),
        "preStop main": (stops, 2 * stops),
        "patient start": (patient, patient),
        **{f"brief {word}": (count, count) for word, count in zip(("start", "term"), brief, strict=True)},
    }


STAGES = (
    # The others' starts are the subject's over again, but for the pull.
    Stage(
        "create",
        Story.create,
        Story.created,
        _expected(1, 1, 1, 0, 1, 1, 0),
        (SUBJECT,),
        ("EnsureNetwork", "PullImage"),
    ),
    Stage("edit container", Story.edit_container_and_sicken, Story.edited_and_healed, _expected(2, 1, 1, 1, 2, 1, 0)),
    Stage(
        "crash", Story.crash_configure_and_limit, Story.restarted_configured_and_ended, _expected(3, 1, 1, 1, 3, 1, 1)
    ),
    Stage("edit pod", Story.edit_pod_and_pause, Story.made_anew_and_resumed, _expected(4, 2, 2, 2, 4, 1, 1)),
    # Volumes are counted every ten seconds.
    Stage("evict", Story.fill_disk, Story.evicted, _expected(4, 2, 2, 2, 4, 1, 1), (PATIENT,), slow=True),
    Stage("delete", Story.delete, Story.all_gone, _expected(4, 2, 2, 3, 4, 1, 1)),
)
