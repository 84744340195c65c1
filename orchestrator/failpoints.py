"""Places with names at which a test lets the daemon die, as a kill -9 at that very moment would.

    ORCHESTRATOR_FAILPOINT="after Start web/main@2"     dies when it comes there for the second time
    ORCHESTRATOR_FAILPOINT="trace:/tmp/points"          writes each name that it passes, a line each

Unset, which is always but in tests/chaos, there is nothing: whoever has a point asks `ARMED` first.
"""

import os
import signal
from collections import Counter
from pathlib import Path

VARIABLE = "ORCHESTRATOR_FAILPOINT"
_TRACE = "trace:"
_asked = os.environ.get(VARIABLE, "")
ARMED = bool(_asked)
_passed: Counter[str] = Counter()


def reach(name: str) -> None:
    """Come to a point; where it is the one that was asked for, this process ends here."""
    _passed[name] += 1
    if _asked.startswith(_TRACE):
        with Path(_asked.removeprefix(_TRACE)).open("a") as file:
            file.write(f"{name}@{_passed[name]}\n")
    elif f"{name}@{_passed[name]}" == _asked:
        os.kill(os.getpid(), signal.SIGKILL)
