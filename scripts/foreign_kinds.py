"""Writes orchestrator/objects/foreign_kinds.json: the fields of every kind of Kubernetes, for those that we do not run.

    python -m scripts.foreign_kinds

The source is the official schema, as the package kubernetes-validate carries it (a requirement of the tests).  Types
that the project has by hand end the walk: they are used in place of the schema's.
"""

import json
from pathlib import Path
from typing import Any

import kubernetes_validate

from orchestrator.objects import foreign

VERSION = "1.34.0"
TARGET = Path(foreign.__file__).with_name("foreign_kinds.json")
_PREFIXES = (
    "io.k8s.api.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apimachinery.pkg.",
    "io.k8s.kube-aggregator.pkg.apis.",
)
_SCALARS = {
    "api.resource.Quantity": "quantity",
    "util.intstr.IntOrString": "port",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "time",
}
_FORMATS = {"byte": "base64", "double": "number"}


def definitions() -> dict[str, Any]:
    """Give the schema's definitions by their full names."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{VERSION}-local-strict"
    found: dict[str, Any] = json.loads((folder / "_definitions.json").read_text())["$defs"]
    return found


def table(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the file's content; `orchestrator.objects.foreign` says what it means."""
    by_name = {_short(name): item for name, item in schema.items()}
    kinds: dict[str, dict[str, str]] = {}
    for name, item in sorted(by_name.items()):
        if "ObjectMeta" in item.get("properties", {}).get("metadata", {}).get("$ref", ""):
            for served in item.get("x-kubernetes-group-version-kind", ()):
                version = "/".join(filter(None, (served["group"], served["version"])))
                kinds.setdefault(served["kind"], {})[version] = name
    types: dict[str, dict[str, str]] = {}
    waiting = [name for versions in kinds.values() for name in versions.values()]
    while waiting:
        name = waiting.pop()
        if name in types or name in foreign.BY_HAND:
            continue
        item = by_name[name]
        required = item.get("required", ())
        types[name] = {
            field + "!" * (field in required): _expression(value, by_name)
            for field, value in item["properties"].items()
        }
        waiting += [expression.strip("[]{}@") for expression in types[name].values() if "@" in expression]
    return {"kinds": dict(sorted(kinds.items())), "types": dict(sorted(types.items()))}


def _expression(value: dict[str, Any], by_name: dict[str, Any]) -> str:
    if "$ref" in value:
        name = _short(value["$ref"].rpartition("/")[2])
        if name in _SCALARS:
            return _SCALARS[name]
        if "properties" in by_name[name]:
            return f"@{name}"
        return "mapping" if by_name[name].get("type") else "any"
    if "enum" in value:
        return f"={value['enum'][0]}"
    kind = next(name for name in _as_list(value["type"]) if name != "null")
    if kind == "array":
        return f"[{_expression(value['items'], by_name)}]"
    if kind == "object":
        return f"{{{_expression(value['additionalProperties'], by_name)}}}"
    return _FORMATS.get(value.get("format", ""), kind)


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _short(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def encode(content: dict[str, Any]) -> str:
    """Give the file's text: a kind or a type a line, so that a difference can be read."""
    parts = []
    for part, rows in content.items():
        lines = (f"{json.dumps(key)}:{json.dumps(row, separators=(',', ':'))}" for key, row in rows.items())
        parts.append(f"{json.dumps(part)}:{{\n" + ",\n".join(lines) + "\n}")
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    TARGET.write_text(encode(table(definitions())))
