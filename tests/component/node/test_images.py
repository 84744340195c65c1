"""Images on the simulated engine: credentials in turn, platforms, back-off by request, and collection (I02 to I05)."""

import asyncio
import base64
import json
from pathlib import Path

import pytest

from orchestrator.engine.base import EngineRefused
from orchestrator.metrics import Metrics
from orchestrator.node.image_collector import CollectorTools, ImageCollector
from orchestrator.node.image_ledger import ImageLedger
from orchestrator.planning.image_collection import CollectionSettings, Disk
from orchestrator.planning.ops import EventNote
from orchestrator.planning.registry_credentials import Credential
from orchestrator.state.journal import Journal
from tests.component.node.house import Daemon, Engine

IMAGE = "reg.example:5000/app:1"
WEB = f"containers: [{{name: web, image: '{IMAGE}'}}]"
FULL = Disk(100, 5)


def with_secrets(*names: str) -> str:
    return f"imagePullSecrets: {json.dumps([{'name': name} for name in names])}\n{WEB}"


def secret(daemon: Daemon, name: str, user: str, password: str) -> None:
    content = json.dumps({"auths": {"reg.example:5000": {"username": user, "password": password}}})
    data = {".dockerconfigjson": base64.b64encode(content.encode()).decode()}
    kind = "kubernetes.io/dockerconfigjson"
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "data": data}
    daemon.apply(json.dumps(document))


def private(engine: Engine) -> None:
    engine.images.add(IMAGE, local=False)
    engine.images.passwords[IMAGE] = "right"


async def test_I03_credentials_are_tried_in_turn_the_pods_before_the_hosts(daemon: Daemon, engine: Engine) -> None:
    private(engine)
    daemon.host_credentials = (Credential("host", "right"),)
    secret(daemon, "one", "first", "wrong")
    secret(daemon, "two", "second", "wrong")
    daemon.pod(with_secrets("two", "one"))
    await daemon.ready()
    assert engine.images.pulls == [(IMAGE, "second"), (IMAGE, "first"), (IMAGE, "host")]


async def test_I03_all_refusals_are_told_once_each_and_no_password_with_them(daemon: Daemon, engine: Engine) -> None:
    private(engine)
    secret(daemon, "one", "first", "hunter2-one")
    secret(daemon, "two", "second", "hunter2-two")
    engine.fail_next("pull", EngineRefused("denied: bad password hunter2-one"))
    daemon.pod(with_secrets("one", "two"))
    await daemon.until(lambda: daemon.state() == "ErrImagePull")
    waiting = daemon.container().state.waiting
    assert waiting
    assert waiting.message == "[denied: bad password <redacted>, unauthorized: authentication required]"


async def test_I03_wrong_credentials_of_one_pod_hold_up_no_other(daemon: Daemon, engine: Engine) -> None:
    private(engine)
    secret(daemon, "bad", "bad", "wrong")
    secret(daemon, "good", "good", "right")
    daemon.pod(with_secrets("bad"), "bad")
    await daemon.until(lambda: daemon.state(pod="bad") == "ImagePullBackOff")
    before = engine.now()
    daemon.pod(with_secrets("good"), "good")
    await daemon.ready("good")
    secret(daemon, "bad", "bad", "right")
    daemon.pod(with_secrets("bad").replace("name: web", "name: web, imagePullPolicy: Always"), "bad")
    await daemon.ready("bad")
    assert engine.now() - before < 5


async def test_I02_who_goes_away_lets_the_pull_go_unless_another_waits(daemon: Daemon, engine: Engine) -> None:
    engine.images.add("far:1", local=False)
    engine.pull_seconds = 30
    spec = 'containers: [{name: web, image: "far:1"}]'
    daemon.pod(spec, "one")
    daemon.pod(spec, "two")
    await daemon.until(lambda: all("Pulling" in daemon.reasons(name) for name in ("one", "two")))
    (pull,) = daemon.puller.under_way()
    daemon.delete("one", 0)
    await daemon.gone("one")
    assert daemon.puller.under_way() == (pull,)
    daemon.pod('containers: [{name: web, image: "web:1"}]', "two")
    await daemon.ready("two")
    assert daemon.puller.under_way() == ()
    with pytest.raises(asyncio.CancelledError):
        await pull.task
    assert engine.images.pulls == []


async def test_I02_every_container_that_waited_is_told_what_came_of_the_pull(daemon: Daemon, engine: Engine) -> None:
    engine.images.add("far:1", local=False)
    engine.images.passwords["far:1"] = "right"
    daemon.pod('containers: [{name: web, image: "far:1"}, {name: side, image: "far:1"}]')
    await daemon.until(lambda: "BackOff" in daemon.reasons())
    del engine.images.passwords["far:1"]
    await daemon.ready()
    paths = ("spec.containers{web}", "spec.containers{side}")
    events = (change.object for change in daemon.changes if change.key.kind == "Event")
    found = {(event.involved_object.field_path, event.message.partition(":")[0]) for event in events}
    for words in ('Failed to pull image "far', "Error", 'Successfully pulled image "far'):
        assert [path for path in paths if (path, words) not in found] == [], words


async def test_I04_a_name_that_moved_to_another_platform_is_found_by_id_also_by_the_next_daemon(
    engine: Engine, tmp_path: Path
) -> None:
    own = engine.images.add("both:1", local=False)
    other = engine.images.add("both:1", local=False, architecture="arm64")
    spec = 'containers: [{name: web, image: "both:1"}]'
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(spec, "own")
        await daemon.ready("own")
        daemon.pod(spec, "other", annotations={"orchestrator.dev/platform": "linux/arm64"})
        await daemon.ready("other")
        assert (await engine.newest(pod="own")).image_id == own.id
        assert (await engine.newest(pod="other")).image_id == other.id
    async with Daemon(engine, tmp_path) as daemon:
        daemon.pod(spec, "again")
        await daemon.ready("again")
        assert (await engine.newest(pod="again")).image_id == own.id
    assert len(engine.images.pulls) == 2


async def test_I04_what_fits_not_is_told_with_what_there_is(daemon: Daemon, engine: Engine) -> None:
    for architecture in ("arm64", "s390x"):
        engine.images.add("foreign:1", local=False, architecture=architecture)
    daemon.pod('containers: [{name: web, image: "foreign:1"}]')
    await daemon.until(lambda: daemon.state() == "ErrImagePull")
    there = "(there are: linux/arm64, linux/s390x)"
    text = f"no matching manifest for linux/amd64 in the manifest list entries {there}"
    assert daemon.message("Failed") == "Error: ErrImagePull"
    assert daemon.container().state.waiting.message == text  # type: ignore[union-attr]


class Collecting:
    """A collector, and what its disk says at each look; the last stays."""

    def __init__(self, engine: Engine, folder: Path, *disks: Disk) -> None:
        self.told: list[EventNote] = []
        self._disks = [*disks]
        self.journal = Journal(folder / "collector.db")
        self.ledger = ImageLedger(self.journal)
        self.metrics = Metrics()
        tools = CollectorTools(engine, self.ledger, self._disk, self.told.append, engine.now, self.metrics)
        self.collector = ImageCollector(tools, lambda: (), CollectionSettings())

    def _disk(self) -> Disk:
        return self._disks.pop(0) if len(self._disks) > 1 else self._disks[0]

    def pulled(self, engine: Engine, name: str, ago: float) -> str:
        image = engine.images.add(name)
        self.ledger.pulled(image.id, name, "", engine.now() - ago, new=True)
        return image.id


async def test_I05_until_enough_is_free_the_least_used_first(engine: Engine, tmp_path: Path) -> None:
    of = Collecting(engine, tmp_path, FULL, Disk(100, 12), Disk(100, 25))
    for name, ago in (("new:1", 1000), ("old:1", 3000), ("middle:1", 2000)):
        of.pulled(engine, name, ago)
    engine.images.add("theirs:1")
    await of.collector.collect()
    assert {"new:1", "theirs:1", "web:1"} <= {*engine.images.local}
    assert not {"old:1", "middle:1"} & {*engine.images.local}
    assert (of.metrics.images_removed.values, of.told) == ({("space",): 2}, [])
    assert len(of.ledger.all()) == 1


async def test_I05_a_disk_that_stays_full_and_an_engine_that_refuses_are_told(engine: Engine, tmp_path: Path) -> None:
    of = Collecting(engine, tmp_path, FULL)
    of.pulled(engine, "stuck:1", 3000)
    of.pulled(engine, "gone:1", 2000)
    engine.fail_next("remove_image", EngineRefused("disk broken"))
    await of.collector.collect()
    assert "stuck:1" in engine.images.local
    assert "gone:1" not in engine.images.local
    assert [(note.reason, note.message) for note in of.told] == [
        ("ImageGCFailed", "cannot remove image stuck:1: disk broken"),
        (
            "FreeDiskSpaceFailed",
            "Insufficient free disk space on the node's image filesystem (95% of 0.0 GiB used). Failed to free "
            "sufficient space by deleting unused images (freed 1000000 bytes). Investigate disk usage, as it could be "
            "used by active images, logs, volumes, or other data.",
        ),
    ]


async def test_I05_what_others_removed_is_forgotten(engine: Engine, tmp_path: Path) -> None:
    of = Collecting(engine, tmp_path, Disk(100, 50))
    of.pulled(engine, "there:1", 10)
    of.pulled(engine, "removed:1", 10)
    engine.images.remove("removed:1")
    await of.collector.collect()
    of.journal.flush()
    assert [image.pulls[0][0] for image in ImageLedger(of.journal).all().values()] == ["there:1"]
