"""Why a pod is not well, in a few lines for a person (behaviour case L13).  Pure.

Of each container that is held up: its state and what it waits for, with the back-off that is left; how its last run
ended; what its last probe or hook said.  Containers that wait for the same are told together.
"""

import re
from collections.abc import Iterator

from orchestrator.api.ages import age, human_duration
from orchestrator.cli.documents import Document
from orchestrator.cli.event_text import last_seen, since_text, sort_events
from orchestrator.objects.annotations import CONFIG_CURRENT
from orchestrator.objects.times import parse_time

MOST = 10
"""Lines in all: what comes first is what holds up the rest."""
_SAID = 5
"""Lines of what a probe, a hook or a run said, the last ones."""
_SIGNS = ("Unhealthy", "FailedPostStartHook", "FailedPreStopHook")
_STEPS = ("FailedMount", "FailedCreatePodSandBox", "Pulling", "Pulled", "Created", "Started")
_BACK_OFF = re.compile(r"^back-off (?:(\d+)m)?(\d+)s ")

Group = tuple[list[str], list[str]]
"""Containers by name, and what is told of all of them."""


def why_not_well(pod: Document, events: list[Document], now: float, engine_error: str = "") -> list[str]:
    """Give at most `MOST` lines; none when the pod is well.  `events` are its own, `now` is in Unix seconds.

    `engine_error` is why the engine does not answer: then nothing that is shown is new.
    """
    away = [f"{engine_error}; what is shown is from before"] if engine_error else []
    status = pod.get("status", {})
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    if ready or status.get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return away
    lines = []
    for names, (first, *rest) in _Look(pod, events, now).groups():
        lines += [f"{', '.join(names)}: {first}", *(f"  {line}" for line in rest)]
    if not lines and status.get("phase") == "Failed" and status.get("reason"):
        lines = [": ".join(filter(None, (status["reason"], status.get("message", "").strip())))]
    if not lines:
        lines = [f"{c['type']}: {c['message']}" for c in status.get("conditions", []) if _is_telling(c)]
    return [*away, *lines][:MOST]


def _is_telling(condition: Document) -> bool:
    of_running = condition["type"] == CONFIG_CURRENT
    return condition["status"] != "True" and bool(condition.get("message")) and not of_running


class _Look:
    """One pod at one moment."""

    def __init__(self, pod: Document, events: list[Document], now: float) -> None:
        spec, status = pod["spec"], pod.get("status", {})
        self._now = now
        self._events = sort_events(events)
        self._init = status.get("initContainerStatuses", [])
        self._statuses = [*self._init, *status.get("containerStatuses", [])]
        self._specs = {c["name"]: c for c in (*spec.get("initContainers", []), *spec["containers"])}
        self._meta = pod["metadata"]
        self._failed = status.get("phase") == "Failed"

    def groups(self) -> list[Group]:
        """What is told, the init containers first; neighbours of which the same is told stand together."""
        found: list[Group] = []
        for status in self._statuses:
            lines = self._lines(status)
            if found and found[-1][1] == lines:
                found[-1][0].append(status["name"])
            elif lines:
                found.append(([status["name"]], lines))
        return found

    def _lines(self, status: Document) -> list[str]:
        state, last = status.get("state", {}), status.get("lastState", {}).get("terminated")
        if waiting := state.get("waiting"):
            if self._failed:
                # It waits for nothing any more.
                return []
            lines = [self._waiting(status, waiting, last)]
        elif over := state.get("terminated"):
            if not over.get("exitCode"):
                return []
            return [*self._ended(status, "ended", over), *self._said(status["name"], over.get("startedAt", ""))]
        elif status.get("ready") or not state:
            return []
        else:
            lines = [self._not_ready(status, state.get("running", {}))]
        told = self._ended(status, "its last run ended", last) if last else []
        since = state.get("running", {}).get("startedAt") or (last or {}).get("startedAt", "")
        return [*lines, *told, *self._said(status["name"], since)]

    # --- the state ---

    def _waiting(self, status: Document, waiting: Document, last: Document | None) -> str:
        reason, message = waiting.get("reason", ""), waiting.get("message", "").split("\n")[0]
        first = next((s["name"] for s in self._init if not s.get("started" if self._is_sidecar(s) else "ready")), "")
        match reason:
            case "CrashLoopBackOff" if last:
                return f"CrashLoopBackOff: {self._back_off_left(message, last)}"
            case "PodInitializing" if first and first != status["name"]:
                return f"waits for init container {first}"
            case "ContainerCreating" | "PodInitializing" if not message:
                return f"{reason}: {self._creating(status)}"
            case "CreateContainerConfigError" if " not found" in message or "couldn't find key" in message:
                return f"{reason}: {message} (it starts by itself once that is there)"
            case "ErrImagePull" | "ImagePullBackOff":
                return f"{reason}: {message}{self._pulls(status['name'])}"
        return ": ".join(filter(None, (reason, message))) or "waiting"

    def _is_sidecar(self, init: Document) -> bool:
        return bool(self._specs.get(init["name"], {}).get("restartPolicy") == "Always")

    def _back_off_left(self, message: str, last: Document) -> str:
        found = _BACK_OFF.match(message)
        if found is None or not last.get("finishedAt"):
            return message
        whole = int(found[1] or 0) * 60 + int(found[2])
        left = parse_time(last["finishedAt"]) + whole - self._now
        when = f"starts again in {human_duration(left)}" if left >= 1 else "starts again now"
        return f"{when} (back-off {human_duration(whole)})"

    def _creating(self, status: Document) -> str:
        """What is under way: the newest step that an Event tells of."""
        steps = [e for e in self._events if e["reason"] in _STEPS and _about(e) in ("", status["name"])]
        newest = steps[-1] if steps else {"reason": ""}
        match newest["reason"]:
            case "FailedMount" | "FailedCreatePodSandBox":
                return _flat(newest)
            case "Pulling":
                return f"{_flat(newest)} for {age(last_seen(newest), self._now)}"
        if status.get("containerID") and "postStart" in self._specs.get(status["name"], {}).get("lifecycle", {}):
            return "its postStart hook is running"
        return "it is being made"

    def _pulls(self, name: str) -> str:
        pulls = [e for e in self._events if e["reason"] == "Pulling" and _about(e) == name]
        return f"; last try {self._ago(pulls[-1])}" if pulls else ""

    def _not_ready(self, status: Document, running: Document) -> str:
        spec = self._specs.get(status["name"], {})
        since = f"running for {age(running.get('startedAt', ''), self._now)}"
        if any(status is each for each in self._init) and not self._is_sidecar(status):
            return f"{since}, an init container: it has to end before others start"
        if "startupProbe" in spec and not status.get("started"):
            return f"{since}, not started: its startup probe has not passed yet"
        if "readinessProbe" in spec:
            return f"{since}, not ready: its readiness probe does not pass"
        return f"{since}, not ready"

    # --- how it came to it ---

    def _ended(self, status: Document, title: str, over: Document) -> list[str]:
        ago = f" {age(over['finishedAt'], self._now)} ago" if over.get("finishedAt") else ""
        code, reason = over.get("exitCode", 0), over.get("reason", "")
        message = [line for line in over.get("message", "").split("\n") if line.strip()][-_SAID:]
        first = f"{title}{ago} with exit code {code}" + (f" ({reason})" if reason else "")
        if not message and reason == "Error":
            return [f"{first}; its output: {self._logs_command(status)}"]
        if len(message) == 1:
            return [f"{first}: {message[0].strip()}"]
        return [first, *(f"  {line.rstrip()}" for line in message)]

    def _logs_command(self, status: Document) -> str:
        words = ["orchestrator", "logs", self._meta["name"], "-c", status["name"]]
        words += ["-n", self._meta["namespace"]] if self._meta.get("namespace", "default") != "default" else []
        return " ".join([*words, "-p"] if "running" in status.get("state", {}) else words)

    def _said(self, name: str, since: str) -> Iterator[str]:
        """The last failure of a probe or a hook of the run that began at `since`, with the end of its output."""
        signs = [e for e in self._events if e["reason"] in _SIGNS and _about(e) == name and last_seen(e) >= since]
        if signs:
            first, *rest = [line.rstrip() for line in signs[-1].get("message", "").split("\n") if line.strip()]
            yield f"{self._ago(signs[-1])}: {first}"
            yield from (f"  {line}" for line in rest[1 - _SAID :])

    def _ago(self, event: Document) -> str:
        since, space, times = since_text(event, self._now).partition(" ")
        return f"{since} ago{space}{times}"


def _about(event: Document) -> str:
    """The container that an Event is about, "" for the whole pod."""
    _, _, name = event.get("involvedObject", {}).get("fieldPath", "").partition("{")
    return str(name.rstrip("}"))


def _flat(event: Document) -> str:
    return " ".join(event.get("message", "").split())
