"""Rules of the annotations that have a meaning here: a misspelt one would silently do nothing."""

import difflib
from collections.abc import Iterable, Mapping

from orchestrator.objects.annotations import PREFIX, RESTART_ON_CHANGE, RESTARTS, restart_words
from orchestrator.objects.problem import FieldPath, Problem, error, warning


def validate_annotations(annotations: Mapping[str, str], path: FieldPath, *, of_pod: bool) -> list[Problem]:
    """Check the keys under our own name, and their values; `of_pod` where they stand on a pod (or its template)."""
    unknown = (key for key in annotations if key.startswith(PREFIX) and key != RESTART_ON_CHANGE)
    problems = [_unknown((*path, key), key) for key in unknown]
    if RESTART_ON_CHANGE not in annotations:
        return problems
    here = (*path, RESTART_ON_CHANGE)
    if not of_pod:
        return [*problems, warning(here, "has an effect on pods only")]
    words = restart_words(annotations[RESTART_ON_CHANGE])
    return problems + [_unsupported(here, word) for word in words if word not in RESTARTS]


def _unknown(path: FieldPath, key: str) -> Problem:
    hint = _meant(key, [RESTART_ON_CHANGE])
    return warning(path, f"this annotation is not known and has no effect{f' ({hint})' if hint else ''}")


def _unsupported(path: FieldPath, word: str) -> Problem:
    supported = ", ".join(f'"{known}"' for known in RESTARTS)
    proposal = _meant(word, RESTARTS) or "write one or both, with a comma between"
    return error(path, f'Unsupported value: "{word}": supported values: {supported}', proposal)


def _meant(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower()[:100], known, n=1)
    return f'did you mean "{close[0]}"?' if close else ""
