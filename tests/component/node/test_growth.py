"""A pod that crashes for months leaves no more behind than one that crashed twice."""

from collections import Counter

import pytest

from orchestrator.engine.simulated import Program
from orchestrator.node import memory
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

POD = """
containers:
- {name: web, image: "web:1", volumeMounts: [{name: data, mountPath: /d, subPath: deep}]}
volumes: [{name: data, emptyDir: {}}]
"""
BUCKETS = ("events", memory.RESTARTS, memory.CONTAINERS, memory.PODS, memory.REPLACED, "objects", "statuses")


async def traces(daemon: Daemon, engine: Engine) -> Counter[str]:
    """How much there is of everything: containers in the engine, files on disk, records in the journal."""
    found = Counter({bucket: len(list(daemon.journal.items(bucket))) for bucket in BUCKETS})
    found["containers"] = len(await engine.list_containers({}))
    found["files"] = sum(1 for path in daemon.folder.rglob("*") if not path.name.startswith("journal.db"))
    return found


async def test_nothing_grows_with_the_number_of_restarts(engine: Engine, daemon: Daemon) -> None:
    engine.program("*_web_web_*", Program(run_for=1, exit_code=1))
    daemon.pod(POD)
    counts = {}
    for restarts in (3, 12):
        await daemon.until(
            lambda restarts=restarts: (
                daemon.find()
                and daemon.get().status.container_statuses
                and daemon.container().restart_count >= restarts
                and daemon.state() == "CrashLoopBackOff"
            ),
            seconds=12 * 400,
        )
        counts[restarts] = await traces(daemon, engine)
    few, many = counts[3], counts[12]
    # Events are old after an hour, and told again as one with a count.
    few["events"] = max(few["events"], many["events"])
    assert many == few
    assert many["containers"] == 3, "the sandbox, the last run and the one before"
