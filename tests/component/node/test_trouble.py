"""What goes wrong around pods: daemons and engines that come and go, images, disks, and neighbours."""

import asyncio
import shutil
from pathlib import Path

import pytest

from orchestrator.engine.base import EngineRefused, ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.node.sandbox_image import SANDBOX_IMAGE
from orchestrator.planning import labels
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

WEB = 'containers: [{name: web, image: "web:1"}]'
CHECKED = """
containers:
- name: web
  image: web:1
  readinessProbe: {exec: {command: [ready]}}
  lifecycle: {postStart: {exec: {command: [hello]}}}
"""


def readiness(daemon: Daemon) -> list[str]:
    """What the pod's condition Ready has been, one after another."""
    seen = daemon.history(lambda pod: [c.status for c in pod.status.conditions if c.type == "Ready"])
    return [status for found in seen for status in found]


# --- the daemon ---


async def test_D01_a_new_daemon_takes_over_and_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(argv: tuple[str, ...]) -> ExecResult:
        asked.append(argv[0])
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=answer))
    async with Daemon(engine, tmp_path) as first:
        first.pod(CHECKED)
        await first.ready()
        uid, containers = first.get().metadata.uid, await engine.list_containers({})
    engine.changes.clear()
    asked.clear()
    second = Daemon(engine, tmp_path)
    second.pod(CHECKED)
    async with second:
        await second.manager.adopted.wait()
        await asyncio.sleep(30)
        assert second.get().metadata.uid == uid
        assert await engine.list_containers({}) == containers
        assert not engine.changes
        assert "hello" not in asked, "postStart was delivered already"
        assert readiness(second) == ["True"], "it was ready all the time"


async def test_D01_a_new_daemon_runs_nothing_again_that_is_done(engine: Engine, tmp_path: Path) -> None:
    engine.program("web:1", Program(run_for=3, exit_code=0))
    async with Daemon(engine, tmp_path) as first:
        first.pod(f"restartPolicy: Never\n{WEB}")
        await first.until(lambda: first.get().status.phase == "Succeeded")
        await asyncio.sleep(1)
    engine.changes.clear()
    second = Daemon(engine, tmp_path)
    second.pod(f"restartPolicy: Never\n{WEB}")
    async with second:
        await second.manager.adopted.wait()
        await asyncio.sleep(100)
        assert second.phases() == ["Succeeded"]
        assert not engine.changes


async def test_L05_counts_and_back_off_survive_the_daemon(engine: Engine, tmp_path: Path) -> None:
    engine.program("web:1", Program(run_for=1, exit_code=1))
    async with Daemon(engine, tmp_path) as first:
        first.pod(WEB)
        await first.until(lambda: first.state() == "CrashLoopBackOff" and first.container().restart_count == 3)
    ended = (await engine.newest()).finished_at
    second = Daemon(engine, tmp_path)
    second.pod(WEB)
    async with second:
        await second.until(lambda: second.state() == "CrashLoopBackOff")
        assert "back-off 40s" in second.container().state.waiting.message  # type: ignore[union-attr]
        assert second.container().restart_count == 3
        await second.until(lambda: second.container().restart_count == 4)
        assert (await engine.newest()).created_at - ended == pytest.approx(40, abs=0.2)


async def test_L05_the_count_survives_though_all_containers_are_gone(engine: Engine, tmp_path: Path) -> None:
    engine.program("web:1", Program(run_for=1, exit_code=1), Program())
    async with Daemon(engine, tmp_path) as first:
        first.pod(WEB)
        await first.until(lambda: first.state() == "running" and first.container().restart_count == 1)
    for container in await engine.list_containers({}):
        engine.destroy(container.id)
    second = Daemon(engine, tmp_path)
    second.pod(WEB)
    async with second:
        await second.until(lambda: second.state() == "running" and second.container().restart_count == 2)


async def test_D06_what_was_deleted_while_the_daemon_was_away_goes_in_order(engine: Engine, tmp_path: Path) -> None:
    said: list[str] = []

    def bye(argv: tuple[str, ...]) -> ExecResult:
        said.append(argv[0])
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=bye))
    async with Daemon(engine, tmp_path) as first:
        first.pod("containers: [{name: web, image: 'web:1', lifecycle: {preStop: {exec: {command: [bye]}}}}]")
        await first.ready()
    async with Daemon(engine, tmp_path) as second:
        await second.manager.adopted.wait()
        await second.manager.idle()
        assert await engine.list_containers({}) == []
        assert said == ["bye"]
        assert list(second.journal.items("pods")) == []


async def test_a_pod_in_the_journal_that_nobody_can_read_stops_no_daemon(engine: Engine, tmp_path: Path) -> None:
    daemon = Daemon(engine, tmp_path)
    daemon.journal.put("pods", "some-uid", {"kind": "Pod", "apiVersion": "v1", "spec": {"containers": 7}})
    daemon.pod(WEB)
    async with daemon:
        await daemon.ready()


# --- the engine ---


async def test_D03_what_died_while_the_engine_was_away_is_restarted_at_its_return(
    daemon: Daemon, engine: Engine
) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    web = await engine.newest()
    engine.go_away()
    engine.crash(web.id)
    await asyncio.sleep(60)
    assert daemon.state() == "running", "nobody knows better"
    engine.come_back()
    came_back = engine.now()
    await daemon.until(lambda: daemon.container().restart_count == 1 and daemon.state() == "running")
    assert engine.now() - came_back < 5


async def test_D03_an_engine_that_was_away_touches_nothing_that_is_well(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(WEB)
    await daemon.ready()
    engine.changes.clear()
    engine.go_away()
    daemon.pod(WEB, labels={"a": "b"})
    await asyncio.sleep(60)
    engine.come_back()
    await asyncio.sleep(10)
    assert not engine.changes
    assert daemon.condition("Ready") == "True"


async def test_D03_a_probe_that_cannot_be_run_says_nothing_of_its_container(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(CHECKED.replace("readinessProbe", "livenessProbe"))
    await daemon.ready()
    engine.changes.clear()
    engine.go_away()
    await asyncio.sleep(120)
    engine.come_back()
    await asyncio.sleep(30)
    assert not engine.changes
    assert "Unhealthy" not in daemon.reasons()


async def test_a_pod_that_is_wanted_while_the_engine_is_away_starts_at_its_return(
    daemon: Daemon, engine: Engine
) -> None:
    engine.go_away()
    daemon.pod(WEB)
    await asyncio.sleep(60)
    engine.come_back()
    await daemon.until(lambda: daemon.condition("Ready") == "True", 6)


@pytest.mark.parametrize("method", ["create", "start", "list_networks"])
async def test_a_call_that_the_engine_refuses_is_tried_again(daemon: Daemon, engine: Engine, method: str) -> None:
    engine.fail_next(method, EngineRefused("no space left on device"))
    daemon.pod(WEB)
    await daemon.ready()
    assert daemon.message("FailedCreatePodSandBox") == "Failed to create pod sandbox: no space left on device"


# --- images ---


async def test_I02_an_image_that_nobody_has_harms_no_other_pod(daemon: Daemon, engine: Engine) -> None:
    daemon.pod('containers: [{name: bad, image: "nowhere:1"}, {name: web, image: "web:1"}]', "bad")
    daemon.pod(WEB)
    await daemon.ready()
    await daemon.until(lambda: daemon.state("bad", "bad") == "ImagePullBackOff")
    assert daemon.state("web", "bad") == "running"
    assert [reason for reason in daemon.reasons("bad") if reason in ("Pulling", "Failed", "BackOff")][:5] == [
        "Pulling",
        "Failed",
        "Failed",
        "BackOff",
        "Failed",
    ]
    assert "manifest unknown" in daemon.container("bad", "bad").state.waiting.message  # type: ignore[union-attr]
    engine.images.add("nowhere:1", local=False)
    await daemon.ready("bad")


async def test_I02_one_pull_serves_all_pods(daemon: Daemon, engine: Engine) -> None:
    engine.images.add("far:1", local=False)
    engine.pull_seconds = 20
    for name in ("one", "two", "three"):
        daemon.pod('containers: [{name: web, image: "far:1"}]', name)
        await asyncio.sleep(5)
    for name in ("one", "two", "three"):
        await daemon.until(lambda name=name: daemon.condition("Ready", name) == "True", 6)
    reasons = [reason for name in ("one", "two", "three") for reason in daemon.reasons(name)]
    assert (reasons.count("Pulling"), reasons.count("Pulled")) == (3, 3)
    assert engine.images.pulls == [("far:1", "")]


# --- the disk ---


async def test_D10_a_volume_that_cannot_be_written_leaves_the_pod_ready(daemon: Daemon) -> None:
    settings = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: '%s'}}"
    daemon.apply(settings % "1")
    daemon.pod(f"volumes: [{{name: data, configMap: {{name: settings}}}}]\n{WEB}")
    await daemon.ready()
    root = daemon.folder / "volumes" / daemon.get().metadata.uid
    shutil.rmtree(root)
    root.write_text("in the way")
    daemon.apply(settings % "2")
    await daemon.until(lambda: "FailedMount" in daemon.reasons())
    await asyncio.sleep(5)
    assert daemon.state() == "running"
    root.unlink()
    await asyncio.sleep(70)
    assert (root / "data" / "a").read_text() == "2"
    assert readiness(daemon) == ["False", "True"]


async def test_a_hosts_file_that_cannot_be_written_is_told_and_tried_again(daemon: Daemon) -> None:
    pods = daemon.folder / "pods"
    pods.write_text("in the way")
    daemon.pod(WEB)
    await daemon.until(lambda: "FailedCreatePodSandBox" in daemon.reasons())
    assert "cannot write" in daemon.message("FailedCreatePodSandBox")
    pods.unlink()
    await daemon.ready()


async def test_a_broken_worker_of_a_pod_that_is_wanted_no_more_is_made_anew(engine: Engine, tmp_path: Path) -> None:
    """Nobody else would take away what the pod has left."""
    breaks = True

    def answer(argv: tuple[str, ...]) -> ExecResult:
        nonlocal breaks
        if breaks:
            breaks = False
            raise RuntimeError("what no handler counts on")
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=answer))
    async with Daemon(engine, tmp_path) as first:
        first.pod('containers: [{name: web, image: "web:1", lifecycle: {preStop: {exec: {command: [bye]}}}}]')
        await first.ready()
    async with Daemon(engine, tmp_path) as second:
        await second.manager.adopted.wait()
        await second.manager.idle()
    assert not breaks
    assert await engine.list_containers({}) == []


async def test_an_image_of_the_sandbox_that_somebody_removed_is_made_again_once(
    daemon: Daemon, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`docker system prune -a`, or an engine whose disk is new: no registry has this image."""
    engine.images.remove(SANDBOX_IMAGE)
    imports: list[str] = []
    load = engine.import_image

    async def slow(tar: bytes, name: str, changes: tuple[str, ...] = ()) -> str:
        imports.append(name)
        await asyncio.sleep(1)
        return await load(tar, name, changes)

    monkeypatch.setattr(engine, "import_image", slow)
    for name in ("web", "beside"):
        daemon.pod(WEB, name)
    for name in ("web", "beside"):
        await daemon.ready(name)
        assert "FailedCreatePodSandBox" not in daemon.reasons(name)
    assert imports == [SANDBOX_IMAGE]


async def test_an_engine_that_lost_its_disk_gets_its_networks_again(daemon: Daemon, engine: Engine) -> None:
    """Nobody is told that a network is gone, and its bridge may stand: whoever cannot join it asks anew."""
    daemon.pod(WEB)
    await daemon.ready()
    (before,) = await engine.list_networks({labels.INSTANCE: "default"})
    for name in ("web", "POD"):
        engine.destroy((await engine.newest(name)).id)
    await engine.remove_network(before.id)
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    (after,) = await engine.list_networks({labels.INSTANCE: "default"})
    assert (after.name, after.subnet) == (before.name, before.subnet)
    assert after.id != before.id


async def test_what_somebody_removed_from_the_run_folder_is_written_again_before_the_next_start(
    daemon: Daemon, engine: Engine
) -> None:
    """A real engine refuses to make a container whose mounts lead to nothing, and would for ever."""
    daemon.apply("{apiVersion: v1, kind: Secret, metadata: {name: keys}, stringData: {key: sesame}}")
    daemon.pod(
        'containers: [{name: web, image: "web:1", volumeMounts: [{name: keys, mountPath: /keys}]}]\n'
        "volumes: [{name: keys, secret: {secretName: keys}}]"
    )
    await daemon.ready()
    uid = daemon.get().metadata.uid
    hosts = daemon.hosts.path(uid)
    (key,) = daemon.folder.glob(f"memory/{uid}/keys/key")
    shutil.rmtree(hosts.parent)
    shutil.rmtree(daemon.folder / "memory" / uid)
    engine.fail_next("create", EngineRefused("bind source path does not exist", 400))
    engine.crash((await engine.newest()).id)
    await daemon.until(lambda: daemon.state() == "running" and daemon.container().restart_count == 1)
    assert key.read_text() == "sesame"
    assert f"{daemon.get().status.pod_ip}\tweb\n" in hosts.read_text()
