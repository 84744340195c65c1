"""No value of a Secret is in a text that the engine wrote."""

import base64

from orchestrator.objects.config import Secret
from orchestrator.objects.meta import ObjectMeta
from orchestrator.planning.redaction import redacted


def secret(**data: str) -> Secret:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return Secret(metadata=ObjectMeta(name="s"), data=encoded)


def test_values_and_their_lines_are_hidden_and_short_ones_tear_no_words_apart() -> None:
    known = [secret(token="hunter2222", key="first line\nsecond line\n", tiny="exe")]
    text = 'exec: "hunter2222": executable file not found; second line'
    assert redacted(text, known) == 'exec: "<redacted>": executable file not found; <redacted>'


def test_a_value_is_hidden_as_it_is_quoted() -> None:
    known = [secret(key='say "hunter2"\\now\nagain')]
    assert redacted('exec: "say \\"hunter2\\"\\\\now\\nagain": not found', known) == 'exec: "<redacted>": not found'
    assert redacted("subPath " + repr("a\x1bbc"), [secret(key="a\x1bbc")]) == "subPath '<redacted>'"


def test_a_value_that_holds_another_goes_whole() -> None:
    assert redacted("abcdef", [secret(a="abcd", b="abcdef")]) == "<redacted>"


def test_without_secrets_a_text_stays() -> None:
    assert redacted("no such file", []) == "no such file"
