"""What is left of pods that are gone is collected at a start and every hour, and nothing else is touched."""

import asyncio
import errno
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.engine.base import ContainerConfig
from orchestrator.errors import Unavailable
from orchestrator.node.manager import HOUR
from orchestrator.node.memory import REPLACED, RESTARTS, recorded_containers, recorded_pods
from orchestrator.planning.labels import container_labels, container_name
from orchestrator.services.hosts import HostsFiles
from tests.component.node.house import Daemon, Engine

pytestmark = pytest.mark.looptime

POD = 'containers: [{name: web, image: "web:1"}]'


def of(uid: str, instance: str = "default", pod: str = "gone") -> ContainerConfig:
    """A container of a pod that nobody wants."""
    who = (instance, "default", pod, uid, "web", 0)
    return ContainerConfig(container_name(*who), "web:1", container_labels(*who, "h", "container"))


def make_files(folder: Path, uid: str) -> list[Path]:
    """Files of a pod as they lie in the folders of a daemon."""
    made = [folder / "volumes" / uid / "data", folder / "memory" / uid / "keys", folder / "pods" / uid]
    for place in made:
        place.mkdir(parents=True, exist_ok=True)
        (place / "hosts").write_text("x")
    return [place.parent if place.parent.name == uid else place for place in made]


def make_records(daemon: Daemon, uid: str, container: str) -> None:
    daemon.journal.put(RESTARTS, f"{uid}/web", {"next_attempt": 3, "delay": 20.0, "last": None})
    daemon.journal.put(REPLACED, f"{uid}/digest", {"name": "web", "image": "web:1"})
    daemon.journal.put("containers", container, {"started": True, "ready": True, "post_start": False})


async def test_every_hour_what_is_left_of_pods_that_are_gone_is_collected(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(POD)
    await daemon.ready()
    running = await engine.newest()
    begun = asyncio.get_running_loop().time()
    gone, theirs = str(uuid.uuid4()), str(uuid.uuid4())
    left = await engine.create(of(gone))
    await engine.start(left)
    make_records(daemon, str(uuid.uuid4()), "long-gone")
    files = [*make_files(daemon.folder, gone), *make_files(daemon.folder, str(uuid.uuid4()))]
    # What only looks like ours: a copy of a container, another instance's, its files, and what else lies there.
    copied = await engine.create(replace(of(gone), name="somebody"))
    other = await engine.create(of(theirs, "default-b"))
    strangers = make_files(daemon.folder, theirs)
    for name in ("volumes", "memory", "pods"):
        (daemon.folder / name / "notes").mkdir(parents=True)
        (daemon.folder / name / str(uuid.uuid4())).symlink_to(daemon.folder / name / "notes")
        strangers += sorted((daemon.folder / name).glob("*"))
    strangers = [path for path in strangers if path not in files]
    assert daemon.get().metadata.uid in {path.name for path in strangers}

    await asyncio.sleep(begun + HOUR - 1 - asyncio.get_running_loop().time())
    assert left in {found.id for found in await engine.list_containers({})}
    assert all(path.exists() for path in files)

    await asyncio.sleep(60)
    assert {found.id for found in await engine.list_containers({})} - {copied, other} == {
        found.id for found in await engine.list_containers({}) if found.labels.get("orchestrator.dev/pod") == "web"
    }
    assert (await engine.newest()).started_at == running.started_at
    assert [path for path in files if path.exists()] == []
    assert [path for path in strangers if not path.exists()] == []
    assert recorded_pods(daemon.journal) <= {daemon.get().metadata.uid}
    assert "long-gone" not in recorded_containers(daemon.journal)


async def test_D05_containers_that_nobody_has_asked_for_are_left_alone_until_it_is_known_what_is_wanted(
    daemon: Daemon, engine: Engine
) -> None:
    daemon.pod(POD)
    await daemon.ready()
    uid, running = daemon.get().metadata.uid, (await engine.newest()).id
    left = await engine.create(of(str(uuid.uuid4())))
    replaced = await engine.create(of(str(uuid.uuid4()), pod="web"))
    daemon.incomplete = True
    await asyncio.sleep(HOUR + 60)
    ids = {found.id for found in await engine.list_containers({})}
    # Of a pod that is wanted, an older one is nobody's any more.
    assert (left in ids, replaced in ids) == (True, False)
    daemon.incomplete = False
    daemon.manager.clear_up_soon()
    await asyncio.sleep(60)
    ids = {found.id for found in await engine.list_containers({})}
    assert (left in ids, running in ids) == (False, True)
    assert daemon.get().metadata.uid == uid


async def test_a_round_that_the_engine_refuses_is_not_the_last(daemon: Daemon, engine: Engine) -> None:
    daemon.pod(POD)
    await daemon.ready()
    (file, *_) = make_files(daemon.folder, str(uuid.uuid4()))
    await asyncio.sleep(HOUR / 2)
    # The first call is answered by asking again; the second, about one pod's files, leaves them for an hour.
    engine.fail_next("list_containers", Unavailable("cannot reach it"))
    engine.go_away()
    await asyncio.sleep(HOUR)
    assert file.exists()
    engine.come_back()
    await asyncio.sleep(2 * HOUR)
    assert not file.exists()
    assert daemon.state() == "running"


async def test_D10_a_folder_that_cannot_be_looked_into_holds_no_start_up(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptors(_hosts: HostsFiles) -> set[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(HostsFiles, "uids", no_descriptors)
    left = make_files(tmp_path, str(uuid.uuid4()))
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(POD)
        await daemon.ready()
        monkeypatch.undo()
        await asyncio.sleep(HOUR + 60)
        assert [path for path in left if path.exists()] == []


async def test_at_a_start_files_of_a_pod_that_another_instance_runs_stay(engine: Engine, tmp_path: Path) -> None:
    theirs, nobodys = str(uuid.uuid4()), str(uuid.uuid4())
    await engine.create(of(theirs, "default-b"))
    stay, go = make_files(tmp_path, theirs), make_files(tmp_path, nobodys)
    async with Daemon(engine, tmp_path) as daemon:
        await daemon.manager.adopted.wait()
    assert [path for path in stay if not path.exists()] == []
    assert [path for path in go if path.exists()] == []
