"""Kinds that a CustomResourceDefinition of the same specs makes known: their documents are no error, as in a cluster.

They have no effect here, and are told once like all that has none.  The definition may stand in another file, before or
after, so this is looked at when all files are read.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.objects.problem import no_effect
from orchestrator.sources.located import FileLoad, Located


def defined_by(document: Any) -> frozenset[str]:
    """Give the kinds that a document defines, as "group/version Kind"; none unless it is a definition."""
    match document:
        case {
            "kind": "CustomResourceDefinition",
            "spec": {"group": str(group), "names": {"kind": str(kind)}, "versions": list(versions)},
        }:
            names = (version.get("name") for version in versions if isinstance(version, dict))
            return frozenset(f"{group}/{name} {kind}" for name in names)
        case _:
            return frozenset()


def accept_custom_kinds(loads: Mapping[str, FileLoad]) -> Mapping[str, FileLoad]:
    """Make warnings of the unknown kinds that one of the files defines."""
    known = frozenset[str]().union(*(loaded.defines for loaded in loads.values()))
    if not known:
        return loads
    return {path: _accept(loaded, known) for path, loaded in loads.items()}


def _accept(loaded: FileLoad, known: frozenset[str]) -> FileLoad:
    if not any(located.problem.unknown_kind in known for located in loaded.problems):
        return loaded
    return replace(loaded, problems=tuple(_known(located, known) for located in loaded.problems))


def _known(located: Located, known: frozenset[str]) -> Located:
    name = located.problem.unknown_kind
    if name not in known:
        return located
    kind = name.rpartition(" ")[2]
    return replace(located, problem=no_effect(("kind",), f"{kind} is a custom kind: this document has no effect"))
