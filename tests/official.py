"""The official schema of Kubernetes 1.34, strict, as the package kubernetes-validate carries it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.34.0-local-strict"
_BASE = "https://kubernetes.io/api/_definitions.json"


@cache
def definitions() -> dict[str, Any]:
    """The schema's types by their full names."""
    found: dict[str, Any] = json.loads((FOLDER / "_definitions.json").read_text())["$defs"]
    return found


@cache
def _registry() -> Registry[Any]:
    whole = Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions()})
    return Registry().with_resource(_BASE, whole)


def validator(part: dict[str, Any]) -> Validator:
    """A validator of a part of the schema."""
    return Draft202012Validator(absolute(part), registry=_registry())


def absolute(part: Any) -> Any:
    """A part of the schema whose references hold wherever it stands."""
    if isinstance(part, list):
        return [absolute(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: f"{_BASE}{item[item.index('#') :]}" if key == "$ref" else absolute(item) for key, item in part.items()}


@cache
def _of_kind(api_version: str, kind: str) -> Validator | None:
    # As the package itself finds a kind's file: rbac.authorization.k8s.io/v1 is rbac-v1.
    group = re.sub(r"^([^./]*)(?:[.][^/]*)?/", r"\1-", api_version)
    file = FOLDER / f"{kind.lower()}-{group}.json"
    return validator(json.loads(file.read_text())) if file.exists() else None


def faults(document: Any) -> list[str] | None:
    """What the schema finds wrong with a document; None where it does not know the kind."""
    if not isinstance(document, dict):
        return ["not a mapping"]
    version, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return ["no apiVersion, or no kind"]
    known = _of_kind(version, kind)
    return None if known is None else [error.message for error in known.iter_errors(document)]


def unrolled(document: Any) -> Iterator[Any]:
    """The documents of a List, or the document itself."""
    if isinstance(document, dict) and document.get("kind") == "List":
        for item in document.get("items") or ():
            yield from unrolled(item)
    else:
        yield document
