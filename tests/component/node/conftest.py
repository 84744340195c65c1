from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.node.house import Daemon, Engine


@pytest.fixture
async def engine() -> Engine:
    return Engine()


@pytest.fixture
async def daemon(engine: Engine, tmp_path: Path) -> AsyncIterator[Daemon]:
    async with Daemon(engine, tmp_path) as running:
        yield running
