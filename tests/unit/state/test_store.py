"""The store: loads that are never half applied, and who is remembered across daemons."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import Unavailable
from orchestrator.objects.config import ConfigMap
from orchestrator.objects.meta import ObjectMeta
from orchestrator.state.journal import Journal
from orchestrator.state.store import SPECS, Desired, Object, Store


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


def test_an_object_that_cannot_go_does_not_keep_others_from_coming(journal: Journal) -> None:
    def release(_obj: Object) -> None:
        raise KeyError("x")

    store = Store(journal, lambda: 0.0)
    store.sync(SPECS, wanted("a"))
    store.on_drop(release)
    assert [refused.source for refused in store.sync(SPECS, wanted("b"))] == ["a.yaml:1"]
    assert names(store) == ["b"]


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
