"""Takes the values of Secrets out of texts that we did not write: an engine's error may quote a command line."""

import json
from collections.abc import Iterable

from orchestrator.objects.config import Secret, secret_files

HIDDEN = "<redacted>"
HIDDEN_ERROR = "<redacted: it may quote a value of a Secret that has changed since>"
"""In place of an engine's error that is older than the Secrets that we know."""
_SHORTEST = 4
"""Shorter values say nothing, and would tear ordinary words apart."""


def redacted(text: str, secrets: Iterable[Secret]) -> str:
    """The text without any value of these Secrets; whole lines of a value count too, the longest first."""
    if not text:
        return text
    every = (value for secret in secrets for value in secret_files(secret).values())
    # A certificate of a thousand lines is in no error of a hundred characters.
    values = {part for value in every for part in _parts(value) if len(part) <= len(text)}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def _parts(value: bytes) -> set[str]:
    whole = value.decode(errors="replace")
    parts = {part for part in (whole, whole.strip(), *whole.splitlines()) if len(part) >= _SHORTEST}
    # The engine and we quote: what has a quote, a line end or a backslash in it is told with escapes.
    return parts | {told[1:-1] for part in parts for told in (json.dumps(part, ensure_ascii=False), repr(part))}
