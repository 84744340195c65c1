"""What of pods that are gone may go."""

import uuid

import pytest

from orchestrator.planning.housekeeping import Garbage, Remains, garbage, is_uid

WEB, DB = ("default", "web"), ("default", "db")


@pytest.mark.parametrize(
    ("remains", "known", "found"),
    [
        (Remains({}), set(), Garbage({}, frozenset(), frozenset())),
        # Of a pod that is wanted, or that a worker ends just now, nothing goes.
        (Remains({"a": WEB}, frozenset("a"), frozenset("a")), {"a"}, Garbage({}, frozenset(), frozenset())),
        # While it has a container its files stay: a container may still mount them.
        (Remains({"a": WEB}, frozenset("a"), frozenset("a")), set(), Garbage({"a": WEB}, frozenset(), frozenset())),
        (Remains({}, frozenset("a"), frozenset("b")), set(), Garbage({}, frozenset("a"), frozenset("b"))),
        (
            Remains({"a": WEB, "b": WEB, "c": DB}, frozenset("abcd"), frozenset("ae")),
            {"b", "x"},
            Garbage({"a": WEB, "c": DB}, frozenset("d"), frozenset("e")),
        ),
    ],
)
def test_only_what_nobody_looks_after_goes(remains: Remains, known: set[str], found: Garbage) -> None:
    assert garbage(remains, known) == found


def test_only_uids_as_we_write_them_name_what_is_ours() -> None:
    uid = str(uuid.uuid4())
    assert is_uid(uid)
    strangers = ("", "notes", "backup-2026", uid.upper(), f"{{{uid}}}", uid.replace("-", ""), f"{uid}.old", ".trial")
    assert not [text for text in strangers if is_uid(text)]
