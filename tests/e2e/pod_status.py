"""What a test asks of a pod that the API gave."""

from typing import Any

Document = dict[str, Any]


def condition(pod: Document, kind: str) -> str:
    """The status of a condition, "" when the pod does not have it."""
    found = [c["status"] for c in pod.get("status", {}).get("conditions", []) if c["type"] == kind]
    return found[0] if found else ""


def is_ready(pod: Document) -> bool:
    """Whether its condition Ready is True."""
    return condition(pod, "Ready") == "True"


def status_of(pod: Document, container: str = "") -> Document:
    """The status of one container (the first), init containers too; {} before there is one."""
    status = pod.get("status", {})
    every = [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
    found = [one for one in every if container in ("", one["name"])]
    return found[0] if found else {}


def waiting_reason(pod: Document, container: str = "") -> str:
    """Why a container waits, "" when it does not."""
    return str(status_of(pod, container).get("state", {}).get("waiting", {}).get("reason", ""))


def restarts(pod: Document, container: str = "") -> int:
    """How often a container was restarted."""
    return int(status_of(pod, container).get("restartCount", 0))
