"""What holds of the loader, whatever bytes it is given."""

from collections.abc import Iterator
from typing import Any

from orchestrator.cli.documents import to_json, to_yaml
from orchestrator.objects import registry
from orchestrator.sources.located import FileLoad
from orchestrator.sources.yaml_loader import decode_file
from orchestrator.sources.yaml_parse import parse

NAME = "input.yaml"
PLANTED = "Pl4nted"
"""Part of the values of Secrets that are looked for in what is told."""
LONGEST = 4000
"""Characters of one problem's text."""


def check(data: bytes) -> FileLoad:
    """Load bytes as `validate` and as the daemon does, and fail where something does not hold of what they gave."""
    loaded, tolerated = decode_file(data, NAME), decode_file(data, NAME, lenient=True)
    assert decode_file(data, NAME) == loaded, "the same bytes gave something else"
    assert {sourced.key for sourced in loaded.objects} <= {sourced.key for sourced in tolerated.objects}
    for each in (loaded, tolerated):
        _check_texts(each, data)
        _check_secrets(each, data)
    for sourced in loaded.objects:
        document = registry.encode(sourced.object)
        for again in (to_yaml(document) + "\n", to_json(document)):
            _check_same(sourced.object, again)
    return loaded


def _check_texts(loaded: FileLoad, data: bytes) -> None:
    lines = len(data.decode(errors="replace").splitlines()) + 1
    for problem in loaded.problems:
        assert problem.file == NAME
        assert 1 <= problem.line <= lines, f"line {problem.line} of {lines}"
        assert problem.column >= 1
        text = problem.text
        assert len(text) <= LONGEST, f"{len(text)} characters: {text[:200]}"
        assert text.isprintable(), f"not for a terminal: {text!r}"
        assert "Traceback" not in text


def _check_secrets(loaded: FileLoad, data: bytes) -> None:
    """No value of a Secret is told; a word that stands somewhere else too may be."""
    secrets = [document.value for document in parse(data).documents if _is_secret(document.value)]
    hidden = sum(text.count(PLANTED) for secret in secrets for text in _values(secret))
    if hidden and hidden == data.decode(errors="replace").count(PLANTED):
        told = [problem.text for problem in loaded.problems if PLANTED in problem.text]
        assert not told, told


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") == "Secret"


def _values(secret: dict[str, Any]) -> Iterator[str]:
    for field in ("data", "stringData"):
        yield from _texts(secret.get(field))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)


def _check_same(obj: Any, text: str) -> None:
    again = decode_file(text.encode(), NAME)
    told = [problem.text for problem in again.problems if problem.severity == "error"]
    assert not told, f"what was accepted is not when it is written anew: {told}"
    assert [sourced.object for sourced in again.objects] == [obj]
