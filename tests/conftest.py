"""What holds for every test."""

import asyncio
import compileall
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.turns import on_the_host

# Until Python 3.14 the main thread is given an event loop by whoever asks first.  pytest-asyncio asks before each async
# test and never closes what it was given: one unclosed loop, and warnings are errors here.  Say that there is none.
asyncio.set_event_loop(None)

_ON_THE_HOST = {"e2e", "contract", "chaos"}


def pytest_configure(config: pytest.Config) -> None:
    """Compile the package once: with PYTHONDONTWRITEBYTECODE each of a thousand commands would do it anew."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(config.rootpath / "orchestrator", quiet=2)


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests of the real engine go on at the same time, but for those marked `alone`."""
    if not _ON_THE_HOST & set(Path(request.path).relative_to(request.config.rootpath).parts):
        yield
        return
    with on_the_host(alone=request.node.get_closest_marker("alone") is not None):
        yield
