"""What is known of the engine follows the engine."""

import asyncio
import logging

import pytest

from orchestrator.engine.health import EngineHealth
from orchestrator.engine.simulated import SimulatedEngine


@pytest.mark.looptime
async def test_D03_an_engine_that_was_upgraded_is_known_by_its_new_version(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    engine, back = SimulatedEngine(), asyncio.Event()
    health = EngineHealth(engine, await engine.info(), back.set)
    running = asyncio.create_task(health.run())
    await asyncio.sleep(11)
    assert (health.info.version, health.error, caplog.text) == ("1.0", "", "")
    engine.go_away()
    await asyncio.sleep(11)
    assert health.error
    assert health.info.version == "1.0", "the last that it said"
    engine.version = "2.0"
    engine.come_back()
    await back.wait()
    assert (health.info.version, health.error) == ("2.0", "")
    assert caplog.text.count("the engine is Simulated Engine 2.0 now (API 1.41)") == 1
    running.cancel()
