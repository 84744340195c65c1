"""What a file said, as bytes and back; nothing of a Secret but its name is in the part for the disk."""

import json

import pytest

from orchestrator.sources.last_good import LastGood, Unreadable, Written, path_in, read, write
from orchestrator.sources.yaml_loader import decode_file

FILE, PATH, ROOT = "specs/all.yaml", "/srv/specs/all.yaml", "specs"
ALL = b"""\
# hush: Pl4nted
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  hostNetwork: true
  containers:
  - {name: main, image: "app:1", resources: {limits: {memory: 100000000000000000000}}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {key: "\xc3\xa9"}}
- {apiVersion: v1, kind: Secret, metadata: {name: db}, stringData: {password: Pl4nted}}
---
{apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shop}, data: {a: UGw0bnRlZA==}}
"""


def remembered() -> Written:
    loaded = decode_file(ALL, FILE, lenient=True)
    assert not loaded.broken
    return write(PATH, loaded.objects)


def test_D05_what_was_kept_is_what_the_file_said() -> None:
    before = decode_file(ALL, FILE, lenient=True).objects
    found = read(remembered(), FILE, ROOT)
    assert (found.root, found.forgotten, found.refused) == (ROOT, (), ())
    assert [(each.object, each.raw, each.place) for each in found.objects] == [
        (each.object, each.raw, each.place) for each in before
    ]
    assert [rule for rule, _line, _column in found.objects[0].violations] == [
        rule for rule, _line, _column in before[0].violations
    ]
    assert path_in(remembered().plain) == PATH


def test_D05_secrets_and_comments_are_not_in_the_part_for_the_disk() -> None:
    memory = remembered()
    assert b"Pl4nted" not in memory.plain
    assert b"UGw0bnRlZA" not in memory.plain
    assert b"Pl4nted" in memory.secret
    assert write(PATH, decode_file(ALL.partition(b"---")[0], FILE).objects).secret == b""


@pytest.mark.parametrize("lost", [b"", b"{", b"[]"])
def test_D05_secrets_that_are_lost_are_named(lost: bytes) -> None:
    found = read(Written(remembered().plain, lost), FILE, ROOT)
    assert found.forgotten == ("default/db", "shop/key")
    assert [each.object.kind for each in found.objects] == ["Pod", "ConfigMap"]


def test_D05_a_secret_that_only_memory_has_is_not_wanted() -> None:
    fewer = b"{apiVersion: v1, kind: Secret, metadata: {name: db}, stringData: {password: newer}}"
    plain = write(PATH, decode_file(fewer, FILE).objects).plain
    found = read(Written(plain, remembered().secret), FILE, ROOT)
    assert [each.object.metadata.name for each in found.objects] == ["db"]
    assert found.forgotten == ()


def test_D05_what_a_newer_program_refuses_is_left_out_and_named() -> None:
    part = json.loads(remembered().plain)
    part["documents"][0]["document"]["spec"]["containers"][0]["imige"] = "app:1"
    found = read(Written(json.dumps(part).encode(), remembered().secret), FILE, ROOT)
    assert [each.object.kind for each in found.objects] == ["ConfigMap", "Secret", "Secret"]
    (refused,) = found.refused
    assert refused.startswith('Pod web: spec.containers[0].imige: unknown field "imige"')


@pytest.mark.parametrize("part", [b"", b"\xff", b"{}", b'{"format": 2, "file": "", "documents": []}', b"[1]"])
def test_what_is_no_memory_is_unreadable(part: bytes) -> None:
    with pytest.raises(Unreadable):
        read(Written(part, b""), FILE, ROOT)
    with pytest.raises(Unreadable):
        path_in(part)


def test_a_file_of_nothing_remembers_nothing() -> None:
    assert read(write(PATH, ()), FILE, ROOT) == LastGood(ROOT, ())
