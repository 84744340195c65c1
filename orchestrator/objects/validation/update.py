"""Rules of an edit: what an object may not change once it is there."""

from typing import Any

from orchestrator.errors import Invalid
from orchestrator.objects.config import ConfigMap, Secret, config_map_files, secret_files

_RULE = "Forbidden: field is immutable when `immutable` is set: remove the object first, or give this one another name"


def refuse_immutable(obj: Any, old: Any) -> Any:
    """A `store.Admission`: Invalid for an edit of the data, or of the mark, of what is marked `immutable`."""
    if not isinstance(old, ConfigMap | Secret) or not old.immutable:
        return obj
    if not obj.immutable:
        raise Invalid(f"immutable: {_RULE}")
    if isinstance(old, Secret):
        same = secret_files(obj) == secret_files(old)
    else:
        same = config_map_files(obj) == config_map_files(old)
    if not same:
        raise Invalid(f"data: {_RULE}")
    return obj
