"""A pod that is over stays over: with other containers it is another pod, in one life of a daemon and in the next."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator.objects.pod import Pod
from orchestrator.objects.pod_status import PodCondition, PodStatus
from orchestrator.planning.identity import object_identity
from orchestrator.state.journal import Journal
from orchestrator.state.store import SPECS, Desired, Key, Store
from tests.unit.planning.builders import pod

KEY = Key("Pod", "default", "web")
ONE = 'containers: [{name: web, image: "web:1"}]'
RUNNING = PodStatus(phase="Running")
OVER = [
    PodStatus(phase="Succeeded"),
    PodStatus(phase="Failed", reason="DeadlineExceeded"),
    # Its last processes are being ended: what is told already is that it is not Ready, and why.
    PodStatus(phase="Running", conditions=(PodCondition(type="Ready", status="False", reason="PodFailed"),)),
]
ANOTHER = ['containers: [{name: web, image: "web:2"}]', f"{ONE[:-1]}, {{name: log, image: x}}]"]
SAME = [
    f"terminationGracePeriodSeconds: 5\n{ONE}",
    f"activeDeadlineSeconds: 5\n{ONE}",
]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


def store(journal: Journal) -> Store:
    return Store(journal, lambda: 1e9, identity=object_identity)


def wanted(spec: str, **metadata: Any) -> list[Desired]:
    return [Desired(pod(spec, uid="", **metadata), {})]


def applied(where: Store, desired: list[Desired]) -> Pod:
    assert where.sync(SPECS, desired) == ()
    found: Pod = where.get(KEY)
    return found


def told(journal: Journal, status: PodStatus) -> tuple[Store, str]:
    """A store whose pod has this status, and the pod's UID."""
    first = store(journal)
    uid = applied(first, wanted(ONE)).metadata.uid
    first.update_status(KEY, uid, status)
    return first, uid


@pytest.mark.parametrize("again", [False, True], ids=["at once", "by the next daemon"])
@pytest.mark.parametrize("edit", ANOTHER)
@pytest.mark.parametrize("status", OVER, ids=["Succeeded", "Failed", "ending"])
def test_L01_a_pod_that_is_over_is_another_pod_with_other_containers(
    journal: Journal, status: PodStatus, edit: str, again: bool
) -> None:
    first, uid = told(journal, status)
    found = applied(store(journal) if again else first, wanted(edit))
    assert found.metadata.uid != uid
    assert found.metadata.generation == 1
    assert found.status == PodStatus()


@pytest.mark.parametrize("again", [False, True], ids=["at once", "by the next daemon"])
def test_a_pod_that_goes_on_is_the_same_one_with_other_containers(journal: Journal, again: bool) -> None:
    first, uid = told(journal, RUNNING)
    found = applied(store(journal) if again else first, wanted(ANOTHER[0]))
    assert (found.metadata.uid, found.metadata.generation, found.status) == (uid, 2, RUNNING)


@pytest.mark.parametrize("again", [False, True], ids=["at once", "by the next daemon"])
@pytest.mark.parametrize("edit", SAME)
def test_a_pod_that_is_over_is_the_same_one_whatever_else_changes(journal: Journal, edit: str, again: bool) -> None:
    first, uid = told(journal, OVER[0])
    found = applied(store(journal) if again else first, wanted(edit, labels={"a": "b"}))
    assert (found.metadata.uid, found.status) == (uid, OVER[0])


def test_another_order_of_containers_is_no_edit_of_them(journal: Journal) -> None:
    two = 'containers: [{name: web, image: "web:1"}, {name: log, image: "log:1"}]'
    first = store(journal)
    uid = applied(first, wanted(two)).metadata.uid
    first.update_status(KEY, uid, OVER[0])
    turned = wanted(two)[0].object
    turned = replace(turned, spec=replace(turned.spec, containers=turned.spec.containers[::-1]))
    assert applied(first, [Desired(turned, {})]).metadata.uid == uid


def test_a_journal_that_knows_no_containers_yet_makes_no_pod_another(journal: Journal) -> None:
    """It was written by an earlier version."""
    _, uid = told(journal, OVER[0])
    entry = journal.get("objects", str(KEY))
    assert entry is not None
    del entry["run"]
    journal.put("objects", str(KEY), entry)
    assert applied(store(journal), wanted(ONE)).metadata.uid == uid


def test_L10_what_was_deleted_and_has_ended_does_not_come_back_with_its_file(journal: Journal) -> None:
    first, uid = told(journal, RUNNING)
    first.delete(KEY)
    first.update_status(KEY, uid, PodStatus(phase="Failed"))
    again = applied(store(journal), wanted(ONE))
    assert (again.metadata.uid != uid, again.metadata.deletion_timestamp, again.status.phase) == (True, "", None)
