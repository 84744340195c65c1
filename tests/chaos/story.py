"""What happens to a few pods under one daemon; they write down what becomes of them.

Each step gives the daemon something to do, another says when that is done.  `faults` is what must then be true
(behaviour case D01), wherever the daemon died meanwhile.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from tests.chaos import cast
from tests.chaos.cast import ASIDE, BRIEF, PATIENT, SUBJECT, WITNESS
from tests.chaos.remains import Living, remains
from tests.e2e.daemon import SECONDS, Daemon
from tests.e2e.host import docker
from tests.e2e.pod_status import is_ready, restarts
from tests.e2e.pods import Document, text

Expected = dict[str, tuple[int, int]]
"""How often a line that begins so may have been written, least and most."""


class Story:
    """One daemon with a witness that nothing may ever touch, and those that the stages are about."""

    def __init__(self, daemon: Daemon, image: str = "IMAGE") -> None:
        """`image` is the patient's: one that has to be pulled, where there is a registry."""
        self.daemon = daemon
        self.diary = daemon.home / "diary"
        self.diary.mkdir()
        self._image = image
        self._version, self._alias = "1", "one"
        self._gone = {SUBJECT}
        """Addresses, and the name of a Service, that are nowhere once nobody has them."""
        self.daemon.write(text(cast.witness()), "witness.yaml")
        self.daemon.write(text(*cast.config("one")), "config.yaml")
        self.daemon.start()
        self.daemon.wait_ready(WITNESS)
        self.daemon.stop()
        self.before = self.daemon.life(WITNESS)

    def written(self) -> Counter[str]:
        """What happened in the containers so far, a word each: "start main", "preStop main"."""
        words = self.diary / "words"
        return Counter(words.read_text().splitlines()) if words.exists() else Counter()

    # --- what is done ---

    def create(self) -> None:
        """Make all."""
        self.daemon.write(text(*cast.around()), "around.yaml")
        self._write()
        self.daemon.write(text(cast.patient(self.diary, self._image)), "patient.yaml")
        self.daemon.write(text(cast.brief(self.diary)), "brief.yaml")

    def edit_container_and_sicken(self) -> None:
        """Change one container's own field; let a liveness probe fail."""
        self._version = "2"
        self._write()
        self._in_patient("rm", cast.WELL)

    def crash_configure_and_limit(self) -> None:
        """Kill a container's first process; edit what another has in its environment; let a pod's deadline pass."""
        docker("kill", self.daemon.engine_id(SUBJECT, "main"))
        self.daemon.write(text(*cast.config("two")), "config.yaml")
        self.daemon.write(text(cast.brief(self.diary, activeDeadlineSeconds=1)), "brief.yaml")

    def edit_pod_and_pause(self) -> None:
        """Change a field of the pod's own; freeze a container from outside."""
        self._alias = "two"
        self._write()
        docker("pause", self.daemon.engine_id(PATIENT, "main"))

    def fill_disk(self) -> None:
        """Let a pod have more on disk than it may."""
        self._in_patient("dd", "if=/dev/zero", "of=/scratch/file", "bs=64k", "count=32")

    def delete(self) -> None:
        """Take all away but the witness."""
        for name in (SUBJECT, PATIENT, BRIEF, "around"):
            self.daemon.remove(f"{name}.yaml")

    def _write(self) -> None:
        self.daemon.write(json.dumps(cast.subject(self.diary, self._version, self._alias)), f"{SUBJECT}.yaml")

    def _in_patient(self, *words: str) -> None:
        docker("exec", self.daemon.engine_id(PATIENT, "main"), *words)

    # --- when that is done ---

    def created(self) -> None:
        """All run."""
        self.subject_runs()
        self._patient_runs(restarted=0, level="one")
        self.daemon.wait_ready(BRIEF, ASIDE)

    def edited_and_healed(self) -> None:
        """The subject is as it was written last, and the patient was restarted."""
        self.subject_runs()
        self._patient_runs(restarted=1, level="one")

    def restarted_configured_and_ended(self) -> None:
        """The subject's crash is its second restart, as the edit was one; the patient has its config; time is up."""
        self.daemon.wait_pod(SUBJECT, lambda pod: restarts(pod) == 2 and is_ready(pod))
        self.subject_runs()
        self._patient_runs(restarted=2, level="two")
        self._has_failed(BRIEF, "DeadlineExceeded", ASIDE)

    def made_anew_and_resumed(self) -> None:
        """The subject is another pod; what was paused counts as ended."""
        self.subject_runs()
        self._patient_runs(restarted=3, level="two")

    def evicted(self) -> None:
        """The patient has failed for good."""
        self._has_failed(PATIENT, "Evicted")

    def all_gone(self) -> None:
        """Nothing is left but the witness."""
        for name, namespace in ((SUBJECT, "default"), (PATIENT, "default"), (BRIEF, ASIDE)):
            self.daemon.wait_gone(name, namespace=namespace)
            self._until(partial(self._has_none, name))

    def subject_runs(self) -> None:
        """Wait until it is Ready with what was written last, and nothing of before is left."""
        wanted = f"start main {self._version} {self._alias}"
        self._until(lambda: self.written()[wanted] > 0)
        self.daemon.wait_ready(SUBJECT)
        self._until(lambda: self._running(SUBJECT) == 3)

    def _patient_runs(self, restarted: int, level: str) -> None:
        self.daemon.wait_pod(PATIENT, lambda pod: restarts(pod) == restarted and is_ready(pod))
        self._until(lambda: self.written()[f"patient start {level}"] > 0 and self._running(PATIENT) == 2)

    def _has_failed(self, name: str, reason: str, namespace: str = "default") -> None:
        self.daemon.wait_pod(name, lambda pod: _end(pod) == ("Failed", reason), namespace)
        self._until(lambda: not self._running(name))

    def _has_none(self, name: str) -> bool:
        return not self.daemon.containers(name)

    def _running(self, name: str) -> int:
        return sum(one["State"]["Running"] and not one["State"]["Paused"] for one in self.daemon.containers(name))

    def _until(self, holds: Callable[[], bool]) -> None:
        """Look at files and at the engine, which nothing here can follow; in vain when the daemon has died."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert self.daemon.alive(), "the daemon died meanwhile"
            assert time.monotonic() < deadline, f"what was awaited did not come\n{self.daemon.tail()}"
            time.sleep(0.02)

    # --- what is true then ---

    def faults(self, expected: Expected) -> list[str]:
        """What is not as it must be; [] when all is well."""
        found = [] if self.daemon.life(WITNESS) == self.before else ["the witness was touched"]
        every = ((one["Config"]["Labels"], one["State"]["Running"]) for one in self.daemon.containers())
        running = Counter(
            f"{of['orchestrator.dev/pod']}/{of['orchestrator.dev/container']}" for of, runs in every if runs
        )
        found += [f"{name} runs {count} times" for name, count in running.items() if count > 1]
        written = self.written()
        for word, (least, most) in expected.items():
            count = sum(times for line, times in written.items() if line.startswith(word))
            if not least <= count <= most:
                found.append(f'"{word}" happened {count} times, not {least if least == most else f"{least}-{most}"}')
        return found + remains(self.daemon, self._living())

    def _living(self) -> Living:
        """Who is there by the API; what they have now is gone as soon as they do not have it any more."""
        pods = self.daemon.client.get("/api/v1/pods")["items"]
        services = self.daemon.client.get("/api/v1/services")["items"]
        here = {pod["status"]["podIP"] for pod in pods if pod["status"].get("podIP")}
        here |= {word for one in services for word in (one["metadata"]["name"], one["spec"]["clusterIP"])}
        self._gone |= here
        if any(pod["metadata"]["name"] == SUBJECT for pod in pods):
            here.add(SUBJECT)
        return Living(
            frozenset(pod["metadata"]["uid"] for pod in pods),
            frozenset(each["metadata"]["namespace"] for each in (*pods, *services)),
            frozenset(self._gone - here),
        )


def _end(pod: Document) -> tuple[str, str]:
    return pod["status"].get("phase", ""), pod["status"].get("reason", "")
