import asyncio

from orchestrator.api.exposition import families, text
from orchestrator.api.status import DaemonStatus, EngineStatus
from orchestrator.metrics import Metrics


def scraped_tasks() -> float:
    daemon = DaemonStatus("test", ("/specs",), "/state", 0.0, EngineStatus("unix:///engine.sock"))
    lines = text(families(Metrics(), [], daemon)).decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("orchestrator_tasks "))


async def test_every_task_is_counted_until_its_end() -> None:
    before, over = scraped_tasks(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(over.wait())
        assert scraped_tasks() == before + 3
        over.set()
    assert scraped_tasks() == before
