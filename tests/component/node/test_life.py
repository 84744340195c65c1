"""A pod's life on the simulated engine: it comes up, is restarted, is told about, and goes."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.engine.base import EngineRefused, ExecResult
from orchestrator.engine.simulated import Program
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

WEB = 'containers: [{name: web, image: "web:1"}]'
INIT = 'initContainers: [{name: first, image: "init:1"}, {name: second, image: "init:1"}]'


async def test_L01_a_pod_comes_up(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    assert daemon.reasons() == ["Pulled", "Created", "Started"]
    status = daemon.get().status
    assert (status.phase, daemon.state()) == ("Running", "running")
    assert status.pod_ip.startswith("10.77.")
    assert {c.type: c.status for c in status.conditions}.keys() == {
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    }
    assert daemon.phases() == ["Pending", "Running"]
    assert sorted(engine.changes.elements()) == ["create", "create", "start", "start"]


async def test_a_pods_hosts_file_knows_its_address(daemon: Daemon) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    pod = daemon.get()
    assert f"{pod.status.pod_ip}\tweb\n" in daemon.hosts.path(pod.metadata.uid).read_text()


async def test_L04_a_crash_restarts_with_back_off_and_counts(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(run_for=5, exit_code=3))
    daemon.pod(WEB)
    await daemon.until(lambda: daemon.container().restart_count == 4 if daemon.state() else False, 600)
    starts = [attempt.started_at for attempt in await engine.of("web")]
    assert len(starts) == 2, "older attempts are collected"
    assert starts[0] - starts[1] == pytest.approx(5 + 40, abs=0.1)
    last = daemon.container().last_state.terminated
    assert last is not None
    assert (last.exit_code, last.reason) == (3, "Error")
    assert "BackOff" in daemon.reasons()
    counts = daemon.history(lambda pod: [c.restart_count for c in pod.status.container_statuses])
    assert counts == [[], [0], [1], [2], [3], [4]] or counts == [[0], [1], [2], [3], [4]]


async def test_L03_a_pod_that_is_done_keeps_its_containers_and_loses_its_sandbox(
    daemon: Daemon, engine: Engine
) -> None:
    engine.program("web:1", Program(run_for=5, exit_code=0))
    daemon.pod(f"restartPolicy: Never\n{WEB}")
    await daemon.until(lambda: daemon.get().status.phase == "Succeeded")
    await asyncio.sleep(1)
    assert not await engine.of("POD")
    assert (await engine.newest()).phase == "exited"


async def test_L02_a_container_that_cannot_start_says_why(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(start_error=EngineRefused("exec: no such file", 400)))
    daemon.pod(WEB)
    await daemon.until(lambda: daemon.state() == "CrashLoopBackOff")
    last = daemon.container().last_state.terminated
    assert last is not None
    assert (last.reason, last.exit_code, last.message) == ("StartError", 128, "exec: no such file")
    assert daemon.message("Failed") == "Error: failed to start container: exec: no such file"


async def test_L06_init_containers_run_in_order(daemon: Daemon, engine: Engine) -> None:
    engine.program("init:1", Program(run_for=3, exit_code=1), Program(run_for=3), Program(run_for=3))
    daemon.pod(f"{INIT}\n{WEB}")
    await daemon.ready()
    first, second, web = [await engine.newest(name) for name in ("first", "second", "web")]
    assert first.finished_at <= second.started_at < second.finished_at <= web.started_at
    assert daemon.container("first").restart_count == 1
    assert daemon.phases() == ["Pending", "Running"]


async def test_L10_deletion_leaves_nothing(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(f"volumes: [{{name: scratch}}]\n{WEB}")
    await daemon.ready()
    daemon.delete()
    await daemon.gone()
    assert await engine.list_containers({}) == []
    assert daemon.volumes.uids() == set()
    assert not list((daemon.folder / "pods").iterdir())
    for bucket in ("restarts", "containers", "pods", "replaced", "objects"):
        assert list(daemon.journal.items(bucket)) == []
    assert daemon.phases() == ["Pending", "Running", "Failed"]
    await daemon.manager.idle()


async def test_L10_a_deaf_container_gets_its_hook_the_signal_and_the_kill(daemon: Daemon, engine: Engine) -> None:
    async def bye(argv: tuple[str, ...]) -> ExecResult:
        await asyncio.sleep(3)
        return ExecResult(0, b"")

    engine.program("web:1", Program(ignores=("TERM",), exec=bye))
    daemon.pod("containers: [{name: web, image: 'web:1', lifecycle: {preStop: {exec: {command: [bye]}}}}]")
    await daemon.ready()
    web, began = await engine.newest(), engine.now()
    daemon.delete(grace=10)
    await asyncio.sleep(9)
    assert [(round(at - began, 1), name) for at, name in engine.signals(web.id)] == [(3.0, "TERM")]
    await daemon.gone()
    assert engine.now() - began == pytest.approx(10, abs=0.1)


async def test_L11_a_shorter_grace_shortens_the_wait(daemon: Daemon, engine: Engine) -> None:
    engine.program("web:1", Program(ignores=("TERM",)))
    daemon.pod(WEB)
    await daemon.ready()
    began = engine.now()
    daemon.delete(grace=100)
    await asyncio.sleep(5)
    daemon.delete(grace=0)
    await daemon.gone()
    assert engine.now() - began == pytest.approx(5, abs=0.1)


async def test_a_pod_comes_back_under_its_name_at_once_whatever_hook_was_running(daemon: Daemon) -> None:
    daemon.pod("containers: [{name: web, image: 'web:1', lifecycle: {postStart: {sleep: {seconds: 29}}}}]")
    await daemon.until(lambda: "Started" in daemon.reasons())
    daemon.delete(grace=0)
    await daemon.gone()
    daemon.pod(WEB)
    await daemon.until(lambda: daemon.condition("Ready") == "True", 5)


async def test_L14_what_vanishes_is_made_again(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    engine.destroy((await engine.newest()).id)
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)


async def test_L14_a_killed_sandbox_makes_the_pod_anew(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    before = await engine.newest("POD")
    engine.crash(before.id)
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    assert (await engine.newest("POD")).id != before.id
    assert daemon.reasons().count("SandboxChanged") == 1


async def test_L14_a_pod_that_someone_cut_off_from_its_network_is_made_anew_at_once(
    daemon: Daemon, engine: Engine
) -> None:
    """Its address is free, so the next pod may have it: nobody may be led there for this one."""
    daemon.pod(WEB)
    await daemon.ready()
    before = await engine.newest("POD")
    engine.disconnect(before.id)
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1, 30)
    assert (await engine.newest("POD")).id != before.id
    assert "" in daemon.history(lambda pod: pod.status.pod_ip)[1:]


async def test_L14_a_container_that_someone_started_again_runs_once(daemon: Daemon, engine: Engine) -> None:
    """`docker restart` ends it, we make the next attempt, and the engine starts the one before again."""
    daemon.pod(WEB)
    await daemon.ready()
    before = await engine.newest()
    engine.crash(before.id)
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    await engine.start(before.id)
    ended = engine.changes["kill"]
    while engine.changes["kill"] == ended or (await engine.inspect(before.id)).phase == "running":
        await asyncio.sleep(0.1)
    assert (await engine.newest()).phase == "running"
    assert daemon.container().restart_count == 1


async def test_an_edit_of_one_container_replaces_it_alone(daemon: Daemon, engine: Engine) -> None:
    two = WEB.replace("]", ', {name: log, image: "log:1"}]')
    daemon.pod(two)
    await daemon.ready()
    log, sandbox, uid = await engine.newest("log"), await engine.newest("POD"), daemon.get().metadata.uid
    daemon.pod(two.replace("web:1", "web:2"))
    await daemon.until(lambda: daemon.container().image == "web:2" and daemon.state() == "running")
    assert (await engine.newest("log"), await engine.newest("POD")) == (log, sandbox)
    assert daemon.get().metadata.uid == uid


async def test_an_edit_of_the_pods_own_fields_makes_another_pod_after_the_old_one(
    daemon: Daemon, engine: Engine
) -> None:
    engine.program("web:1", Program(stop_after=4, stop_code=0))
    daemon.pod(WEB)
    await daemon.ready()
    old = daemon.get().metadata.uid
    daemon.pod(f"hostname: other\n{WEB}")
    await daemon.until(lambda: daemon.get().metadata.uid != old and daemon.condition("Ready") == "True")
    assert {c.labels["orchestrator.dev/uid"] for c in await engine.list_containers({})} == {daemon.get().metadata.uid}
    assert [uid for uid, _ in daemon.journal.items("pods")] == [daemon.get().metadata.uid]


async def test_labels_touch_nothing(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    engine.changes.clear()
    daemon.pod(WEB, labels={"a": "b"})
    await asyncio.sleep(5)
    assert not engine.changes
    assert daemon.get().metadata.labels == {"a": "b"}


async def test_V02_an_edit_of_a_ConfigMap_is_in_the_volume_and_touches_nothing(daemon: Daemon, engine: Engine) -> None:
    settings = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: '%s'}}"
    mounted = "volumeMounts: [{name: data, mountPath: /data}]"
    daemon.pod(
        f"volumes: [{{name: data, configMap: {{name: settings}}}}]\n"
        f"containers: [{{name: web, image: 'web:1', {mounted}}}]"
    )
    await daemon.until(lambda: "FailedMount" in daemon.reasons())
    daemon.apply(settings % "1")
    await daemon.ready()
    file = Path(daemon.folder / "volumes" / daemon.get().metadata.uid / "data" / "a")
    assert file.read_text() == "1"
    engine.changes.clear()
    daemon.apply(settings % "2")
    await asyncio.sleep(5)
    assert file.read_text() == "2"
    assert not engine.changes


async def test_E03_a_missing_reference_is_named_and_mends_itself(daemon: Daemon) -> None:
    daemon.pod("containers: [{name: web, image: 'web:1', envFrom: [{configMapRef: {name: settings}}]}]")
    await daemon.until(lambda: daemon.state() == "CreateContainerConfigError")
    assert daemon.message("Failed") == 'Error: configmap "settings" not found'
    daemon.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {A: '1'}}")
    await daemon.ready()
