"""What Kubernetes' conformance tests say of init containers and deadlines, on virtual time (docs/conformance.md)."""

import asyncio
from itertools import pairwise

import pytest

from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

WEB = "containers: [{name: web, image: 'web:1'}]"
INIT = f"initContainers: [{{name: first, image: 'init:1'}}, {{name: second, image: 'init:1'}}]\n{WEB}"


@pytest.mark.parametrize(("policy", "phase"), [("Always", "Running"), ("Never", "Succeeded")])
async def test_L06_init_containers_run_in_order_and_all_are_done(
    daemon: Daemon, engine: Engine, policy: str, phase: str
) -> None:
    engine.program("init:1", Program(run_for=3))
    engine.program("web:1", Program(run_for=None if policy == "Always" else 5))
    daemon.pod(f"restartPolicy: {policy}\n{INIT}")
    await daemon.until(lambda: daemon.get().status.phase == phase and daemon.condition("Initialized") == "True")
    first, second, app = [await engine.newest(name) for name in ("first", "second", "web")]
    assert first.finished_at <= second.started_at < second.finished_at <= app.started_at
    for name in ("first", "second"):
        ended = daemon.container(name).state.terminated
        assert ended is not None
        assert (ended.exit_code, ended.reason, daemon.container(name).ready) == (0, "Completed", True)
    assert daemon.history(lambda pod: [c.status for c in pod.status.conditions if c.type == "Initialized"])[-1] == [
        "True"
    ]
    assert daemon.phases() == ["Pending", "Running", "Succeeded"][: 2 if policy == "Always" else 3]


async def test_L06_a_failing_init_container_is_retried_with_back_off_and_no_app_starts(
    daemon: Daemon, engine: Engine
) -> None:
    engine.program("init:1", Program(run_for=1, exit_code=1))
    daemon.pod(f"restartPolicy: Always\n{INIT}")
    moments: list[float] = []
    for count in range(1, 5):
        await daemon.until(lambda count=count: daemon.state() and daemon.container("first").restart_count == count)
        moments.append(engine.now())
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps == [pytest.approx(1 + wait, abs=0.5) for wait in (10, 20, 40)]
    assert daemon.phases() == ["Pending"]
    assert daemon.condition("Initialized") == "False"
    assert daemon.state() == "PodInitializing"
    assert await engine.of("second") == await engine.of("web") == []


async def test_L06_a_failing_init_container_fails_the_pod_of_policy_Never(daemon: Daemon, engine: Engine) -> None:
    engine.program("init:1", Program(run_for=1, exit_code=1))
    daemon.pod(f"restartPolicy: Never\n{INIT}")
    await daemon.until(lambda: daemon.get().status.phase == "Failed")
    await asyncio.sleep(60)
    assert daemon.container("first").restart_count == 0
    assert daemon.condition("Initialized") == "False"
    assert await engine.of("second") == await engine.of("web") == []


async def test_L09_a_deadline_that_an_edit_sets_ends_a_running_pod(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    began, uid = engine.now(), daemon.get().metadata.uid
    daemon.pod(f"activeDeadlineSeconds: 5\n{WEB}")
    await daemon.until(lambda: daemon.get().status.phase == "Failed")
    assert engine.now() - began == pytest.approx(5, abs=1.1), "times of objects are whole seconds"
    status = daemon.get().status
    assert (daemon.get().metadata.uid, status.reason) == (uid, "DeadlineExceeded")
    assert (await engine.newest()).phase == "exited"
