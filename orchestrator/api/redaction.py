"""A Secret's values leave the daemon only when root asks for them by name; everyone else sees its keys."""

from typing import Any

from orchestrator.objects.annotations import LAST_APPLIED


def redact(document: dict[str, Any]) -> dict[str, Any]:
    """Give a Secret's document with every value empty and without its copy in the annotations; others as they are."""
    if document.get("kind") != "Secret":
        return document
    hidden = dict(document)
    for field in ("data", "stringData"):
        if field in hidden:
            hidden[field] = dict.fromkeys(hidden[field], "")
    annotations = hidden["metadata"].get("annotations", {})
    if LAST_APPLIED in annotations:
        kept = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
        hidden["metadata"] = {**hidden["metadata"], "annotations": kept}
    return hidden
