"""The keeper of claims on a real disk, without pods: what may never cost data, and what a restart changes (V04)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator.api.deleters import delete_claim
from orchestrator.errors import Conflict
from orchestrator.node.claims import ClaimKeeper
from orchestrator.objects import registry
from orchestrator.objects.validation.update import keep_binding
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import KEPT, SPECS, Desired, Key, Store

NOW = 1_800_000_000.0
KEY = Key("PersistentVolumeClaim", "default", "data")


def document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


CLAIM = document(
    "PersistentVolumeClaim",
    "data",
    {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
)
POD = document(
    "Pod",
    "db",
    {
        "containers": [{"name": "db", "image": "db:1"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
    },
)


class Daemon:
    """The rooms around the keeper, in one life of a daemon."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.db")
        self.store = Store(self.journal, lambda: NOW, admission=(keep_binding,))
        self.recorder = EventRecorder(self.store, self.journal, lambda: NOW, "host")
        self.directory = folder / "claims" / "default" / "data"
        self.keeper = ClaimKeeper(self.store, self.journal, self.recorder, folder / "claims", lambda: NOW)
        self.keeper.restore()

    def apply(self, *documents: dict[str, Any]) -> list[str]:
        """Make the folder hold these; gives what was refused."""
        wanted = []
        for one in documents:
            obj, problems = registry.decode(one)
            assert obj is not None, problems
            wanted.append(Desired(obj, one, "specs/claims.yaml:1"))
        refused = self.store.sync(SPECS, wanted)
        self.keeper.reconcile()
        self.keeper.reconcile()
        return [one.reason for one in refused]

    def told(self) -> list[str]:
        return sorted(event.reason for event in self.store.list("Event"))


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    made = Daemon(tmp_path)
    yield made
    made.journal.close()


def another(daemon: Daemon, folder: Path) -> Daemon:
    """The next life."""
    daemon.journal.close()
    return Daemon(folder)


async def test_V04_nothing_is_told_or_changed_twice(daemon: Daemon) -> None:
    daemon.apply(CLAIM)
    version = daemon.store.version
    for _ in range(3):
        daemon.keeper.reconcile()
        daemon.apply(CLAIM)
    assert daemon.store.version == version
    assert daemon.told() == ["ProvisioningSucceeded"]


async def test_V04_a_restart_changes_nothing(daemon: Daemon, tmp_path: Path) -> None:
    daemon.apply(CLAIM)
    before = {kind: daemon.store.list(kind) for kind in ("PersistentVolumeClaim", "PersistentVolume")}
    daemon.directory.chmod(0o700)
    again = another(daemon, tmp_path)
    again.apply(CLAIM)
    for kind, objects in before.items():
        assert [registry.encode(bare(obj)) for obj in again.store.list(kind)] == [
            registry.encode(bare(obj)) for obj in objects
        ]
    assert again.told() == ["ProvisioningSucceeded"]
    assert again.directory.stat().st_mode & 0o777 == 0o700, "a database's own mode is not undone"
    again.journal.close()


def bare(obj: Any) -> Any:
    """Without the version, which grows with the clock."""
    return replace(obj, metadata=replace(obj.metadata, resource_version=""))


async def test_V04_a_lost_journal_costs_no_data(daemon: Daemon, tmp_path: Path) -> None:
    daemon.apply(CLAIM)
    (daemon.directory / "file").write_text("precious")
    daemon.journal.close()
    for file in tmp_path.glob("journal.db*"):
        file.unlink()
    again = Daemon(tmp_path)
    again.apply(CLAIM)
    assert again.keeper.of("default")["data"].directory == str(daemon.directory)
    assert (again.directory / "file").read_text() == "precious"
    again.journal.close()


async def test_V04_no_empty_directory_takes_the_place_of_one_that_is_missing(daemon: Daemon, tmp_path: Path) -> None:
    """A disk that is not mounted yet must not make a database begin anew."""
    daemon.apply(CLAIM)
    daemon.directory.rename(tmp_path / "elsewhere")
    again = another(daemon, tmp_path)
    again.apply(CLAIM)
    assert not again.directory.exists()
    assert again.keeper.of("default")["data"].host_type == "Directory"
    again.journal.close()


async def test_V04_before_the_folder_was_read_no_claim_can_be_deleted(daemon: Daemon, tmp_path: Path) -> None:
    """The daemon may be waiting for a folder that is empty by accident."""
    daemon.apply(CLAIM)
    again = another(daemon, tmp_path)
    with pytest.raises(Conflict, match="its spec is still there"):
        delete_claim(again.store, KEY, None)
    again.journal.close()


async def test_V04_a_claim_that_a_pod_mounts_ends_when_that_is_gone(daemon: Daemon) -> None:
    """The pod came just after the deletion was asked for."""
    daemon.apply(CLAIM)
    daemon.apply()
    (daemon.directory / "file").write_text("in use")
    delete_claim(daemon.store, KEY, None)
    daemon.apply(POD)
    assert (daemon.directory / "file").exists()
    assert daemon.keeper.of("default")["data"].problem == 'persistentvolumeclaim "data" is being deleted'
    daemon.store.drop(Key("Pod", "default", "db"))
    daemon.keeper.reconcile()
    assert daemon.store.get(KEY) is None
    assert not daemon.directory.exists()


async def test_V04_a_deletion_that_was_begun_is_finished_by_the_next_daemon(daemon: Daemon, tmp_path: Path) -> None:
    """Data that was put aside is removed, and nothing of the claim comes back."""
    daemon.apply(CLAIM)
    daemon.apply()
    (daemon.directory / "file").write_text("to go")
    delete_claim(daemon.store, KEY, None)
    daemon.keeper.reconcile()
    again = another(daemon, tmp_path)
    again.apply()
    task = asyncio.create_task(again.keeper.run())
    async with asyncio.timeout(10):
        while list((tmp_path / "claims").rglob("file")):
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert again.store.list("PersistentVolumeClaim") == []
    again.journal.close()


async def test_V04_who_comes_back_with_other_wishes_is_refused_and_the_data_is_there(daemon: Daemon) -> None:
    daemon.apply(CLAIM)
    daemon.apply()
    assert daemon.told() == ["Kept", "ProvisioningSucceeded"]
    other = CLAIM | {"spec": {**CLAIM["spec"], "accessModes": ["ReadWriteMany"]}}
    (refused,) = daemon.apply(other)
    assert refused.startswith("spec: Forbidden: spec is immutable after creation")
    record = daemon.store.record(KEY)
    assert record is not None
    assert record.owner == KEPT
    assert daemon.directory.is_dir()


async def test_V04_a_claim_without_a_class_gets_the_default_one_and_may_still_grow(daemon: Daemon) -> None:
    meta = {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": meta}
    standard = {**head, "provisioner": "example.com/any"}
    daemon.apply(standard, CLAIM)
    assert daemon.store.get(KEY).spec.storage_class_name == "standard"
    bigger = CLAIM | {"spec": {**CLAIM["spec"], "resources": {"requests": {"storage": "2Gi"}}}}
    assert daemon.apply(standard, bigger) == []
    claim = daemon.store.get(KEY)
    assert (claim.spec.storage_class_name, claim.status.capacity) == ("standard", {"storage": "2Gi"})
    volume = daemon.store.get(Key("PersistentVolume", "", claim.spec.volume_name))
    assert (volume.spec.capacity, volume.status.phase) == ({"storage": "2Gi"}, "Bound")


async def test_V04_a_claim_whose_volume_goes_is_lost_and_found_again(daemon: Daemon) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/srv/data"}}
    volume = document("PersistentVolume", "disk", spec)
    daemon.apply(volume, CLAIM)
    assert daemon.store.get(KEY).spec.volume_name == "disk"
    daemon.apply(CLAIM)
    assert daemon.store.get(KEY).status.phase == "Lost"
    assert daemon.told() == ["ClaimLost"]
    assert "bound to non-existent persistentvolume" in daemon.keeper.of("default")["data"].problem
    daemon.apply(CLAIM, volume)
    assert daemon.store.get(KEY).status.phase == "Bound"
    assert daemon.keeper.of("default")["data"].directory == "/srv/data"
    assert daemon.store.get(Key("PersistentVolume", "", "disk")).status.phase == "Bound"
