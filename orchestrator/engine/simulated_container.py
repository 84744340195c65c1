"""One container of the simulated engine: what its program does, and the states that it goes through.

    created --start--> running --program ends, or a signal--> exited
       |  \\              |  ^                                    |
       |   start fails:  pause unpause                           |
       |   stays created, v  |                                   |
       |   with error    paused                                  |
       +------------------ removed (from any state) <------------+

An exited container may be started again.  All of it happens on the loop's clock.
"""

import asyncio
import signal as signals
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from orchestrator.engine.base import Container, ContainerConfig, ContainerPhase, EngineRefused, ExecResult
from orchestrator.planning.runtime_config import joined_by

# A process dies of most signals that it does not handle; of these it does not.
_HARMLESS = {signals.SIGCHLD, signals.SIGCONT, signals.SIGURG, signals.SIGWINCH}

ExecScript = Callable[[tuple[str, ...]], ExecResult | Awaitable[ExecResult]]


def _succeed(argv: tuple[str, ...]) -> ExecResult:
    return ExecResult(0, b"")


@dataclass(frozen=True, slots=True)
class Program:
    """What a container's process does; times are seconds.

    It writes `output` at its start, as (stream, data).  It ends by itself after `run_for` (None: never) with
    `exit_code`.  A signal ends it after `stop_after`, with `stop_code` (None: 128 and the signal's number), unless
    `ignores` names it ("TERM").  `start_error` is why it cannot start.  `exec` answers commands in the container; one
    that takes time is a coroutine function.  With `reads` False, commands do not read their standard input.
    """

    run_for: float | None = None
    exit_code: int = 0
    ignores: tuple[str, ...] = ()
    stop_after: float = 0.0
    stop_code: int | None = None
    output: tuple[tuple[int, bytes], ...] = ()
    start_error: EngineRefused | None = None
    start_exit_code: int = 127
    exec: ExecScript = _succeed
    reads: bool = True


@dataclass(slots=True)
class SimulatedContainer:
    """A container's state.  `emit` is told each thing that the engine would announce: action and exit code."""

    id: str
    config: ContainerConfig
    image_id: str
    created_at: float
    now: Callable[[], float]
    emit: Callable[["SimulatedContainer", str, int | None], None]
    phase: ContainerPhase = "created"
    pid: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    started_at: float = 0.0
    finished_at: float = 0.0
    address: str = ""
    hangs: bool = False
    program: Program = field(default_factory=Program)
    signals: list[tuple[float, str]] = field(default_factory=list)
    log: list[tuple[float, int, bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, at each output and change of state."""
    _timers: list[asyncio.TimerHandle] = field(default_factory=list)
    _execs: set[asyncio.Timeout] = field(default_factory=set)

    def start(self, program: Program, pid: int, address: str) -> None:
        """From created or exited to running; raises the program's `start_error`."""
        if program.start_error:
            self.refuse(program.start_error, program.start_exit_code)
        self.program, self.pid, self.address = program, pid, address
        self.phase, self.exit_code, self.error, self.oom_killed = "running", 0, "", False
        self.started_at = self.now()
        for stream, data in program.output:
            self.write(stream, data)
        self.emit(self, "start", None)
        if program.run_for is not None:
            self._later(program.run_for, program.exit_code)
        self._announce()

    def refuse(self, error: Exception, exit_code: int = 128) -> None:
        """A start that failed: the state stays, the words are kept; raises the error."""
        self.error, self.exit_code = str(error), exit_code
        raise error

    def signal(self, name: str) -> None:
        """What the program does on a signal ("TERM", "SIGTERM" or "15")."""
        number = signals.Signals(int(name)) if name.isdecimal() else signals.Signals["SIG" + name.removeprefix("SIG")]
        plain = number.name.removeprefix("SIG")
        self.signals.append((self.now(), plain))
        if number is signals.SIGKILL:
            self.exit(128 + number)
        elif plain not in self.program.ignores and number not in _HARMLESS:
            code = self.program.stop_code
            self._later(self.program.stop_after, 128 + number if code is None else code)

    def exit(self, exit_code: int, *, oom: bool = False) -> None:
        """From running to exited."""
        if self.phase not in ("running", "paused"):
            return
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.phase, self.pid, self.address = "exited", 0, ""
        self.exit_code, self.oom_killed, self.finished_at = exit_code, oom, self.now()
        if oom:
            self.emit(self, "oom", None)
        self.emit(self, "die", exit_code)
        # Its commands die with it.
        for scope in self._execs:
            scope.reschedule(asyncio.get_running_loop().time())
        self._announce()

    def pause(self, paused: bool) -> None:
        """Between running and paused."""
        self.phase = "paused" if paused else "running"
        self.emit(self, "pause" if paused else "unpause", None)
        self._announce()

    def write(self, stream: int, data: bytes) -> None:
        """Its output, kept for `logs`."""
        self.log.append((self.now(), stream, data))
        self._announce()

    async def exec(self, argv: tuple[str, ...], seconds: float | None, max_output: int) -> ExecResult:
        """Run a command by the program's script; killed at the time limit, or when the container ends."""
        try:
            async with asyncio.timeout(seconds) as scope:
                self._execs.add(scope)
                answer = self.program.exec(argv)
                result = answer if isinstance(answer, ExecResult) else await answer
        except TimeoutError:
            return ExecResult(137, b"", timed_out=self.phase == "running")
        finally:
            self._execs.discard(scope)
        return ExecResult(result.exit_code, result.output[max(len(result.output) - max_output, 0) :])

    def inspect(self, *, hung: bool = False) -> Container:
        """As the engine tells it; of one that hangs it tells less."""
        config = self.config
        if hung:
            own = self.id, config.name, dict(config.labels), config.image, self.image_id, self.phase
            return Container(*own, created_at=float(int(self.created_at)), addresses=self._addresses(), hung=True)
        return Container(
            id=self.id,
            name=config.name,
            labels=dict(config.labels),
            image=config.image,
            image_id=self.image_id,
            phase=self.phase,
            pid=self.pid,
            exit_code=self.exit_code,
            oom_killed=self.oom_killed,
            error=self.error,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            addresses=self._addresses(),
            joined=joined_by(config.network),
            stop_signal=config.stop_signal,
        )

    def _addresses(self) -> dict[str, str]:
        return {self.config.network: self.address} if self.address else {}

    def _later(self, seconds: float, exit_code: int) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, self.exit, exit_code))

    def _announce(self) -> None:
        self.news.set()
        self.news = asyncio.Event()
