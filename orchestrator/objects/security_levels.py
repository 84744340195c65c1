"""The levels of the Pod Security Standards, from what allows all to what allows least."""

from typing import Literal

Level = Literal["privileged", "baseline", "restricted"]
LEVELS: tuple[Level, ...] = ("privileged", "baseline", "restricted")


def stricter(one: Level, other: Level) -> Level:
    """The stricter of two levels."""
    return max(one, other, key=LEVELS.index)
