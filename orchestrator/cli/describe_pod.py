"""`describe pod`: kubectl's text, with the reason why the pod is not well near its top.  Pure."""

from collections.abc import Sequence

from orchestrator.cli.describe_container import describe_containers
from orchestrator.cli.describe_text import NONE, Field, annotations, events_table, fields, local_time, pairs
from orchestrator.cli.describe_volumes import describe_volumes
from orchestrator.cli.documents import Document
from orchestrator.cli.pulls import PullLine
from orchestrator.cli.why import why_not_well
from orchestrator.objects.annotations import CONFIG_CURRENT, RESTART_ON_CHANGE, RESTARTS, restart_kinds


def describe_pod(
    pod: Document, events: list[Document], now: float, engine_error: str = "", pulls: Sequence[PullLine] = ()
) -> str:
    """Give the description of a pod; `events` are those about it, `now` is in Unix seconds.

    `engine_error` is why the engine does not answer, "" when it does; `pulls` are those of all pods.
    """
    spec, status = pod["spec"], pod.get("status", {})
    init, main = status.get("initContainerStatuses", []), status.get("containerStatuses", [])
    return "\n".join(
        (
            *fields(_head(pod, why_not_well(pod, events, now, engine_error))),
            *describe_containers("Init Containers", spec.get("initContainers", []), init, pulls),
            *describe_containers("Containers", spec["containers"], main, pulls),
            *_conditions(status.get("conditions", [])),
            *describe_volumes(spec.get("volumes", [])),
            *fields([("QoS Class", status.get("qosClass", NONE))]),
            *events_table(events, now),
        )
    )


def _head(pod: Document, why: list[str]) -> list[Field]:
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    node = spec.get("nodeName", NONE) + (f"/{status['hostIP']}" if status.get("hostIP") else "")
    deleted = meta.get("deletionTimestamp")
    phase = status.get("phase", "Pending")
    return [
        ("Name", meta["name"]),
        ("Namespace", meta.get("namespace", "")),
        ("Node", node),
        ("Start Time", local_time(status.get("startTime")) or NONE),
        ("Labels", pairs(meta.get("labels"))),
        ("Annotations", annotations(meta)),
        ("Status", f"Terminating (since {local_time(deleted)})" if deleted else phase),
        *([("Termination Grace Period", f"{meta.get('deletionGracePeriodSeconds', 30)}s")] if deleted else []),
        *([("Reason", status["reason"])] if status.get("reason") else []),
        *([("Message", status["message"].split("\n"))] if status.get("message") else []),
        *([("Why", why)] if why else []),
        *([("Old Config", old)] if (old := _old_config(pod)) else []),
        ("IP", status.get("podIP", "")),
        *([("Restart Policy", spec["restartPolicy"])] if spec.get("restartPolicy", "Always") != "Always" else []),
    ]


def _old_config(pod: Document) -> list[str]:
    """What runs with config as it was before an edit, and what would change that."""
    conditions = pod.get("status", {}).get("conditions", [])
    told = [c["message"] for c in conditions if c["type"] == CONFIG_CURRENT and c["status"] != "True"]
    if not told:
        return []
    lines: list[str] = told[0].split("; ")
    meta = pod["metadata"]
    if len(restart_kinds(meta.get("annotations") or {})) < len(RESTARTS):
        where = f" -n {meta['namespace']}" if meta.get("namespace", "default") != "default" else ""
        lines.append("an environment and a subPath follow when the container is made anew: edit its spec, run")
        lines.append(
            f"`orchestrator delete pod {meta['name']}{where}`, or let every edit of config do it with the annotation"
        )
        lines.append(f"{RESTART_ON_CHANGE}: {','.join(RESTARTS)}")
    return lines


def _conditions(conditions: list[Document]) -> list[str]:
    if not conditions:
        return [f"Conditions:  {NONE}"]
    width = max(len(condition["type"]) for condition in conditions) + 3
    lines = ["Conditions:", "  " + "Type".ljust(width) + "Status"]
    for condition in conditions:
        # What our own condition has to tell stands near the top.
        message = "" if condition["type"] == CONFIG_CURRENT else condition.get("message")
        said = ": ".join(filter(None, (condition.get("reason"), message)))
        lines.append("  " + condition["type"].ljust(width) + condition["status"] + (f"   {said}" if said else ""))
    return lines
