"""The bench that the contract is tried on: one engine, and containers whose doings every engine can be told."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.base import Container, ContainerConfig, Engine, EngineEvent, ExecResult
from orchestrator.engine.simulated import Program, SimulatedEngine
from orchestrator.planning.labels import INSTANCE

WAIT_SECONDS = 20.0
NEVER = 1000.0


async def _for_ever() -> ExecResult:
    await asyncio.sleep(NEVER)
    return ExecResult(0, b"")


def answer(argv: tuple[str, ...]) -> ExecResult | Any:
    """What the simulated container answers to the commands of this suite, as busybox does."""
    match argv:
        case ("sh", "-c", "echo hello; exit 3"):
            return ExecResult(3, b"hello\n")
        case ("sh", "-c", "yes | head -c 1000000; echo end"):
            return ExecResult(0, b"y\n" * 500_000 + b"end\n")
        case ("sleep", _) | ("sh", "-c", "touch /tmp/begun; sleep 1000"):
            return _for_ever()
        case ("no-such-program",):
            return ExecResult(126, b"executable file not found in $PATH")
        case _:
            return ExecResult(0, b"")


@dataclass(frozen=True)
class Doing:
    """A container's program: for a shell, and for the simulated engine."""

    shell: str
    program: Program


WAITS = Doing("trap 'exit 143' TERM; while :; do sleep 0.05; done", Program(exec=answer))
IGNORES_TERM = Doing("trap '' TERM; while :; do sleep 0.05; done", Program(ignores=("TERM",), exec=answer))
FAILS = Doing("exit 3", Program(run_for=0, exit_code=3))
TALKS = Doing(
    "echo one; echo two; echo three; echo wrong >&2; " + WAITS.shell,
    Program(output=((1, b"one\n"), (1, b"two\n"), (1, b"three\n"), (2, b"wrong\n"))),
)
TALKS_AND_ENDS = Doing("echo one; echo two", Program(run_for=0.1, output=((1, b"one\n"), (1, b"two\n"))))


@dataclass
class Bench:
    """An engine, an image that it has, and labels that are this test's own."""

    engine: Engine
    image: str
    away: Callable[[], Any]
    back: Callable[[], Any]
    run_id: str = field(default_factory=lambda: f"contract-{uuid.uuid4().hex[:8]}")

    @property
    def labels(self) -> dict[str, str]:
        return {INSTANCE: self.run_id}

    def name(self, short: str) -> str:
        return f"{self.run_id}-{short}"

    def config(self, short: str = "c", doing: Doing = WAITS, **fields: Any) -> ContainerConfig:
        if isinstance(self.engine, SimulatedEngine):
            self.engine.program(self.name(short), doing.program)
        fields = {"image": self.image, "labels": self.labels, "command": ("sh", "-c", doing.shell), **fields}
        return ContainerConfig(name=self.name(short), **fields)

    async def run(self, short: str = "c", doing: Doing = WAITS, **fields: Any) -> str:
        container = await self.engine.create(self.config(short, doing, **fields))
        await self.engine.start(container)
        return container

    async def until(self, container: str, phase: str) -> Container:
        async with asyncio.timeout(WAIT_SECONDS):
            while (found := await self.engine.inspect(container)).phase != phase:
                await asyncio.sleep(0.02)
        return found

    async def clean(self) -> None:
        for container in await self.engine.list_containers(self.labels):
            await self.engine.remove(container.id)
        for network in await self.engine.list_networks(self.labels):
            await self.engine.remove_network(network.id)
        await self.engine.close()


class Events:
    """The engine's events of one bench, read by a task that the test owns."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._queue: asyncio.Queue[EngineEvent] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Events":
        self._reader = asyncio.create_task(self._read())
        await self.next("reconnected")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reader
        self._reader.cancel()
        await asyncio.wait([self._reader])

    async def _read(self) -> None:
        async for event in self._bench.engine.events():
            ours = self._bench.labels.items() <= event.attributes.items()
            if ours or event.action == "reconnected":
                self._queue.put_nowait(event)

    async def next(self, action: str) -> EngineEvent:
        """The next event, which has to be this one."""
        async with asyncio.timeout(WAIT_SECONDS):
            event = await self._queue.get()
        assert event.action == action, event
        return event
