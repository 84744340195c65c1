"""An engine that takes its time: what probes tell meanwhile is not told again as it was before."""

import asyncio
from itertools import pairwise

import pytest

from orchestrator.engine.base import Container, ExecResult
from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

POD = """
containers:
- name: web
  image: web:1
  readinessProbe: {exec: {command: [ready]}, periodSeconds: 1, failureThreshold: 1}
"""


async def test_P04_a_condition_has_no_transition_but_its_own(
    engine: Engine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ready turns False and True again while one look at the engine is under way."""
    answers = [ExecResult(0, b"")]

    engine.program("web:1", Program(exec=lambda argv: answers[-1]))
    daemon.pod(POD)
    await daemon.ready()
    await asyncio.sleep(10)
    quick = engine.list_containers

    async def slow(labels: dict[str, str], *seconds: float) -> list[Container]:
        await asyncio.sleep(8)
        return await quick(labels, *seconds)

    monkeypatch.setattr(engine, "list_containers", slow)
    # Pods look at the engine for every edit of config.
    daemon.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: any}}")
    for code in (1, 0):
        answers.append(ExecResult(code, b""))
        await daemon.until(lambda code=code: daemon.condition("Ready") == str(code == 0))
        await asyncio.sleep(1.5)
    await asyncio.sleep(30)
    told = daemon.history(
        lambda pod: [(c.status, c.last_transition_time) for c in pod.status.conditions if c.type == "Ready"]
    )
    seen = [each for conditions in told for each in conditions]
    assert len(seen) >= 3
    assert all(before[0] != after[0] for before, after in pairwise(seen)), seen
