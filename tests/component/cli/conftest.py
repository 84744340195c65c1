from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.api.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose API is up."""
    house = House(tmp_path)
    await house.api.start(house.socket)
    yield house
    await house.close()
