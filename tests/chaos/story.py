"""A pod's life in stages, one for each kind of plan; it writes down what happens to it.

Every stage gives the daemon something to do, says when that is done, and what must then be true (behaviour case D01),
wherever the daemon died meanwhile.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import container

POD, WITNESS = "subject", "witness"
FILE = "subject.yaml"

Document = dict[str, object]


class Story:
    """One daemon with a witness that nothing may ever touch, and the subject, which does what the stages say."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.diary = daemon.home / "diary"
        self.diary.mkdir()
        self._version, self._alias = "1", "one"
        self.daemon.write(json.dumps(_witness()), "witness.yaml")
        self.daemon.write(json.dumps(_config()), "config.yaml")
        self.daemon.start()
        self.daemon.wait_ready(WITNESS)
        self.daemon.stop()
        self.before = self.daemon.life(WITNESS)

    def written(self) -> Counter[str]:
        """What happened in the subject's containers so far, a word each: "start main", "preStop main"."""
        return Counter(self.diary.joinpath("words").read_text().splitlines()) if self._begun() else Counter()

    def _begun(self) -> bool:
        return self.diary.joinpath("words").exists()

    # --- what is done to it ---

    def create(self) -> None:
        """Make it."""
        self._write()

    def edit_container(self) -> None:
        """Change one container's own field."""
        self._version = "2"
        self._write()

    def crash(self) -> None:
        """Kill a container's first process."""
        docker("kill", self.daemon.engine_id(POD, "main"))

    def edit_pod(self) -> None:
        """Change a field of the pod's own."""
        self._alias = "two"
        self._write()

    def delete(self) -> None:
        """Take it away."""
        self.daemon.remove(FILE)

    def _write(self) -> None:
        self.daemon.write(json.dumps(_subject(self.diary, self._version, self._alias)), FILE)

    # --- when that is done ---

    def runs(self) -> None:
        """Wait until it is Ready with what was written last, and nothing of before is left."""
        wanted = f"start main {self._version} {self._alias}"
        self._until(lambda: self.written()[wanted] > 0)
        self.daemon.wait_ready(POD)
        self._until(lambda: sum(one["State"]["Running"] for one in self.daemon.containers(POD)) == 3)

    def runs_again(self) -> None:
        """Wait until its crashed container has been started once more; the edit before it counts as a restart too."""
        self.daemon.wait_pod(POD, lambda pod: restarts(pod) == 2 and is_ready(pod))
        self.runs()

    def is_gone(self) -> None:
        """Wait until nothing of it is left."""
        self.daemon.wait_gone(POD)
        self._until(lambda: not self.daemon.containers(POD))

    def _until(self, holds: Callable[[], bool]) -> None:
        """Look at files and at the engine, which nothing here can follow; in vain when the daemon has died."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert self.daemon.alive(), "the daemon died meanwhile"
            assert time.monotonic() < deadline, f"what was awaited did not come\n{self.daemon.tail()}"
            time.sleep(0.02)

    # --- what is true then ---

    def faults(self, stage: "Stage") -> list[str]:
        """What is not as it must be; [] when all is well."""
        found, written = [], self.written()
        if self.daemon.life(WITNESS) != self.before:
            found.append("the witness was touched")
        running = Counter(
            one["Config"]["Labels"]["orchestrator.dev/container"]
            for one in self.daemon.containers(POD)
            if one["State"]["Running"]
        )
        found += [f"{name} runs {count} times" for name, count in running.items() if count > 1]
        for word, (least, most) in stage.expected.items():
            count = sum(times for line, times in written.items() if line.startswith(word))
            if not least <= count <= most:
                found.append(f'"{word}" happened {count} times, not {least if least == most else f"{least}-{most}"}')
        if stage.name == "delete":
            left = [path for path in (self.daemon.home / "run").rglob("*") if POD in path.name]
            found += [f"{path.name} is left" for path in left]
        return found


@dataclass(frozen=True, slots=True)
class Stage:
    """`expected`: how often, in all of the story so far, a line that begins so may have been written (least, most).

    A hook that was under way when the daemon died may be run again (H05); nothing else ever is.
    """

    name: str
    act: Callable[[Story], None]
    done: Callable[[Story], None]
    expected: dict[str, tuple[int, int]]


def _counts(starts: int, inits: int, sidecars: int, stops: int) -> dict[str, tuple[int, int]]:
    return {
        "start main": (starts, starts),
        "start init": (inits, inits),
        "start sidecar": (sidecars, sidecars),
        "postStart main": (starts, 2 * starts),
        "preStop main": (stops, 2 * stops),
    }


STAGES = (
    Stage("create", Story.create, Story.runs, _counts(1, 1, 1, 0)),
    Stage("edit container", Story.edit_container, Story.runs, _counts(2, 1, 1, 1)),
    Stage("crash", Story.crash, Story.runs_again, _counts(3, 1, 1, 1)),
    Stage("edit pod", Story.edit_pod, Story.runs, _counts(4, 2, 2, 2)),
    Stage("delete", Story.delete, Story.is_gone, _counts(4, 2, 2, 3)),
)


def _config() -> Document:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "subject"}, "stringData": {"key": "value"}}


def _witness() -> Document:
    main = container("exec sleep 100000")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": WITNESS},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [main]},
    }


def _subject(diary: Path, version: str, alias: str) -> Document:
    def note(word: str) -> str:
        return f"echo {word} >> /diary/words"

    def hook(word: str) -> Document:
        return {"exec": {"command": ["sh", "-c", note(word)]}}

    mounts = [{"name": "diary", "mountPath": "/diary"}, {"name": "secret", "mountPath": "/secret"}]
    wait = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"
    main = container(
        f"{note('start main $VERSION ' + alias)}; {wait}",
        env=[{"name": "VERSION", "value": version}],
        lifecycle={"postStart": hook("postStart main"), "preStop": hook("preStop main")},
        readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 1},
        volumeMounts=mounts,
    )
    init = container(note("start init"), "init", volumeMounts=mounts)
    sidecar = container(f"{note('start sidecar')}; {wait}", "sidecar", restartPolicy="Always", volumeMounts=mounts)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD},
        "spec": {
            "terminationGracePeriodSeconds": 30,
            "hostAliases": [{"ip": "127.0.0.9", "hostnames": [alias]}],
            "initContainers": [init, sidecar],
            "containers": [main],
            "volumes": [
                {"name": "diary", "hostPath": {"path": str(diary)}},
                {"name": "secret", "secret": {"secretName": "subject"}},
            ],
        },
    }
