"""Random edits, crashes, troubles of the engine and kills of the daemon, and a ledger of what each must lead to.

The first half has daemons die.  The second is one daemon's life, whose memory, descriptors, threads and tasks are
compared at two moments of rest with the same pods.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.daemon import Daemon
from tests.e2e.front import EngineInFront
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import Document, config_map, container, pod, text

MEMORY_MB = 5.0
"""How much more memory a daemon may have at the end (issue 6)."""
DESCRIPTORS = 3
"""How many connections more may be open at a moment of rest."""
_TASKS = 5
"""How many tasks more may be under way at a moment of rest: a probe, a question of a client."""
_POOL = (os.cpu_count() or 1) + 4
"""Threads for what blocks; they are made when needed, and stay (concurrent.futures.ThreadPoolExecutor)."""
_RUNS = "trap 'exit 0' TERM; sleep 1000000 & wait"
_CHECKED = {"exec": {"command": ["true"]}, "periodSeconds": 3, "timeoutSeconds": 5}
_REST_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Size:
    """What a process has: resident memory in MB, descriptors, threads, asyncio's tasks."""

    memory: float
    descriptors: int
    threads: int
    tasks: int

    @classmethod
    def of(cls, daemon: Daemon) -> "Size":
        """As the kernel, and the daemon's metrics, have it now."""
        assert daemon.process
        # First, so that what is imported for metrics counts at every look.
        metrics = b"".join(daemon.client.stream("/metrics", {})).decode()
        tasks = next(line.split()[1] for line in metrics.splitlines() if line.startswith("orchestrator_tasks "))
        proc = Path("/proc", str(daemon.process.pid))
        pages = int((proc / "statm").read_text().split()[1])
        descriptors, threads = (len(list((proc / name).iterdir())) for name in ("fd", "task"))
        return cls(pages * 4096 / 1e6, descriptors, threads, int(float(tasks)))

    def __str__(self) -> str:
        return f"{self.memory:.1f} MB, {self.descriptors} descriptors, {self.threads} threads, {self.tasks} tasks"

    def fits(self, first: "Size", spare: int) -> bool:
        """Whether it has no more tasks than at an earlier moment of rest, and but `spare` connections."""
        return self.descriptors <= first.descriptors + spare and self.tasks <= first.tasks + _TASKS


@dataclass
class Soak:
    """One daemon and its pods; every third pod is a witness that nothing is ever done to."""

    daemon: Daemon
    front: EngineInFront
    count: int
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    expected: dict[str, int] = field(default_factory=dict)
    """Restarts of each pod that is wanted."""
    editions: Counter[str] = field(default_factory=Counter)
    value: str = ""
    """What every pod has in its file /config/value."""

    def begin(self) -> dict[str, tuple[str, str]]:
        """Bring all pods up; gives the life of the witnesses."""
        self.daemon.start()
        for number in range(self.count):
            self._write(f"soak{number}")
        self.rest()
        return self._witnesses()

    def go_on(self, seconds: float, *, kills: bool) -> None:
        """Let something happen again and again."""
        acts = [self.crash, self.edit, self.relabel, self.configure, self.remove_or_add, self.trouble]
        if kills:
            acts.append(self.kill)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            act = self.chance.choice(acts)
            self.done[act.__name__] += 1
            act()
            # What matters is that things meet in many ways.
            time.sleep(self.chance.choice((0, 0.1, 0.5)))

    def rest(self) -> None:
        """Wait until what is wanted is so."""
        for name, count in self.expected.items():
            self.daemon.wait_pod(
                name,
                lambda p, n=name, c=count: self._is_new(n, p) and is_ready(p) and restarts(p) >= c,
                seconds=_REST_SECONDS,
            )
        until = time.monotonic() + _REST_SECONDS
        while stale := self._stale():
            assert time.monotonic() < until, f"an old ConfigMap is mounted in {stale}"
            time.sleep(0.2)

    def complete(self) -> None:
        """Bring back every pod that was taken away, and rest."""
        for name in self._subjects():
            if name not in self.expected:
                self._write(name)
        self.rest()

    def faults(self, before: dict[str, tuple[str, str]]) -> list[str]:
        """What is not as the ledger says; after a rest."""
        found = []
        if self._witnesses() != before:
            found.append("a pod that nothing was done to has other containers than before")
        shown = self.daemon.client.get(self.daemon.path("pods"))["items"]
        told = {one["metadata"]["name"]: restarts(one) for one in shown}
        if told != self.expected:
            wrong = {name for name in told | self.expected if told.get(name) != self.expected.get(name)}
            found += [f"{name}: {told.get(name)} restarts, not {self.expected.get(name)}" for name in sorted(wrong)]
        runs = sorted(_parts(self.daemon))
        wanted = sorted((name, part, self._hostname(name)) for name in self.expected for part in ("POD", "main"))
        if runs != wanted:
            extra, missing = (sorted(set(one) - set(other)) for one, other in ((runs, wanted), (wanted, runs)))
            found.append(f"what runs is not what is wanted: not wanted {extra}, missing {missing}, {len(runs)} in all")
        if "should not happen" in self.daemon.log.read_text():
            found.append("the log tells of what should not happen")
        return found

    def size_at_rest(self, spare: int, first: Size | None = None) -> Size:
        """The daemon's size when idle connections are closed: as soon as it fits the first one."""
        until = time.monotonic() + 30
        while not (size := Size.of(self.daemon)).fits(first or size, spare) and time.monotonic() < until:
            time.sleep(0.2)
        return size

    # --- what happens ---

    def crash(self) -> None:
        """A container's process dies."""
        if name := self._calm():
            docker("kill", self.daemon.engine_id(name, "main"))
            self.expected[name] += 1

    def edit(self) -> None:
        """The pod is another one from now on."""
        if name := self._calm():
            self.editions[name] += 1
            self._write(name)

    def relabel(self) -> None:
        """An edit that touches nothing that runs."""
        if name := self._calm():
            self._write(name, restarts=self.expected[name], tint=str(self.chance.random()))

    def configure(self) -> None:
        """An edit of what all pods have mounted."""
        self.value = str(self.chance.random())
        self.daemon.write(text(config_map("soak", value=self.value)), "config.yaml")

    def remove_or_add(self) -> None:
        """A pod goes, or one that went comes back."""
        gone = [name for name in self._subjects() if name not in self.expected]
        if gone and self.chance.random() < 0.7:
            self._write(gone[0])
        elif name := self._calm():
            self.daemon.remove(f"{name}.yaml")
            del self.expected[name]
            # One that comes back before its end may go on as it was: that would be another ledger.
            self.daemon.wait_gone(name)

    def trouble(self) -> None:
        """The engine is ill for a while."""
        front = self.front
        ills = (front.go, front.freeze, front.ill, front.short, front.cut_events, front.deafen, lambda: front.slow(1.0))
        self.chance.choice(ills)()
        time.sleep(self.chance.uniform(0.2, 2))
        front.come()

    def kill(self) -> None:
        """The daemon dies, and comes back."""
        self.daemon.kill()
        time.sleep(self.chance.choice((0, 0.5)))
        self.daemon.start()

    # --- the ledger ---

    def _subjects(self) -> list[str]:
        return [f"soak{number}" for number in range(self.count) if number % 3]

    def _calm(self) -> str:
        """A pod that is as the ledger says, so that the next thing that happens to it can be told apart; "" without."""
        shown = {one["metadata"]["name"]: one for one in self.daemon.client.get(self.daemon.path("pods"))["items"]}
        calm = [
            name
            for name in self._subjects()
            if name in self.expected
            and name in shown
            and is_ready(shown[name])
            and restarts(shown[name]) == self.expected[name]
            and self._is_new(name, shown[name])
        ]
        return self.chance.choice(calm) if calm else ""

    def _is_new(self, name: str, shown: Document) -> bool:
        """Whether a pod is the last edition of its name."""
        meta: Document = shown["metadata"]
        return shown["spec"].get("hostname") == self._hostname(name) and "deletionTimestamp" not in meta

    def _stale(self) -> list[str]:
        """Containers in which an older value of the ConfigMap is mounted."""
        folders = {
            one["Name"]: Path(mount["Source"])
            for one in self.daemon.containers()
            for mount in one["Mounts"]
            if mount["Destination"] == "/config" and one["State"]["Running"]
        }
        return [name for name, folder in folders.items() if (folder / "value").read_text() != self.value]

    def _witnesses(self) -> dict[str, tuple[str, str]]:
        subjects = self._subjects()
        return {name: life for name, life in self.daemon.life().items() if name.partition("/")[0] not in subjects}

    def _hostname(self, name: str) -> str:
        return f"{name}-{self.editions[name]}"

    def _write(self, name: str, *, restarts: int = 0, tint: str = "") -> None:
        self.expected[name] = restarts
        if not (self.daemon.specs / "config.yaml").exists():
            self.configure()
        self.daemon.write(text(self._pod(name, tint)), f"{name}.yaml")

    def _pod(self, name: str, tint: str) -> Document:
        checks = {"livenessProbe": {**_CHECKED, "failureThreshold": 5}} if name.endswith("0") else {}
        mounts = [{"name": "config", "mountPath": "/config"}]
        main = container(_RUNS, volumeMounts=mounts, readinessProbe=_CHECKED if name.endswith("5") else None, **checks)
        volumes = [{"name": "config", "configMap": {"name": "soak"}}]
        return pod(name, main, labels={"tint": tint}, volumes=volumes, hostname=self._hostname(name))


def _parts(daemon: Daemon) -> Iterator[tuple[str, str, str]]:
    """Each running container: its pod, its name in the pod, its pod's hostname."""
    running = [one for one in daemon.containers() if one["State"]["Running"]]
    hostnames = {one["Id"]: one["Config"]["Hostname"] for one in running}
    for one in running:
        labels, joined = one["Config"]["Labels"], one["HostConfig"]["NetworkMode"].partition("container:")[2]
        pod, part = (labels[f"orchestrator.dev/{word}"] for word in ("pod", "container"))
        yield pod, part, hostnames.get(joined or one["Id"], "")


def soak(
    daemon: Daemon, front: EngineInFront, *, seconds: float, pods: int, seed: int, spare: int = DESCRIPTORS
) -> tuple[list[str], str]:
    """Run all of it; gives what is wrong in the end, and the figures.  `spare` connections may stay open."""
    run = Soak(daemon, front, pods, random.Random(seed))
    witnesses = run.begin()
    run.go_on(seconds * 0.5, kills=True)
    run.rest()
    faults = run.faults(witnesses)
    run.kill()
    # A daemon that has done each kind of thing once has all that it imports late.
    run.go_on(seconds * 0.15, kills=False)
    run.complete()
    first = run.size_at_rest(spare)
    run.go_on(seconds * 0.35, kills=False)
    run.complete()
    last = run.size_at_rest(spare, first)
    faults += run.faults(witnesses)
    if last.memory > first.memory + MEMORY_MB:
        faults.append(f"memory grew by {last.memory - first.memory:.1f} MB")
    if not last.fits(first, spare) or last.threads > first.threads + _POOL:
        faults.append("descriptors, threads or tasks grew")
    happened = ", ".join(f"{count} {what}" for what, count in sorted(run.done.items()))
    return faults, f"seed {seed}; {happened}\nfrom {first}\n  to {last}"
