"""Rules of the annotations that have a meaning here: a misspelt one would silently do nothing."""

import difflib
from collections.abc import Iterable, Mapping

from orchestrator.objects.annotations import PLATFORM, PREFIX, RESTART_ON_CHANGE, RESTARTS, restart_words
from orchestrator.objects.problem import FieldPath, Problem, error, invalid, warning
from orchestrator.objects.scalars import check_platform

_KNOWN = (RESTART_ON_CHANGE, PLATFORM)


def validate_annotations(annotations: Mapping[str, str], path: FieldPath, *, of_pod: bool) -> list[Problem]:
    """Check the keys under our own name, and their values; `of_pod` where they stand on a pod (or its template)."""
    own = [key for key in annotations if key.startswith(PREFIX)]
    problems = [_unknown((*path, key), key) for key in own if key not in _KNOWN]
    known = [key for key in own if key in _KNOWN]
    if not of_pod:
        return problems + [warning((*path, key), "has an effect on pods only") for key in known]
    words = restart_words(annotations[RESTART_ON_CHANGE]) if RESTART_ON_CHANGE in known else []
    problems += [_unsupported((*path, RESTART_ON_CHANGE), word) for word in words if word not in RESTARTS]
    rules = check_platform(annotations[PLATFORM]) if PLATFORM in known else []
    return problems + [invalid((*path, PLATFORM), annotations[PLATFORM], rule) for rule in rules]


def _unknown(path: FieldPath, key: str) -> Problem:
    hint = _meant(key, _KNOWN)
    return warning(path, f"this annotation is not known and has no effect{f' ({hint})' if hint else ''}")


def _unsupported(path: FieldPath, word: str) -> Problem:
    supported = ", ".join(f'"{known}"' for known in RESTARTS)
    proposal = _meant(word, RESTARTS) or "write one or both, with a comma between"
    return error(path, f'Unsupported value: "{word}": supported values: {supported}', proposal)


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower()[:100], known, n=1)
    return f'did you mean "{close[0]}"?' if close else ""
