"""The store: loads that are never half applied, and who is remembered across daemons."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchestrator.errors import Invalid, Unavailable
from orchestrator.objects.config import ConfigMap
from orchestrator.objects.container import Container
from orchestrator.objects.meta import ObjectMeta
from orchestrator.objects.pod import Pod, PodSpec
from orchestrator.objects.times import format_time
from orchestrator.state.journal import Journal
from orchestrator.state.store import SPECS, Desired, Key, Object, Store


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


def wanted(*names: str) -> list[Desired]:
    return [
        Desired(ConfigMap(metadata=ObjectMeta(name=name, namespace="default")), {}, f"{name}.yaml:1") for name in names
    ]


def names(store: Store) -> list[str]:
    return [found.metadata.name for found in store.list("ConfigMap")]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("cannot now"), "cannot now"),
        (KeyError("x"), "this should not happen: KeyError: 'x' (test_store.py:"),
    ],
)
def test_trouble_with_one_object_leaves_no_load_half_applied(journal: Journal, error: Exception, reason: str) -> None:
    def admit(obj: Object, _old: Object | None) -> Object:
        if obj.metadata.name == "b":
            raise error
        return obj

    store = Store(journal, lambda: 0.0, admission=[admit])
    store.sync(SPECS, wanted("gone"))
    (refused,) = store.sync(SPECS, wanted("a", "b", "c"))
    assert names(store) == ["a", "c"]
    assert (refused.key.name, refused.source) == ("b", "b.yaml:1")
    assert refused.reason.startswith(reason)


def test_what_is_in_the_way_may_go_in_the_same_load(journal: Journal) -> None:
    held: dict[str, str] = {}

    def admit(obj: Object, _old: Object | None) -> Object:
        wish = obj.data.get("holds", "")
        if held.get(wish, obj.metadata.name) != obj.metadata.name:
            raise Invalid(f"held by {held[wish]}")
        for other in [other for other, name in held.items() if name == obj.metadata.name]:
            del held[other]
        held[wish] = obj.metadata.name
        return obj

    def load(**wishes: str) -> list[Desired]:
        return [
            Desired(ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data={"holds": wish}), {})
            for name, wish in wishes.items()
        ]

    store = Store(journal, lambda: 0.0, admission=[admit])
    store.sync(SPECS, load(z="1", y="2"))
    # Each takes what the next one gives up; the last to be asked is the first to give.
    assert store.sync(SPECS, load(x="2", y="1", z="3")) == ()
    assert {found.metadata.name: found.data["holds"] for found in store.list("ConfigMap")} == {
        "x": "2",
        "y": "1",
        "z": "3",
    }
    (refused,) = store.sync(SPECS, load(w="3", x="2", y="1", z="3"))
    assert (refused.key.name, refused.reason) == ("w", "held by z")


def test_an_object_goes_whole_though_what_it_held_cannot_be_given_back(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    released: list[str] = []

    def broken(_obj: Object) -> None:
        raise KeyError("x")

    store = Store(journal, lambda: 0.0)
    store.sync(SPECS, wanted("a"))
    store.on_drop(broken)
    store.on_drop(lambda obj: released.append(obj.metadata.name))
    before = store.version
    assert store.sync(SPECS, wanted("b")) == ()
    assert names(store) == ["b"]
    assert [(c.type, c.key.name) for c in store._since(before)] == [("DELETED", "a"), ("ADDED", "b")]
    assert released == ["a"]
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("cannot give back what ConfigMap/default/a held: this should not happen: KeyError: 'x'")


def test_who_was_deleted_while_no_daemon_looked_is_forgotten(journal: Journal) -> None:
    def uids(*known: str) -> dict[str, str]:
        store = Store(journal, lambda: 0.0)
        store.sync(SPECS, wanted(*known))
        store.forget_lost([])
        return {found.metadata.name: found.metadata.uid for found in store.list("ConfigMap")}

    first = uids("stays", "goes")
    assert uids("stays") == {"stays": first["stays"]}
    again = uids("stays", "goes")
    assert again["stays"] == first["stays"]
    assert again["goes"] != first["goes"]


def test_who_was_refused_is_not_forgotten(journal: Journal) -> None:
    def refuse(obj: Object, _old: Object | None) -> Object:
        raise Unavailable("cannot now")

    first = Store(journal, lambda: 0.0)
    first.sync(SPECS, wanted("a"))
    second = Store(journal, lambda: 0.0, admission=[refuse])
    second.forget_lost([refused.key for refused in second.sync(SPECS, wanted("a"))])
    third = Store(journal, lambda: 0.0)
    third.sync(SPECS, wanted("a"))
    assert third.list("ConfigMap")[0].metadata.uid == first.list("ConfigMap")[0].metadata.uid


class Clock:
    """Seconds that a test sets."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


KEY = Key("Pod", "default", "web")


def pod(**metadata: Any) -> Desired:
    """What the folder wants of a pod with a grace period of 30 s."""
    meta = ObjectMeta(name="web", namespace="default", **metadata)
    return Desired(Pod(metadata=meta, spec=PodSpec(containers=(Container(name="web", image="a"),))), {}, "web.yaml:1")


def uid_of(store: Store) -> str:
    found = store.get(KEY)
    assert found is not None
    return str(found.metadata.uid)


def test_L11_a_pod_that_a_user_deletes_is_made_anew_when_it_is_gone(journal: Journal) -> None:
    store = Store(journal, Clock())
    store.sync(SPECS, [pod()])
    first, before = uid_of(store), store.version
    assert store.end(KEY, 5).metadata.deletion_grace_period_seconds == 5
    # The folder is read again while it goes: that one stays, and the newest wish is the one that counts.
    store.sync(SPECS, [pod(labels={"a": "b"})])
    assert uid_of(store) == first
    assert KEY in store.owned(SPECS)
    store.finalize(KEY, first)
    assert uid_of(store) != first
    assert [change.type for change in store._since(before)] == ["MODIFIED", "DELETED", "ADDED"]
    again = store.get(KEY)
    assert again is not None
    assert (again.metadata.labels, again.metadata.deletion_timestamp) == ({"a": "b"}, "")


def test_a_pod_that_leaves_the_folder_while_it_ends_is_not_made_anew(journal: Journal) -> None:
    store = Store(journal, Clock())
    store.sync(SPECS, [pod()])
    store.end(KEY)
    store.sync(SPECS, [])
    assert store.owned(SPECS) == {}
    store.finalize(KEY, uid_of(store))
    assert store.get(KEY) is None


def test_a_pod_that_comes_back_to_the_folder_while_it_ends_is_made_anew(journal: Journal) -> None:
    store = Store(journal, Clock())
    store.sync(SPECS, [pod()])
    first = uid_of(store)
    store.sync(SPECS, [])
    store.sync(SPECS, [pod()])
    found = store.get(KEY)
    assert found is not None
    assert (found.metadata.uid, bool(found.metadata.deletion_timestamp)) == (first, True)
    store.finalize(KEY, first)
    assert uid_of(store) != first


def test_D01_a_users_deletion_outlives_the_daemon_and_the_folders_does_not(journal: Journal) -> None:
    clock = Clock()
    first = Store(journal, clock)
    first.sync(SPECS, [pod()])
    first.sync(SPECS, [])
    uid = uid_of(first)

    second = Store(journal, clock)
    second.sync(SPECS, [pod()])
    taken_back = second.get(KEY)
    assert taken_back is not None
    assert (taken_back.metadata.uid, taken_back.metadata.deletion_timestamp) == (uid, "")
    second.end(KEY, 100)
    second.end(KEY, 50)

    clock.now += 20
    third = Store(journal, clock)
    third.sync(SPECS, [pod()])
    going = third.get(KEY)
    assert going is not None
    assert (going.metadata.uid, going.metadata.deletion_grace_period_seconds) == (uid, 50)
    assert going.metadata.deletion_timestamp == format_time(clock.now + 30)
    third.finalize(KEY, uid)

    fourth = Store(journal, clock)
    fourth.sync(SPECS, [pod()])
    assert uid_of(fourth) == uid_of(third) != uid


def test_D01_a_pod_that_nobody_wants_any_more_is_told_of_until_it_is_gone(journal: Journal) -> None:
    clock = Clock()
    first = Store(journal, clock)
    first.sync(SPECS, [pod()])
    left = first.get(KEY)
    assert left is not None
    first.update_status(KEY, left.metadata.uid, replace(left.status, phase="Running"))
    first.sync(SPECS, [])
    told = first.get(KEY)
    assert told is not None

    clock.now += 5
    second = Store(journal, clock)
    second.sync(SPECS, [])
    second.go_on_going([left])
    second.forget_lost([])
    going = second.get(KEY)
    assert going is not None
    assert replace(going.metadata, resource_version="") == replace(told.metadata, resource_version="")
    assert going.status.phase == "Running"
    # The folder says nothing of it, a user may.
    second.sync(SPECS, [])
    second.end(KEY, 3)
    second.finalize(KEY, left.metadata.uid)
    assert second.get(KEY) is None

    third = Store(journal, clock)
    third.go_on_going([left])
    assert third.get(KEY) is None


def test_D01_a_pod_whose_spec_went_while_there_was_no_daemon_is_deleted_now(journal: Journal) -> None:
    clock = Clock()
    first = Store(journal, clock)
    first.sync(SPECS, [pod(), *wanted("other")])
    left = first.get(KEY)
    assert left is not None

    clock.now += 100
    second = Store(journal, clock)
    second.sync(SPECS, [])
    another = replace(left, metadata=replace(left.metadata, uid="earlier"))
    second.go_on_going([another, left])
    going = second.get(KEY)
    assert going is not None
    assert going.metadata.uid == left.metadata.uid
    assert going.metadata.deletion_timestamp == format_time(clock.now + 30)
    # It comes back while it goes: it is taken back with the next daemon, made anew with this one.
    second.sync(SPECS, [pod()])
    second.finalize(KEY, left.metadata.uid)
    assert uid_of(second) != left.metadata.uid


def test_one_that_is_wanted_is_not_left_behind(journal: Journal) -> None:
    first = Store(journal, Clock())
    first.sync(SPECS, [pod()])
    left = first.get(KEY)
    second = Store(journal, Clock())
    second.sync(SPECS, [pod()])
    second.go_on_going([left])
    found = second.get(KEY)
    assert found is not None
    assert found.metadata.deletion_timestamp == ""


def test_an_edit_while_there_is_no_daemon_is_the_next_generation(journal: Journal) -> None:
    def pod(image: str) -> list[Desired]:
        meta = ObjectMeta(name="web", namespace="default")
        return [Desired(Pod(metadata=meta, spec=PodSpec(containers=(Container(name="c", image=image),))), {})]

    def generation(store: Store) -> int:
        found = store.get(Key("Pod", "default", "web"))
        assert found is not None
        return int(found.metadata.generation)

    first = Store(journal, lambda: 0.0)
    first.sync(SPECS, pod("web:1"))
    first.sync(SPECS, pod("web:2"))
    assert generation(first) == 2
    second = Store(journal, lambda: 0.0)
    second.sync(SPECS, pod("web:2"))
    assert generation(second) == 2
    third = Store(journal, lambda: 0.0)
    third.sync(SPECS, pod("web:3"))
    assert generation(third) == 3
