"""Documents as bytes: the many ways in which people, editors and programs write them, and some that are broken."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from hypothesis import strategies as st

Lines = list[str]


@st.composite
def written(draw: st.DrawFn, documents: st.SearchStrategy[Any], *, most: int = 3) -> bytes:
    """One to `most` documents in one file, untouched but for their style."""
    texts = [_style(draw)(each) for each in draw(st.lists(documents, min_size=1, max_size=most))]
    return "---\n".join(texts).encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> bytes:
    """The same, with some lines changed, and the whole of it as other systems may leave it."""
    lines = draw(written(documents)).decode("utf-8", "surrogatepass").split("\n")
    for _ in range(draw(st.integers(0, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        if "kind:" not in lines[index]:
            draw(st.sampled_from(_LINE_CHANGES))(draw, lines, index)
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    return draw(st.sampled_from(_WHOLE))(data)


def _style(draw: st.DrawFn) -> Callable[[Any], str]:
    flow = draw(st.sampled_from((False, None, True)))
    style = draw(st.sampled_from((None, None, "'", '"', "|", ">")))
    dumped = st.just(lambda value: yaml.dump(value, default_flow_style=flow, default_style=style, allow_unicode=True))
    return draw(st.one_of(dumped, st.just(_as_json)))


def _as_json(value: Any) -> str:
    return json.dumps(value, indent="\t") + "\n"


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _insert(draw: st.DrawFn, lines: Lines, index: int) -> None:
    words = (
        "---",
        "...",
        "# comment",
        "\t",
        "<<: *a",
        "<<: {a: b}",
        "- x",
        "? x",
        "%YAML 1.1",
        "%TAG ! x",
        ": ",
        "}",
        '"',
        "\u2028",
    )
    lines.insert(index, _indent(lines[index]) + draw(st.sampled_from(words)))


def _tag(draw: st.DrawFn, lines: Lines, index: int) -> None:
    words = (
        "&a ",
        "*a ",
        "!x ",
        "!!str ",
        "!!int ",
        "!!python/name:os.system ",
        "!!binary ",
        "! ",
        "| ",
        "> ",
        "'",
        '"',
        "[",
        "@",
    )
    key, colon, value = lines[index].partition(": ")
    lines[index] = f"{key}{colon}{draw(st.sampled_from(words))}{value}" if colon else lines[index]


def _repeat(_draw: st.DrawFn, lines: Lines, index: int) -> None:
    lines.insert(index, lines[index])


def _drop(_draw: st.DrawFn, lines: Lines, index: int) -> None:
    if len(lines) > 1:
        del lines[index]


def _shift(draw: st.DrawFn, lines: Lines, index: int) -> None:
    lines[index] = draw(st.sampled_from((" ", "\t", "      "))) + lines[index]


def _cut(draw: st.DrawFn, lines: Lines, index: int) -> None:
    lines[index] = lines[index][: draw(st.integers(0, len(lines[index])))]


def _control(draw: st.DrawFn, lines: Lines, index: int) -> None:
    place = draw(st.integers(0, len(lines[index])))
    odd = draw(st.sampled_from(("\0", "\x1b", "\x7f", "\x85", "\ufeff", "\ufffe", "\U0001f600", "\u202e")))
    lines[index] = lines[index][:place] + odd + lines[index][place:]


_LINE_CHANGES: Sequence[Callable[[st.DrawFn, Lines, int], None]] = (
    _insert, _tag, _tag, _repeat, _drop, _shift, _cut, _control,
)  # fmt: skip


def _same(data: bytes) -> bytes:
    return data


_WHOLE: Sequence[Callable[[bytes], bytes]] = (
    _same,
    _same,
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: data.replace(b"\n", b"\r"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.decode("utf-8", "replace").encode("utf-16"),
    lambda data: data.decode("utf-8", "replace").encode("latin-1", "replace"),
    lambda data: data[: len(data) // 2],
    lambda data: data + b"\n---\n" + data,
    lambda data: b"{kind: List, apiVersion: v1, items: [" + data + b"]}",
)
