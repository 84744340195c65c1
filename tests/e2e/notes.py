"""Containers that write down what happens to them, in a folder of the test that all of a pod's containers share."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.daemon import SECONDS, Document
from tests.e2e.pods import container, pod

STAYS = "echo NAME begin >>/out/log; trap 'echo NAME term >>/out/log; exit 0' TERM; while :; do sleep 1000 & wait; done"
"""A script that notes its start and its SIGTERM; `noting` puts the container's name for NAME."""
UNTIL_GO = (
    "trap 'exit 9' TERM; echo NAME begin >>/out/log; until test -e /out/NAME.go; do sleep 0.05; done; "
    "echo NAME end >>/out/log"
)
"""A script that notes its start and its end, which comes when /out/NAME.go is there."""


def noting(name: str, script: str, **fields: Any) -> Document:
    """A container that may write to /out."""
    mounts = [{"name": "out", "mountPath": "/out"}]
    return container(script.replace("NAME", name), name, volumeMounts=mounts, **fields)


def noting_pod(name: str, out: Path, *containers: Document, **spec: Any) -> Document:
    """A pod whose containers' /out is a folder of the test; it has half a minute to end, and needs less."""
    volumes = [{"name": "out", "hostPath": {"path": str(out)}}]
    return pod(name, *containers, volumes=volumes, **{"terminationGracePeriodSeconds": 30, **spec})


def sh(script: str) -> Document:
    """A handler that runs a script."""
    return {"exec": {"command": ["sh", "-c", script]}}


def noted(out: Path) -> list[str]:
    """What was written down so far."""
    log = out / "log"
    return log.read_text().splitlines() if log.exists() else []


def wait_noted(out: Path, holds: Callable[[list[str]], bool]) -> list[str]:
    """Read the notes until `holds`: whoever writes them is a process in a container, which announces nothing."""
    deadline = time.monotonic() + SECONDS
    while not holds(lines := noted(out)):
        assert time.monotonic() < deadline, f"what was awaited is not in {lines}"
        time.sleep(0.02)
    return lines


def go(out: Path, name: str) -> None:
    """Let a container of UNTIL_GO end."""
    (out / f"{name}.go").touch()
