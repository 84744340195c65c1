"""Takes the values of Secrets out of texts that we did not write: an engine's error may quote a command line."""

from collections.abc import Iterable

from orchestrator.objects.config import Secret, secret_files

HIDDEN = "<redacted>"
_SHORTEST = 4
"""Shorter values say nothing, and would tear ordinary words apart."""


def redacted(text: str, secrets: Iterable[Secret]) -> str:
    """The text without any value of these Secrets; whole lines of a value count too, the longest first."""
    if not text:
        return text
    values = {part for secret in secrets for value in secret_files(secret).values() for part in _parts(value)}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def _parts(value: bytes) -> set[str]:
    whole = value.decode(errors="replace")
    return {part for part in (whole, whole.strip(), *whole.splitlines()) if len(part) >= _SHORTEST}
