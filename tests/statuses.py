"""What Kubernetes allows a pod's status to be, and in what order: judged on the documents that a reader gets.

The rules are those of the API conventions and of the kubelet (its syncPod and its status manager); each is a line that
says what is wrong.  They hold between any two readings of one pod, also when readings in between were missed.
"""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

PHASES = {
    "Pending": {"Pending", "Running", "Succeeded", "Failed"},
    "Running": {"Running", "Succeeded", "Failed"},
    "Succeeded": {"Succeeded"},
    "Failed": {"Failed"},
}
"""The phases, and those that may follow each."""

WAITING = {
    "ContainerCreating", "PodInitializing", "CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull",
    "InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PostStartHookError",
}  # fmt: skip
TERMINATED = {
    "Completed", "Error", "OOMKilled", "ContainerCannotRun", "StartError", "ContainerStatusUnknown",
}  # fmt: skip
CONDITIONS = {
    "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready", "PodScheduled", "DisruptionTarget",
}  # fmt: skip
OVER = {"Succeeded", "Failed"}


def wrong(pod: Document) -> list[str]:
    """What no pod's status may be."""
    return [*_pod(pod), *_conditions(pod), *(text for each in _all(pod) for text in _container(pod, each))]


def wrong_step(before: Document, after: Document) -> list[str]:
    """What may not follow: two readings of one pod (the same uid), the second one later."""
    return [*_pod_step(before, after), *_condition_steps(before, after), *_container_steps(before, after)]


def wrong_last(pod: Document) -> list[str]:
    """What the last reading of a pod that is deleted may not be: the kubelet tells how it ended before it goes."""
    unscheduled = any(
        c["type"] == "PodScheduled" and c["status"] == "False" for c in pod["status"].get("conditions", [])
    )
    if unscheduled or not pod["status"].get("containerStatuses") or pod["status"]["phase"] in OVER:
        return []
    return [f"it is gone, and was {pod['status']['phase']}"]


def _all(pod: Document) -> list[Document]:
    status = pod["status"]
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _pod(pod: Document) -> Iterator[str]:
    spec, status, meta = pod["spec"], pod["status"], pod["metadata"]
    phase = status.get("phase")
    if phase not in PHASES:
        yield f"phase {phase!r}"
    apps = status.get("containerStatuses", [])
    for key, declared in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        names = [each["name"] for each in status.get(key, [])]
        current = status.get("observedGeneration") == meta.get("generation")
        if names and current and names != [each["name"] for each in spec.get(declared, [])]:
            yield f"{key} are of {names}"
    if phase in OVER:
        yield from (f"{phase}, and {each['name']} runs" for each in _all(pod) if "running" in each["state"])
    if phase == "Succeeded":
        codes = {each["name"]: each["state"].get("terminated", {}).get("exitCode") for each in apps}
        if set(codes.values()) != {0}:
            yield f"Succeeded with exit codes {codes}"
    if phase == "Running" and not status.get("startTime"):
        yield "Running without a startTime"
    ips = [each["ip"] for each in status.get("podIPs", [])]
    if ips[:1] != ([status["podIP"]] if status.get("podIP") else []):
        yield f"podIP {status.get('podIP')}, podIPs {ips}"
    if status.get("observedGeneration", 0) > meta.get("generation", 0):
        yield f"generation {meta.get('generation')}, and {status['observedGeneration']} is observed"


def _conditions(pod: Document) -> Iterator[str]:
    listed = pod["status"].get("conditions", [])
    types = [each["type"] for each in listed]
    if len(set(types)) < len(types) or not {name for name in types if "/" not in name} <= CONDITIONS:
        yield f"conditions {types}"
    for each in listed:
        if each["status"] not in ("True", "False"):
            yield f"{each['type']} is {each['status']}"
        if each.get("observedGeneration", 0) > pod["metadata"].get("generation", 0):
            yield f"{each['type']} is of generation {each['observedGeneration']}"
        if not each.get("observedGeneration"):
            yield f"{each['type']} is of no generation"
        if not each.get("lastTransitionTime"):
            yield f"{each['type']} has no lastTransitionTime"
    is_true = {each["type"]: each["status"] == "True" for each in listed}
    needs = (("Ready", "ContainersReady"), ("Ready", "PodReadyToStartContainers"), ("ContainersReady", "Initialized"))
    yield from (f"{one} without {other}" for one, other in needs if is_true.get(one) and not is_true.get(other))
    undone = _uninitialized(pod)
    if "Initialized" in is_true and is_true["Initialized"] == bool(undone):
        yield f"Initialized is {is_true['Initialized']}, and {undone} are not done"
    unready = [each["name"] for each in pod["status"].get("containerStatuses", []) if not each["ready"]]
    if is_true.get("ContainersReady") and unready:
        yield f"ContainersReady, and {unready} are not"
    if is_true.get("Ready") and pod["status"].get("phase") != "Running":
        yield f"Ready, and {pod['status'].get('phase')}"
    if is_true.get("Ready") and not (pod["status"].get("podIP") and pod["status"].get("hostIP")):
        yield "Ready without an address"


def _uninitialized(pod: Document) -> list[str]:
    """The kubelet's GeneratePodInitializedCondition: who is not done; nobody counts once a container of the app ran."""
    if any("waiting" not in each["state"] for each in pod["status"].get("containerStatuses", [])):
        return []
    sidecars = {each["name"] for each in pod["spec"].get("initContainers", []) if each.get("restartPolicy") == "Always"}
    told = pod["status"].get("initContainerStatuses", [])
    return [each["name"] for each in told if not each["started" if each["name"] in sidecars else "ready"]]


def _container(pod: Document, status: Document) -> Iterator[str]:
    name, state, last = status["name"], status["state"], status.get("lastState", {})
    if len(state) != 1 or not set(state) <= {"waiting", "running", "terminated"}:
        yield f"{name}: states {sorted(state)}"
    if set(last) - {"terminated"}:
        yield f"{name}: last states {sorted(last)}"
    if "waiting" in state and state["waiting"].get("reason") not in WAITING:
        yield f"{name}: waits for {state['waiting'].get('reason')!r}"
    if "running" in state and not (state["running"].get("startedAt") and status.get("containerID")):
        yield f"{name}: runs without a start or an id"
    if state.get("waiting", {}).get("reason") == "ContainerCreating" and pod["spec"].get("initContainers"):
        yield f"{name}: ContainerCreating, in a pod with init containers"
    for end in (each["terminated"] for each in (state, last) if "terminated" in each):
        yield from _end(name, end)
    is_init = name in {each["name"] for each in pod["spec"].get("initContainers", [])}
    done = is_init and state.get("terminated", {}).get("exitCode") == 0
    if status["ready"] and "running" not in state and not done:
        yield f"{name}: ready, and {sorted(state)}"
    if status.get("started") and "running" not in state:
        yield f"{name}: started, and {sorted(state)}"
    if "running" in state and status["ready"] and not status.get("started"):
        yield f"{name}: ready, and not started"
    if status["restartCount"] < 0 or ("running" in state and status["restartCount"] and "terminated" not in last):
        yield f"{name}: restarted {status['restartCount']} times, and had no end"


def _end(name: str, end: Document) -> Iterator[str]:
    if end.get("reason") not in TERMINATED:
        yield f"{name}: ended with {end.get('reason')!r}"
    if (end["exitCode"] == 0) != (end.get("reason") == "Completed"):
        yield f"{name}: {end.get('reason')} with exit code {end['exitCode']}"
    if (end.get("startedAt") or "") > (end.get("finishedAt") or end.get("startedAt") or ""):
        yield f"{name}: ended at {end['finishedAt']}, before it began"


def _pod_step(before: Document, after: Document) -> Iterator[str]:
    (old, was), (new, now) = ((pod["metadata"], pod["status"]) for pod in (before, after))
    if now["phase"] not in PHASES.get(was["phase"], ()):
        yield f"phase {was['phase']} -> {now['phase']}"
    if int(new.get("generation", 0)) < int(old.get("generation", 0)):
        yield f"generation {old['generation']} -> {new.get('generation')}"
    if now.get("observedGeneration", 0) < was.get("observedGeneration", 0):
        yield f"observedGeneration {was['observedGeneration']} -> {now.get('observedGeneration')}"
    for where, one, other in (("startTime", was, now), ("qosClass", was, now), ("creationTimestamp", old, new)):
        if one.get(where) and one[where] != other.get(where):
            yield f"{where} {one[where]} -> {other.get(where)}"
    if old.get("deletionTimestamp") and not new.get("deletionTimestamp"):
        yield "it was being deleted, and is not any more"
    grace = "deletionGracePeriodSeconds"
    if grace in old and new.get(grace, 0) > old[grace]:
        yield f"{grace} {old[grace]} -> {new[grace]}"


def _condition_steps(before: Document, after: Document) -> Iterator[str]:
    was = {each["type"]: each for each in before["status"].get("conditions", [])}
    for each in after["status"].get("conditions", []):
        old = was.get(each["type"])
        if old is None:
            continue
        if each["lastTransitionTime"] < old["lastTransitionTime"]:
            yield f"{each['type']} changed at {old['lastTransitionTime']}, then at {each['lastTransitionTime']}"
    gone = {name for name in was if "/" not in name} - {each["type"] for each in after["status"].get("conditions", [])}
    if gone:
        yield f"conditions {sorted(gone)} are gone"


def _container_steps(before: Document, after: Document) -> Iterator[str]:
    was = {each["name"]: each for each in _all(before)}
    for each in _all(after):
        old = was.get(each["name"])
        if old is None:
            continue
        name, same = each["name"], each.get("containerID") and each["containerID"] == old.get("containerID")
        yield from _ends_step(name, _ends(old), _ends(each), deleted=bool(after["metadata"].get("deletionTimestamp")))
        if each["restartCount"] < old["restartCount"]:
            yield f"{name}: restartCount {old['restartCount']} -> {each['restartCount']}"
        if not same:
            if "running" in old["state"] and "running" in each["state"] and not _counted(old, each, before, after):
                yield f"{name}: another container runs, and nothing was counted"
            continue
        if "terminated" in old["state"] and "running" in each["state"]:
            yield f"{name}: had ended, and runs again"
        if _backs_off(old) and "terminated" in each["state"] and not _is_ending(after):
            yield f"{name}: waited to be restarted, and is told to have ended"
        for key in ("running", "terminated"):
            begun = [state[key].get("startedAt") for state in (old["state"], each["state"]) if key in state]
            if len(begun) == 2 and begun[0] != begun[1]:
                yield f"{name}: startedAt {begun[0]} -> {begun[1]}"


def _backs_off(status: Document) -> bool:
    return bool(status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff")


def _is_ending(pod: Document) -> bool:
    """Whether nothing of it is started any more."""
    ready = [each.get("reason") for each in pod["status"].get("conditions", []) if each["type"] == "Ready"]
    return bool(pod["metadata"].get("deletionTimestamp") or set(ready) & {"PodFailed", "PodCompleted"})


def _ends(status: Document) -> dict[str, Document]:
    """The ends that are told of a container, by its id: of this run, and of the one before."""
    told = (status[state]["terminated"] for state in ("state", "lastState") if "terminated" in status.get(state, {}))
    return {end.get("containerID", ""): end for end in told}


def _ends_step(name: str, was: dict[str, Document], now: dict[str, Document], *, deleted: bool) -> Iterator[str]:
    """An end that was told holds; it gives way to a later one only, and a run is unknown only where none was told."""
    for identity, end in was.items():
        after = now.get(identity, end)
        first, second = ((each["exitCode"], each.get("reason")) for each in (end, after))
        if first != second:
            yield f"{name}: ended with {first}, then with {second}"
    if was and not now:
        yield f"{name}: ended, and nothing is told of it"
    unknown = [identity for identity, end in now.items() if end.get("reason") == "ContainerStatusUnknown"]
    if was and not deleted and not set(unknown) <= set(was):
        yield f"{name}: {unknown} are told to be gone, where {list(was)} had ended"


def _counted(old: Document, new: Document, before: Document, after: Document) -> bool:
    return bool(new["restartCount"] > old["restartCount"]) or before["metadata"]["uid"] != after["metadata"]["uid"]
