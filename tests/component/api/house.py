"""A daemon's front rooms for tests: a real store, journal, recorder and API on a socket, over the simulated engine."""

import asyncio
import itertools
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml

from orchestrator.api.server import ApiServer
from orchestrator.api.status import DaemonStatus, EngineStatus, Problem
from orchestrator.engine.simulated import Program, SimulatedEngine
from orchestrator.metrics import Metrics
from orchestrator.objects import registry
from orchestrator.planning.consumption import Consumption, Used
from orchestrator.planning.labels import container_labels, container_name
from orchestrator.planning.preview import Verdicts
from orchestrator.planning.runtime_config import ContainerConfig
from orchestrator.planning.surroundings import NodeFacts
from orchestrator.state.events import EventRecorder
from orchestrator.state.journal import Journal
from orchestrator.state.store import Desired, Key, Store

IMAGE = "app:1"
PATIENCE = 20.0

NODE = NodeFacts("host", "192.0.2.1", 4 * 10**9, 8 << 30, capacity={"cpu": 4000}, allocatable={"cpu": 3500})
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: app
    image: app:1
    env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}]
  - {name: side, image: app:1}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: keys}
data: {token: c2VzYW1l}
"""


@dataclass
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


class House:
    """Give it objects and containers; ask it over its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "o.sock"
        self.journal = Journal(folder / "journal.db")
        self.store = Store(self.journal, time.time)
        self.recorder = EventRecorder(self.store, self.journal, time.time, "node")
        self.engine = SimulatedEngine()
        self.engine.images.add(IMAGE)
        self.problems: tuple[Problem, ...] = ()
        self.metrics = Metrics()
        self.facts = NODE
        self.verdicts = Verdicts()
        self.used = Consumption(time.time(), 1.0, Used(500_000_000, 1 << 30))
        self.api = self.new_api()
        self.session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self.socket)), timeout=aiohttp.ClientTimeout(total=PATIENCE)
        )

    def new_api(self) -> ApiServer:
        return ApiServer(
            self.store,
            self.engine,
            instance="t",
            clock=time.time,
            daemon=self._status,
            looked=_at_once,
            node=self,
            rehearse=lambda: lambda _: self.verdicts,
            metrics=self.metrics,
        )

    async def consumption(self) -> Consumption:
        return self.used

    def pressure(self) -> tuple[str, ...]:
        return ()

    def _status(self) -> DaemonStatus:
        engine = EngineStatus("unix:///e.sock", "Simulated Engine", "1.0", "1.41")
        return DaemonStatus("t", ("specs",), str(self.folder), time.time(), engine, self.problems)

    async def close(self) -> None:
        await self.session.close()
        await self.api.stop()
        await self.engine.close()
        self.journal.close()

    def apply(self, text: str) -> Any:
        """Put one YAML document into the store."""
        document = yaml.safe_load(text)
        obj, problems = registry.decode(document)
        assert obj is not None, problems
        return self.store.apply("test", Desired(obj, document, "t.yaml:1"))

    def set_status(self, name: str, **status: Any) -> None:
        """Set a pod's status from Kubernetes' own field names."""
        pod = self.store.get(Key("Pod", "default", name))
        assert pod is not None
        self.store.update_status(
            Key("Pod", "default", name), pod.metadata.uid, msgspec.convert(status, type(pod.status))
        )

    async def run_container(self, pod: Any, container: str, attempt: int, program: Program) -> str:
        """Make and start one run of a pod's container; gives its id."""
        meta = pod.metadata
        who = ("t", meta.namespace, meta.name, meta.uid, container, attempt)
        name = container_name(*who)
        self.engine.program(name, program)
        labels = container_labels(*who, "hash", "container")
        created = await self.engine.create(ContainerConfig(name=name, image=IMAGE, labels=labels))
        await self.engine.start(created)
        return created

    async def get(self, path: str, accept: str = "application/json", **query: str) -> tuple[int, Any]:
        """Ask for a document; gives the HTTP status and the document."""
        async with self.session.get(f"http://o{path}", params=query, headers={"Accept": accept}) as response:
            return response.status, json.loads(await response.read())

    async def watch(self, path: str, count: int, **query: str) -> list[Any]:
        """Give the first events of a watch."""
        async with self.session.get(f"http://o{path}", params={"watch": "true", **query}) as response:
            assert response.status == 200, await response.text()
            return [json.loads(await response.content.readline()) for _ in itertools.repeat(None, count)]

    async def cli(self, *arguments: str, stdin: bytes | None = None, code: int | None = 0) -> Ended:
        """Run a command line against this socket, as a process of its own."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*arguments),
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate(stdin)
        ended = Ended(process.returncode or 0, out.decode(), err.decode())
        assert code is None or ended.code == code, ended
        assert "Traceback" not in ended.err
        return ended

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "orchestrator", "--socket", str(self.socket), *arguments]


async def _at_once() -> None:
    """Everything was looked at."""
