"""`describe pod`: kubectl's text, with the reason why the pod is not well near its top.  Pure."""

from orchestrator.cli.describe_container import describe_containers
from orchestrator.cli.describe_text import NONE, Field, events_table, fields, local_time, pairs
from orchestrator.cli.describe_volumes import describe_volumes
from orchestrator.cli.documents import Document
from orchestrator.cli.event_text import sort_events

_TELLING = ("Failed", "BackOff", "Unhealthy", "FailedPostStartHook", "FailedPreStopHook", "FailedMount", "Killing")


def describe_pod(pod: Document, events: list[Document], now: float) -> str:
    """Give the description of a pod; `events` are those about it, `now` is in Unix seconds."""
    spec, status = pod["spec"], pod.get("status", {})
    init, main = status.get("initContainerStatuses", []), status.get("containerStatuses", [])
    return "\n".join(
        (
            *fields(_head(pod, events)),
            *describe_containers("Init Containers", spec.get("initContainers", []), init),
            *describe_containers("Containers", spec["containers"], main),
            *_conditions(status.get("conditions", [])),
            *describe_volumes(spec.get("volumes", [])),
            *fields([("QoS Class", status.get("qosClass", NONE))]),
            *events_table(events, now),
        )
    )


def _head(pod: Document, events: list[Document]) -> list[Field]:
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    node = spec.get("nodeName", NONE) + (f"/{status['hostIP']}" if status.get("hostIP") else "")
    deleted = meta.get("deletionTimestamp")
    phase = status.get("phase", "Pending")
    why = why_not_well(pod, events)
    return [
        ("Name", meta["name"]),
        ("Namespace", meta.get("namespace", "")),
        ("Node", node),
        ("Start Time", local_time(status.get("startTime")) or NONE),
        ("Labels", pairs(meta.get("labels"))),
        ("Annotations", pairs(meta.get("annotations"), ": ")),
        ("Status", f"Terminating (since {local_time(deleted)})" if deleted else phase),
        *([("Termination Grace Period", f"{meta.get('deletionGracePeriodSeconds', 30)}s")] if deleted else []),
        *([("Reason", status["reason"])] if status.get("reason") else []),
        *([("Message", status["message"].split("\n"))] if status.get("message") else []),
        *([("Why", why)] if why else []),
        ("IP", status.get("podIP", "")),
        *([("Restart Policy", spec["restartPolicy"])] if spec.get("restartPolicy", "Always") != "Always" else []),
    ]


def why_not_well(pod: Document, events: list[Document]) -> list[str]:
    """Give at most five lines on why the pod is not well; none when it is."""
    status = pod.get("status", {})
    lines = []
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        lines += _why_container(container)
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    if ready or status.get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return []
    telling = [e for e in sort_events(events) if e.get("type") == "Warning" and e.get("reason") in _TELLING]
    if telling:
        lines.append(f"last event {telling[-1]['reason']}: {telling[-1].get('message', '').strip().splitlines()[0]}")
    if not lines:
        false = [c for c in status.get("conditions", []) if c["status"] != "True" and c.get("message")]
        lines += [f"{c['type']}: {c['message']}" for c in false]
    return lines[:5]


def _why_container(container: Document) -> list[str]:
    """What holds up one container, and how its last run ended."""
    name, state = container["name"], container.get("state", {})
    ended = container.get("lastState", {}).get("terminated")
    last = f"{name}: its last run ended with exit code {ended['exitCode']} ({ended.get('reason', '')})" if ended else ""
    if waiting := state.get("waiting"):
        reason = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message", "").split("\n")[0])))
        return [line for line in (f"{name}: {reason}" if reason else "", last) if line]
    if over := state.get("terminated"):
        if over.get("exitCode") == 0:
            return []
        message = over.get("message", "").strip().split("\n")[-1]
        text = f"{name}: ended with exit code {over['exitCode']} ({over.get('reason', '')})"
        return [f"{text}: {message}" if message else text]
    if not container.get("ready"):
        return [f"{name}: running, not ready", *([last] if last else [])]
    return []


def _conditions(conditions: list[Document]) -> list[str]:
    if not conditions:
        return [f"Conditions:  {NONE}"]
    width = max(len(condition["type"]) for condition in conditions) + 3
    lines = ["Conditions:", "  " + "Type".ljust(width) + "Status"]
    for condition in conditions:
        said = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
        lines.append("  " + condition["type"].ljust(width) + condition["status"] + (f"   {said}" if said else ""))
    return lines
