"""A real daemon on a real engine, as a user runs it: a process, a folder of specs, a socket, the command line.

Nothing here sleeps: `wait_for` follows the API's watch, and looks at each new state of an object as it comes.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.cli.client import Client
from orchestrator.errors import OrchestratorError
from orchestrator.objects import registry
from tests.e2e.host import clear, docker, pool_of
from tests.e2e.pod_status import is_ready
from tests.e2e.reader import Reader

Document = dict[str, Any]

POOLS: set[str] = set()
"""The ranges of all daemons of this session."""
SECONDS = 60.0
"""How long a test waits for what must come; far more than it takes."""


class Daemon:
    """One instance in a folder of its own.  `stop` and `kill` leave pods running, `down` takes everything away."""

    def __init__(self, home: Path, image: str, *arguments: str, reads: bool = True) -> None:
        """`reads`: a reader of all its pods judges what it is told."""
        self.home = home
        self.image = image
        self.specs = home / "specs"
        self.specs.mkdir()
        self.instance = f"t{uuid.uuid4().hex[:8]}"
        self.pool = pool_of(self.instance)
        POOLS.add(self.pool)
        self.log = home / "daemon.log"
        self.socket = home / "run" / "orchestrator.sock"
        self.client = Client(self.socket)
        self.arguments = arguments
        self.environment: dict[str, str] = {}
        """What the daemon's process is given besides this one's."""
        self.docker_client: tuple[str, ...] = ("docker",)
        """The client of its engine."""
        self.process: subprocess.Popen[bytes] | None = None
        self.reader: Reader | None = None
        self._reads = reads

    # --- the process ---

    def command(self, *more: str) -> list[str]:
        """The command line that runs it."""
        folders = ("--state-dir", self.home / "state", "--run-dir", self.home / "run", "--instance", self.instance)
        fast = ("--backoff-base", "1", "--backoff-max", "4", "--empty-folder-delay", "2", "--log-level", "debug")
        own = ("--pool", self.pool, *self.arguments, *more)
        words = (sys.executable, "-m", "orchestrator", "run", self.specs, *folders, *fast, *own)
        return [str(word) for word in words]

    def start(self, *more: str) -> "Daemon":
        """Start it and wait until the folder is applied and the socket answers."""
        return self.launch(*more)._wait_until(lambda status: not status["syncing"])

    def start_waiting(self, *more: str) -> "Daemon":
        """Start it where it waits before it applies its folder, and until the socket answers."""
        return self.launch(*more)._wait_until(lambda status: bool(status["syncing"] and status["problems"]))

    def launch(self, *more: str) -> "Daemon":
        """Start it, and wait for nothing."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(*more),
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )
        if self.reader is None and self._reads:
            self.reader = Reader(Client(self.socket))
        return self

    def _wait_until(self, holds: Callable[[Document], bool]) -> "Daemon":
        assert self.process
        deadline = time.monotonic() + SECONDS
        while not self._answers(holds):
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the daemon does not answer:\n{self.tail()}")
        return self

    def _answers(self, holds: Callable[[Document], bool]) -> bool:
        try:
            return holds(self.client.status())
        except OrchestratorError:
            # The socket's file is not there yet; there is nothing to await it by.
            time.sleep(0.02)
            return False

    def run_to_end(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run it where it must end by itself (a start that fails); gives exit code and both outputs."""
        return subprocess.run(self.command(*more), capture_output=True, text=True, timeout=SECONDS)

    def stop(self) -> int:
        """SIGTERM; gives the exit code.  Pods go on running."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL: no chance to tidy up."""
        code = self._end(signal.SIGKILL)
        if self.reader:
            self.reader.killed()
        return code

    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself in this time."""
        assert self.process
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return not self.alive()

    def wait_end(self) -> int:
        """Wait until it has ended by itself; gives the exit code, minus the signal's number."""
        assert self.process
        code = self.process.wait(SECONDS)
        self.process = None
        if self.reader:
            self.reader.killed()
        return code

    def new_reader(self) -> None:
        """Judge what was told so far; what comes from now on need not follow from it."""
        if self.reader:
            self.reader.stop()
            self.check()
            self.reader = None

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(SECONDS)
        finally:
            # One that does not end fails the test; it must not go on making what is cleared away after it.
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def down(self) -> None:
        """Leave nothing in the engine and on the host; safe whatever state the test left it in."""
        try:
            self.stop()
        finally:
            if self.reader:
                self.reader.stop()
            if (self.home / "state").exists():
                clear(self.instance, self.home)
        self.check()

    def check(self) -> None:
        """Fail when a reader of its pods was ever told what Kubernetes does not allow."""
        wrong = self.reader.wrong() if self.reader else []
        assert not wrong, "\n".join(wrong)

    def tail(self, lines: int = 40) -> str:
        """The end of its log, for a failure's message."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # --- the folder ---

    def write(self, text: str, name: str = "test.yaml") -> Path:
        """Write a spec file as careful editors do (rename); `IMAGE` stands for the test image."""
        path = self.specs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.fresh")
        fresh.write_text(textwrap.dedent(text).replace("IMAGE", self.image))
        fresh.rename(path)
        return path

    def remove(self, name: str = "test.yaml") -> None:
        """Remove a spec file."""
        (self.specs / name).unlink()

    # --- what the API tells ---

    def path(self, plural: str, name: str = "", namespace: str = "default") -> str:
        """The URL of a resource, or of all of its kind."""
        version = next(row.api_version for row in registry.TABLE if row.plural == plural)
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{root}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")

    def get(self, plural: str, name: str, namespace: str = "default") -> Document:
        """One object."""
        return self.client.get(self.path(plural, name, namespace))

    def pod(self, name: str, namespace: str = "default") -> Document:
        """One pod."""
        return self.get("pods", name, namespace)

    def events(self, name: str, reason: str = "", namespace: str = "default") -> list[Document]:
        """The Events about an object, oldest first; those of one reason."""
        query = {"fieldSelector": f"involvedObject.name={name}"}
        items: list[Document] = self.client.get(self.path("events", namespace=namespace), query)["items"]
        return [item for item in items if reason in ("", item["reason"])]

    def wait_for(
        self,
        plural: str,
        name: str,
        holds: Callable[[Document], bool],
        namespace: str = "default",
        seconds: float = SECONDS,
    ) -> Document:
        """Follow an object until `holds`; gives the object then.  AssertionError with what it last was."""
        last: Document = {}
        query = {"fieldSelector": f"metadata.name={name}", "sendInitialEvents": "true"}
        for event in self._watch(plural, namespace, query, seconds):
            if event["type"] in ("ADDED", "MODIFIED"):
                last = event["object"]
                if holds(last):
                    return last
        shown = json.dumps(last.get("status", last), indent=1)[:3000]
        raise AssertionError(f"{plural}/{name} did not come to what was awaited; it is {shown}\n{self.tail()}")

    def wait_pod(
        self, name: str, holds: Callable[[Document], bool], namespace: str = "default", seconds: float = SECONDS
    ) -> Document:
        """Follow a pod until `holds`."""
        return self.wait_for("pods", name, holds, namespace, seconds)

    def wait_ready(self, name: str, namespace: str = "default") -> Document:
        """Follow a pod until it is Ready."""
        return self.wait_pod(name, is_ready, namespace)

    def wait_event(self, name: str, reason: str, namespace: str = "default", text: str = "") -> Document:
        """Wait for an Event about an object, whose message contains `text`."""
        query = {"fieldSelector": f"involvedObject.name={name}", "sendInitialEvents": "true"}
        for event in self._watch("events", namespace, query, SECONDS):
            found: Document = event["object"]
            if event["type"] != "BOOKMARK" and found["reason"] == reason and text in found["message"]:
                return found
        seen = [f"{e['reason']}: {e['message']}" for e in self.events(name, namespace=namespace)]
        raise AssertionError(f"no Event {reason} about {name}; there are {seen}\n{self.tail()}")

    def wait_gone(self, name: str, plural: str = "pods", namespace: str = "default") -> None:
        """Follow an object until it is gone."""
        version = self.client.get(self.path(plural, namespace=namespace))["metadata"]["resourceVersion"]
        if self._absent(plural, name, namespace):
            return
        query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": version}
        for event in self._watch(plural, namespace, query, SECONDS):
            if event["type"] == "DELETED":
                return
        raise AssertionError(f"{plural}/{name} is still there\n{self.tail()}")

    def wait_problem(self, text: str) -> Document:
        """Wait until the folder's problems mention `text`; "" waits until there is none."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            status = self.client.status()
            messages = [f"{p['place']}: {p['message']}" for p in status["problems"]]
            if (not text and not messages) or (text and any(text in message for message in messages)):
                return status
            # The daemon's own state has no watch; each look is a round trip.
            time.sleep(0.02)
        raise AssertionError(f"no problem that mentions {text!r}\n{self.tail()}")

    def wait_engine_error(self, text: str) -> None:
        """Wait until what the daemon says of its engine mentions `text`; "" waits until all is well."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            error = self.client.status()["engine"]["error"]
            if (text in error) if text else not error:
                return
            time.sleep(0.02)
        raise AssertionError(f"the daemon does not say {text!r} of its engine\n{self.tail()}")

    def _absent(self, plural: str, name: str, namespace: str) -> bool:
        items = self.client.get(self.path(plural, namespace=namespace))["items"]
        return all(item["metadata"]["name"] != name for item in items)

    def _watch(self, plural: str, namespace: str, query: dict[str, str], seconds: float) -> Iterator[Document]:
        """Watch events until `seconds` are over; the server ends the stream."""
        more = {"timeoutSeconds": str(max(int(seconds), 1))}
        yield from self.client.watch(self.path(plural, namespace=namespace), query | more)

    # --- the command line ---

    def cli(self, *words: str, code: int | None = 0, stdin: str | None = None) -> str:
        """Run `orchestrator ...` as a user does; gives its standard output.  `code` None accepts any exit code."""
        done = self.run_cli(*words, stdin=stdin)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}\n{self.tail()}")
        return done.stdout

    def cli_until(self, holds: Callable[[str], bool], *words: str) -> str:
        """Run `orchestrator ...` until its output `holds`: what passes in seconds may be over when a command looks."""
        deadline = time.monotonic() + SECONDS
        while not holds(shown := self.cli(*words)):
            assert time.monotonic() < deadline, f"{words} never showed what was awaited, but:\n{shown}\n{self.tail()}"
        return shown

    def run_cli(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `orchestrator ...`; gives exit code and both outputs."""
        return subprocess.run(
            [sys.executable, "-m", "orchestrator", *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            input=stdin,
            env={**os.environ, "ORCHESTRATOR_SOCKET": str(self.socket)},
        )

    def exec(self, pod: str, *argv: str, code: int | None = 0, container: str = "", namespace: str = "default") -> str:
        """Run a command in a pod; gives its standard output."""
        chosen = ("-c", container) if container else ()
        return self.cli("exec", "-n", namespace, pod, *chosen, "--", *argv, code=code)

    def logs(self, pod: str, *words: str, namespace: str = "default") -> str:
        """The log of a pod's container so far."""
        return self.cli("logs", "-n", namespace, pod, *words)

    def wait_log(self, pod: str, text: str, container: str = "", namespace: str = "default") -> str:
        """Read the log of a container, and of the one that replaces it, until `text` is in it; gives what was read."""
        query = {"container": container} if container else {}
        read: bytes | str = b""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                read = b"".join(self.client.stream(f"{self.path('pods', pod, namespace)}/log", query))
            except OrchestratorError as error:
                read = str(error)
            else:
                if text.encode() in read:
                    return read.decode(errors="replace")
            # Following would end with the container that an edit replaces, and hang where nothing is written.
            time.sleep(0.02)
        raise AssertionError(f"{text!r} is not in the log of {pod}: {read[-2000:]!r}\n{self.tail()}")

    # --- the engine, past the daemon ---

    def containers(self, pod: str = "") -> list[Document]:
        """What the engine has of this instance (of one pod), inspected."""
        filters = [f"label=orchestrator.dev/instance={self.instance}"]
        filters += [f"label=orchestrator.dev/pod={pod}"] if pod else []
        words = [word for text in filters for word in ("--filter", text)]
        listed = docker("ps", "-aq", *words, client=self.docker_client).split()
        if not listed:
            return []
        # One that goes between the two looks is not among what is printed, and makes the exit code 1.
        command = [*self.docker_client, "inspect", *listed]
        inspected = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        found: list[Document] = json.loads(inspected.stdout)
        return found

    def wait_containers(self, holds: Callable[[list[Document]], bool], pod: str = "") -> list[Document]:
        """Look into the engine until `holds` of its containers; each look is a round trip of tens of milliseconds."""
        deadline = time.monotonic() + SECONDS
        while not holds(found := self.containers(pod)):
            if time.monotonic() > deadline:
                states = [(one["Name"], one["State"]["Status"]) for one in found]
                raise AssertionError(f"the engine did not come to what was awaited; it has {states}\n{self.tail()}")
        return found

    def life(self, pod: str = "") -> dict[str, tuple[str, str]]:
        """Whatever runs of this instance (of one pod): id and start time, by pod and container."""
        found = {}
        for one in self.containers(pod):
            labels = one["Config"]["Labels"]
            if one["State"]["Running"]:
                name = f"{labels['orchestrator.dev/pod']}/{labels['orchestrator.dev/container']}"
                found[name] = (one["Id"], one["State"]["StartedAt"])
        return found

    def engine_id(self, pod: str, container: str) -> str:
        """The engine's id of a running container ("POD" for the sandbox)."""
        for found in self.containers(pod):
            if found["Config"]["Labels"]["orchestrator.dev/container"] == container and found["State"]["Running"]:
                return str(found["Id"])
        raise AssertionError(f"container {container} of {pod} does not run")
