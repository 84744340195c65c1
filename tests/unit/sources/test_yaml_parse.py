import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.sources.scalars import resolve
from orchestrator.sources.yaml_loader import decode_file
from orchestrator.sources.yaml_parse import MAX_BYTES, parse


def value(text: str) -> Any:
    parsed = parse(text.encode())
    assert parsed.faults == []
    return parsed.documents[0].value


def faults(data: bytes | str) -> list[str]:
    """What is wrong, and that it was found in a moment."""
    began = time.monotonic()
    found = parse(data.encode() if isinstance(data, str) else data).faults
    assert time.monotonic() - began < 3.0
    return [f"{fault.line}:{fault.column}: {fault.message}" for fault in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True),
        ("Off", False),
        ("y", True),
        ("True", True),
        ("tRUE", "tRUE"),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-5", -5),
        ("+5", 5),
        ("0644", 420),
        ("0o644", 420),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("08", 8.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("22:30", "22:30"),
        ("2026-01-31", "2026-01-31"),
        ("1.2.3", "1.2.3"),
        ("10Gi", "10Gi"),
        ("-", "-"),
        ("9" * 100, "9" * 100),
    ],
)
def test_plain_scalars_mean_what_kubernetes_reads(text: str, expected: Any) -> None:
    found = resolve(text)
    assert found == expected
    assert type(found) is type(expected)


def test_quotes_and_blocks_are_text() -> None:
    assert value("a: 'yes'\nb: \"1\"\nc: |\n  12\nd: !!str 5") == {"a": "yes", "b": "1", "c": "12\n", "d": "5"}


def test_apostrophes_that_kubernetes_reader_takes_escaped() -> None:
    text = """a: "\\'x\\' \\"y\\" \\\\'"  # \\'\nb: \\'\nc: ["it\\'s", 'd\\']\n--- "\\'\n z"\n"""
    assert [document.value for document in parse(text.encode()).documents] == [
        {"a": "'x' \"y\" \\'", "b": "\\'", "c": ["it's", "d\\"]},
        "' z",
    ]
    assert faults("""a: "\\'\\d"\n""") == [
        "1:6: cannot read the YAML: found unknown escape character (while parsing a quoted scalar, from line 1)"
    ]
    assert faults("""a: "\\'\n""") == [
        "1:5: cannot read the YAML: found unknown escape character (while parsing a quoted scalar, from line 1)"
    ]


def test_anchors_and_merge_keys() -> None:
    text = "base: &b {x: 1, y_: 2}\na: {<<: *b, x: 3}\nc: {<<: [*b, {z: 4}]}\nd: *b"
    assert value(text) == {
        "base": {"x": 1, "y_": 2},
        "a": {"x": 3, "y_": 2},
        "c": {"x": 1, "y_": 2, "z": 4},
        "d": {"x": 1, "y_": 2},
    }


def test_S01_many_documents_and_json() -> None:
    parsed = parse(b"a: 1\n---\n---\n# nothing\n---\nb: 2\n")
    assert [document.value for document in parsed.documents] == [{"a": 1}, {"b": 2}]
    assert value('{\n\t"a": "\\ud83d\\ude00 \\/ \\\\ud83d",\n\t"b": [1, null]}') == {
        "a": "😀 / \\ud83d",
        "b": [1, None],
    }


def test_what_json_writes_otherwise_is_json_in_every_document_that_is() -> None:
    text = '---\n{\t"a": "x\u2028\x85y"}\n---\na: |\n  x\ty\n---\n[\t1]\n'
    values = [document.value for document in parse(text.encode()).documents]
    assert values == [{"a": "x\u2028\x85y"}, {"a": "x\ty\n"}, [1]]


def test_every_part_has_its_place() -> None:
    spot = parse(b"a:\n  - b: no\n    'c': x\n").documents[0].spot
    assert spot.find(("a", 0, "b")) == (2, 8)
    assert spot.find(("a", 0, "c"), key=True) == (3, 5)
    assert spot.find(("a", 0, "missing")) == (2, 5)
    assert spot.find(("a", 7)) == (2, 3)
    assert spot.text(("a", 0, "b")) == "no"
    assert spot.text(("a", 0, "c")) is None
    assert spot.text(("a", 0, "b", "deeper")) is None


def test_S06_duplicate_keys_name_both_lines() -> None:
    assert faults("a: 1\nb: 2\na: 3\n") == ['3:1: duplicate key "a" on lines 1 and 3']


def test_keys_that_yaml_does_not_read_as_text() -> None:
    assert faults("on: 1\n") == ["1:1: YAML reads the key on as true, and a key must be text"]
    assert faults("[a]: 1\n") == ["1:1: a key must be text, not a mapping or a list"]
    (broken,) = parse(b"{{- if .Values.web }}\na: 1\n{{- end }}\n").faults
    assert broken.proposal == "a template must be rendered first, or its braces put in quotes"
    (templated,) = parse(b"a: {{ .Name }}\n").faults
    assert templated.proposal == "a template must be rendered first, or its braces put in quotes"
    assert value("8080: a") == {"8080": "a"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: &a [x, x, x]\n" + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9))
         for i in range(9)), "too much in one file: more than 200000 nodes (aliases count)"),
        (b"a: &a |\n " + b"x" * 1_000_000 + b"\nb: [" + b"*a, " * 1000 + b"]", "too much in one file"),
        (b"a: &a [*a]", "1:8: an alias that contains itself"),
        (b"a: *b", "1:4: an alias of nothing"),
        (b"[" * 1_000_000, "nested more than 100 levels deep"),
        (b'{"a":' * 10_000, "nested more than 100 levels deep"),
        (b"\n".join(b" " * i + b"a:" for i in range(2000)), "nested more than 100 levels deep"),
        (b"? " + b"k" * 1_000_000 + b"\n: v\n", "a key is longer than 1024 characters"),
        (b"a: x\0y", "control characters are not allowed"),
        (b"a: b\nc: \xff\n", "2:4: not UTF-8: byte 0xff at offset 8"),
        (b"a: !!python/object/apply:os.system [ls]", "the tag !!python/object/apply is not allowed"),
        (b"a: !!binary aGk=", "the tag !!binary is not allowed"),
        (b"%TAG !a! a\n" * 2, "found duplicate %TAG directive"),
        (b"".join(b"%%TAG !a%d! a\n" % i for i in range(100_000)), "more than 100 lines begin with %"),
        (b"a: 1\n" * 100_000, "duplicate key"),
        (b"x" * (MAX_BYTES + 1), "the file is larger than 5 MiB"),
        (b"a: b: c", "1:5: cannot read the YAML: mapping values are not allowed in this context"),
        (b"a: {<<: 3}", "<< wants a mapping, or a list of mappings"),
        (b"a: 'x", "cannot read the YAML: found unexpected end of stream"),
        (b"%YAML 9.9\n---\na: b", "cannot read the YAML"),
        (b'- "\\\'"\n' * 150_000, "found unknown escape character"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_S07_hostile_input_is_an_error_within_a_moment(data: bytes, expected: str) -> None:
    assert any(expected in fault for fault in faults(data))


@pytest.mark.parametrize("text", ["a:\n\tb: c", "a:\n  b: c\n  \td: e", "- a: 1\n\tb: 2"])
def test_a_tab_that_indents_is_told_with_what_to_do(text: str) -> None:
    assert [fault.proposal for fault in parse(text.encode()).faults] == [
        "indent with spaces, YAML allows no tabs there"
    ]
    assert [fault.proposal for fault in parse(b"a: b: c\td").faults] == [""]


@pytest.mark.parametrize(
    "written", ["*Pl4nted", "!Pl4nted", "!!Pl4nted", "!<Pl4nted> x", "%Pl4nted", "@Pl4nted", "'Pl4nted", "[Pl4nted"]
)
def test_a_value_that_yaml_cannot_read_is_not_told(written: str) -> None:
    """It may be a Secret's: nobody can know before all of it was read."""
    assert faults(f"stringData:\n  password: {written}\n")
    assert "Pl4nted" not in str(parse(f"stringData:\n  password: {written}\n".encode()).faults)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text(alphabet="ab:-[]{}&*!<>|#'\"? \n\t,%@0x\\", max_size=80).map(str.encode))
)
def test_S07_no_bytes_make_it_raise(data: bytes) -> None:
    parsed = parse(data)
    assert all(fault.line >= 1 and fault.column >= 1 for fault in parsed.faults)
    assert all(json.loads(json.dumps(document.value)) is not None for document in parsed.documents)
    decode_file(data, "-")
