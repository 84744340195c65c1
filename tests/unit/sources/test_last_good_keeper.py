"""When what the specs say is written: on virtual time, with a disk that refuses as the test wants."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.sources.last_good_files import LastGoodFiles
from orchestrator.sources.last_good_keeper import RETRY_SECONDS, LastGoodKeeper
from orchestrator.sources.located import Sourced
from orchestrator.sources.yaml_loader import decode_file


def said(name: str) -> tuple[Sourced, ...]:
    return decode_file(f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}".encode(), "a.yaml").objects


@contextlib.asynccontextmanager
async def running(keeper: LastGoodKeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.run())
    yield
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.looptime
async def test_a_disk_that_refuses_is_told_of_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "disk").write_text("a file in its place")
    files = LastGoodFiles(tmp_path / "disk", tmp_path / "memory")
    keeper = LastGoodKeeper(files)
    with caplog.at_level(logging.WARNING):
        async with running(keeper):
            keeper.keep(said("one"))
            assert files.begun
            await asyncio.sleep(3.5 * RETRY_SECONDS)
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            (tmp_path / "disk").unlink()
            await asyncio.sleep(RETRY_SECONDS)
    found = recalled(tmp_path)
    assert found == ["one"]


async def test_the_newest_is_written_and_nothing_is_lost_meanwhile(tmp_path: Path) -> None:
    keeper = LastGoodKeeper(LastGoodFiles(tmp_path / "disk", tmp_path / "memory"))
    async with running(keeper):
        for name in ("one", "two", "three"):
            keeper.keep(said(name))
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            while recalled(tmp_path) != ["three"]:
                await asyncio.sleep(0.01)


def recalled(place: Path) -> list[str]:
    found = LastGoodFiles(place / "disk", place / "memory").recall(["a.yaml"]) or {}
    return [each.object.metadata.name for known in found.values() for each in known.objects]
