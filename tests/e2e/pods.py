"""Short ways to write pods: documents in Python, written as JSON, which is YAML too."""

import json
from typing import Any

Document = dict[str, Any]

FOR_EVER = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"
"""A script that runs until SIGTERM, and ends at once then."""

NO_REGISTRY = "127.0.0.1:1/nobody/nothing:1"
"""An image that cannot be had: no registry listens there."""


def container(script: str, name: str = "main", **fields: Any) -> Document:
    """A container that runs a shell script."""
    return {"name": name, "image": "IMAGE", "command": ["sh", "-c", script], **fields}


def pod(name: str, *containers: Document | str, labels: dict[str, str] | None = None, **spec: Any) -> Document:
    """A pod of containers, or of one script; it ends at once unless `spec` says otherwise."""
    made = [container(one) if isinstance(one, str) else one for one in containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": made, **spec},
    }


def config_map(name: str, **data: str) -> Document:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def text(*documents: Document) -> str:
    """The text of a spec file."""
    return "\n---\n".join(json.dumps(document) for document in documents)
