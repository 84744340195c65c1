"""What the daemon is doing, as one frozen picture, and the lines that tell what changed between two of them.  Pure but
for `take`, which asks the daemon.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.cli.client import Client
from orchestrator.cli.documents import Document
from orchestrator.cli.event_text import last_seen, sort_events
from orchestrator.cli.problems import errors
from orchestrator.cli.pulls import PullLine, pull_lines
from orchestrator.printable import unsteered

WARNINGS = 5


@dataclass(frozen=True, slots=True)
class PodLine:
    """One pod, in the table's words."""

    namespace: str
    name: str
    ready: str
    status: str
    restarts: str
    age: str
    succeeded: bool = False
    """Its phase is Succeeded.  The column Status cannot tell: a container that will be restarted is Completed too."""

    @property
    def settled(self) -> bool:
        """Say whether there is nothing to wait for: all its containers are ready, or it has succeeded."""
        have, _slash, wanted = self.ready.partition("/")
        return self.succeeded or (self.status == "Running" and have == wanted)

    @property
    def state(self) -> str:
        """What a plain line says: "1/1 Running", with restarts where there were any."""
        count = self.restarts.split(" ")[0]
        word = "restart" if count == "1" else "restarts"
        return f"{self.ready} {self.status}" + (f", {count} {word}" if count not in ("", "0") else "")


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning, and the object that it is about."""

    namespace: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The daemon at one moment."""

    pods: tuple[PodLine, ...]
    problems: tuple[str, ...]
    warnings: tuple[Warned, ...]
    engine_error: str
    syncing: bool
    pulls: tuple[PullLine, ...] = ()
    config: tuple[tuple[str, str], ...] = ()
    """ConfigMaps and Secrets with their versions: ("configmap default/page", "17")."""

    @property
    def settled(self) -> bool:
        """Say whether the folder is in force and nothing is left to wait for."""
        return not self.syncing and not self.engine_error and all(pod.settled for pod in self.pods)

    def rows(self, room: int) -> tuple[PodLine, ...]:
        """Give the pods to draw in `room` lines: all where they fit or are the end's, else the ones awaited first."""
        if self.settled or len(self.pods) <= room:
            return self.pods
        return tuple(sorted(self.pods, key=lambda pod: pod.settled)[: max(room - 1, 0)])

    @property
    def open_warnings(self) -> tuple[Warned, ...]:
        """The warnings that matter still: not those of pods that are well by now."""
        well = {(pod.namespace, pod.name) for pod in self.pods if pod.settled}
        return tuple(each for each in self.warnings if (each.namespace, each.name) not in well)


def take(client: Client, since: str) -> Picture:
    """Ask the daemon; only warnings from `since` (RFC 3339) on are shown, the newest last."""
    status = client.status()
    table = client.get("/api/v1/pods", {"includeObject": "Object"}, table=True)
    events = client.get("/api/v1/events", {"fieldSelector": "type=Warning"})["items"]
    recent = sort_events(event for event in events if last_seen(event) >= since)
    return Picture(
        pods=tuple(_pod(row) for row in table["rows"]),
        problems=tuple(errors(status)),
        warnings=tuple(map(_warning, recent[-WARNINGS:])),
        engine_error=unsteered(status["engine"]["error"]),
        syncing=status["syncing"],
        pulls=pull_lines(status),
        config=(*_versions(client, "configmap"), *_versions(client, "secret")),
    )


def changes(before: Picture | None, after: Picture) -> list[str]:
    """Give one line for everything that is new in `after`."""
    known = {(pod.namespace, pod.name): pod for pod in before.pods} if before else {}
    lines = []
    for pod in after.pods:
        old = known.pop((pod.namespace, pod.name), None)
        if old is None or old.state != pod.state:
            lines.append(f"{pod.namespace}/{pod.name}  {pod.state}")
    lines += [f"{namespace}/{name}  gone" for namespace, name in known]
    versions = dict(before.config) if before else {}
    lines += [f"{what}  changed" for what, version in after.config if versions.get(what, version) != version]
    steps = {pull.image: pull.step for pull in before.pulls} if before else {}
    lines += [f"pulling {pull.image}: {pull.summary}" for pull in after.pulls if pull.step > steps.get(pull.image, 0)]
    if after.engine_error and (before is None or before.engine_error != after.engine_error):
        lines.append(after.engine_error)
    lines += [f"specs: {text}" for text in after.problems if before is None or text not in before.problems]
    if before and before.problems and not after.problems:
        lines.append("specs: nothing is wrong any more")
    lines += [f"warning: {each.text}" for each in after.warnings if before is None or each not in before.warnings]
    return lines


def _pod(row: Document) -> PodLine:
    name, ready, status, restarts, age = (unsteered(str(cell)) for cell in row["cells"][:5])
    pod = row["object"]
    succeeded = pod["status"].get("phase") == "Succeeded"
    return PodLine(pod["metadata"].get("namespace", ""), name, ready, status, restarts, age, succeeded)


def _versions(client: Client, kind: str) -> Iterator[tuple[str, str]]:
    for row in client.get(f"/api/v1/{kind}s", table=True)["rows"]:
        meta = row["object"]["metadata"]
        yield f"{kind} {meta['namespace']}/{meta['name']}", meta["resourceVersion"]


def _warning(event: Document) -> Warned:
    about = event["involvedObject"]
    first, _, _ = event.get("message", "").partition("\n")
    text = unsteered(f"{about['kind'].lower()}/{about['name']}  {event['reason']}: {first}")
    return Warned(event["metadata"].get("namespace", ""), about["name"], text)
