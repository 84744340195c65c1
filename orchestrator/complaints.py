"""What a daemon that runs says of itself when `doctor` asks: what nobody else can know."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from orchestrator.api.status import Problem
from orchestrator.findings import Finding, setting, warning
from orchestrator.sources.watcher import CANNOT_WATCH

_WATCHES = 524288
"""What other programs that watch folders ask for."""


def complaints(
    services: Iterable[Finding], journal: str, problems: Iterable[Problem], specs: Iterable[Path]
) -> Iterator[Finding]:
    """Give what the room of the Services says (`services.health`), and what is in the way elsewhere.

    `journal` is why nothing is written, "" while all is well; `problems` are those of the folders `specs`.
    """
    yield from services
    if journal:
        yield warning("state folder", f"{journal}; what is new is kept in memory", "df -h")
    problems = list(problems)
    for problem in problems:
        if problem.message.startswith(CANNOT_WATCH):
            yield warning("inotify", problem.message, setting("fs.inotify.max_user_watches", _WATCHES))
    if errors := [problem for problem in problems if problem.severity == "error" and problem.place]:
        more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
        mend = f"orchestrator validate {shlex.join(map(str, specs))}"
        yield warning("specs", f"the last good version goes on: {errors[0]}{more}", mend)
