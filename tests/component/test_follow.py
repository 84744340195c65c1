"""The daemon and its folder, without an engine: what happens to a load that breaks something."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from orchestrator.app import _Daemon
from orchestrator.engine.base import EngineInfo
from orchestrator.engine.simulated import SimulatedEngine
from orchestrator.folder import RETRY_SECONDS
from orchestrator.metrics import Metrics
from orchestrator.node.memory import PODS
from orchestrator.objects import registry
from orchestrator.settings import Settings
from orchestrator.sources.follower import Follower
from orchestrator.sources.last_good_files import LastGoodFiles
from orchestrator.sources.last_good_keeper import LastGoodKeeper
from orchestrator.sources.watcher import SpecWatcher
from orchestrator.sources.yaml_loader import decode_file
from orchestrator.state.journal import Journal
from orchestrator.state.store import Key

PATIENCE = 20.0
INFO = EngineInfo("Engine", "1", "1.41", "linux", "amd64", 1, 1 << 30)
A = Key("ConfigMap", "default", "a")


def write(specs: Path, value: str) -> None:
    (specs / "a.yaml").write_text(
        f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{key: '{value}'}}}}"
    )


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[_Daemon]:
    (tmp_path / "specs").mkdir()
    write(tmp_path / "specs", "1")
    settings = Settings(specs=(tmp_path / "specs",), state_dir=tmp_path, run_dir=tmp_path)
    journal, engine = Journal(tmp_path / "journal.db"), SimulatedEngine()
    yield _Daemon(settings, engine, INFO, journal, Metrics())  # type: ignore[arg-type]
    journal.close()


@pytest.fixture
def kept(tmp_path: Path) -> LastGoodKeeper:
    return LastGoodKeeper(LastGoodFiles(tmp_path / "last-good", tmp_path / "last-good-secrets"))


@pytest.fixture
async def specs(daemon: _Daemon, kept: LastGoodKeeper) -> AsyncIterator[Path]:
    """The folder, applied once and followed."""
    follower = Follower(SpecWatcher(daemon.settings.specs))
    first = await follower.first()
    assert not daemon.folder.applied.is_set()
    daemon.folder.apply(first)
    assert daemon.folder.applied.is_set()
    tasks = [asyncio.create_task(follower.run()), asyncio.create_task(daemon.folder.follow(follower, first, kept))]
    yield daemon.settings.specs[0]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_load_that_breaks_something_is_told_and_the_last_good_version_stays(
    daemon: _Daemon, specs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broke = asyncio.Event()

    def sync(*_arguments: Any) -> None:
        broke.set()
        raise KeyError("x")

    with monkeypatch.context() as patched:
        patched.setattr(daemon.store, "sync", sync)
        write(specs, "2")
        async with asyncio.timeout(PATIENCE):
            await broke.wait()
    (problem,) = daemon.folder.problems
    assert str(problem).startswith("cannot apply the specs: KeyError: 'x' (test_follow.py:")
    assert daemon.store.get(A).data == {"key": "1"}
    assert "the last good version stays: this should not happen: KeyError: 'x'" in caplog.text

    watch = daemon.store.watch()
    write(specs, "3")
    async with asyncio.timeout(PATIENCE):
        await watch.next()
    assert daemon.store.get(A).data == {"key": "3"}
    assert daemon.folder.problems == ()


async def test_a_service_that_was_refused_comes_as_soon_as_there_is_room(daemon: _Daemon, specs: Path) -> None:
    everything = IPv4Network(daemon.settings.pool)
    daemon.book.avoid([everything])
    web = Key("Service", "default", "web")
    service = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}"
    watch = daemon.store.watch()
    (specs / "service.yaml").write_text(service)
    async with asyncio.timeout(PATIENCE):
        (told,) = [change.object for change in await watch.next() if change.key.kind == "Event"]
    assert (told.reason, told.involved_object.name) == ("NotApplied", "web")
    assert 'cannot find a network for namespace "default"' in told.message
    assert daemon.store.get(web) is None
    assert daemon.folder.problems
    # Another namespace goes, and gives its network back: nobody edits a file.
    daemon.book.adopt("other", next(everything.subnets(new_prefix=22)))
    daemon.book.avoid([])
    begun = asyncio.get_running_loop().time()
    daemon.book.forget("other")
    async with asyncio.timeout(PATIENCE):
        while daemon.store.get(web) is None:
            await watch.next()
    assert asyncio.get_running_loop().time() - begun < RETRY_SECONDS
    assert daemon.folder.problems == ()


async def test_a_reload_is_over_when_what_the_folder_says_is_applied(
    daemon: _Daemon, kept: LastGoodKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(*_arguments: Any) -> bool:
        return False

    monkeypatch.setattr("orchestrator.sources.alarm.Alarm.arm", deaf)
    folder, follower = daemon.folder, Follower(SpecWatcher(daemon.settings.specs, poll_interval=3600.0))
    first = await follower.first()
    folder.apply(first)
    tasks = [asyncio.create_task(follower.run()), asyncio.create_task(folder.follow(follower, first, kept))]
    for value in ("2", "3", "3"):
        write(daemon.settings.specs[0], value)
        async with asyncio.timeout(PATIENCE):
            await folder.reload(follower)
        assert daemon.store.get(A).data == {"key": value}
    assert daemon.metrics.reloads.values == {("success",): 3}
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_D05_pods_that_only_the_journal_knows_go_on_while_nothing_is_known_of_a_wrong_file(
    daemon: _Daemon, kept: LastGoodKeeper
) -> None:
    (specs,) = daemon.settings.specs
    folder, web = daemon.folder, Key("Pod", "shop", "web")
    completed: list[bool] = []
    folder.completed = lambda: completed.append(True)
    pod = (
        "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: a, image: b}]}}"
    )
    (earlier,) = decode_file(pod.encode(), "").objects
    ended = structs.replace(earlier.object.metadata, name="ended", deletion_timestamp="2026-01-01T00:00:00Z")
    for uid, known in (("u1", earlier.object), ("u2", structs.replace(earlier.object, metadata=ended))):
        daemon.journal.put(PODS, uid, registry.encode(known))
    kept.files.keep(decode_file((specs / "a.yaml").read_bytes(), str(specs / "a.yaml")).objects)
    (specs / "wrong.yaml").write_text("kind: [")
    follower = Follower(SpecWatcher(daemon.settings.specs, recall=kept.files.recall))
    first = await follower.first()
    assert kept.files.remembers
    folder.apply(first)
    assert (folder.incomplete, completed) == (True, [])
    assert daemon.store.get(web).spec == structs.replace(earlier.object.spec, node_name=daemon.settings.node_name)
    assert daemon.store.get(Key("Namespace", "", "shop")) is not None
    assert daemon.store.get(Key("Pod", "shop", "ended")) is None

    tasks = [asyncio.create_task(follower.run()), asyncio.create_task(folder.follow(follower, first, kept))]
    watch = daemon.store.watch()
    write(specs, "2")
    async with asyncio.timeout(PATIENCE):
        await watch.next()
    assert (daemon.store.get(A).data, daemon.store.get(web).metadata.deletion_timestamp) == ({"key": "2"}, "")
    (specs / "wrong.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}")
    async with asyncio.timeout(PATIENCE):
        while not daemon.store.get(web).metadata.deletion_timestamp:
            await watch.next()
    assert (folder.incomplete, completed, folder.problems) == (False, [True], ())
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
