"""Runs the probes of one pod: one task each, so that none waits for another (behaviour case P07).

A prober counts results and reports when the verdict changes.  It decides nothing and kills nothing.
"""

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.node.beats import Beats
from orchestrator.node.handlers import Handlers, Outcome
from orchestrator.objects.container import Container
from orchestrator.objects.probes import Probe
from orchestrator.planning.ops import EventNote, ProbeKey
from orchestrator.planning.probe_state import ProbeCount, ProbeKind

TITLES = {ProbeKind.STARTUP: "Startup", ProbeKind.READINESS: "Readiness", ProbeKind.LIVENESS: "Liveness"}
_MAX_EVENT = 10 * 1024


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """What a probe runs against: the container's spec, the pod's address, and when it was started (Unix seconds)."""

    container: Container
    ip: str
    started_at: float
    verdict: bool | None
    """The verdict that was reached before a daemon restart, if any."""


class Prober:
    """The running probes of one pod, by key."""

    def __init__(
        self,
        handlers: Handlers,
        beats: Beats,
        clock: Callable[[], float],
        report: Callable[[ProbeKey, bool], None],
        tell: Callable[[EventNote], None],
        ran: Callable[[ProbeKey, str, float], None],
    ) -> None:
        """`ran` is told of every run: its result in the kubelet's word, and seconds."""
        self._handlers = handlers
        self._beats = beats
        self._clock = clock
        self._report = report
        self._tell = tell
        self._ran = ran
        self._running: dict[ProbeKey, asyncio.Task[None]] = {}
        self._born = clock()

    def keep(
        self,
        wanted: frozenset[ProbeKey],
        target: Callable[[ProbeKey], ProbeTarget | None],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Run exactly these; the others stop."""
        for key in [key for key in self._running if key not in wanted]:
            self._running.pop(key).cancel()
        for key in wanted - self._running.keys():
            aim = target(key)
            if aim is not None and (probe := probe_of(aim.container, key.kind)) is not None:
                name = f"{key.kind} probe of {key.container}"
                self._running[key] = tasks.create_task(self._run(key, aim, probe), name=name)

    async def _run(self, key: ProbeKey, aim: ProbeTarget, probe: Probe) -> None:
        delay = float(probe.initial_delay_seconds)
        # A start in the future was noted before the clock was set back.
        rest = min(max(aim.started_at + delay - self._clock(), 0.0), delay)
        await asyncio.sleep(rest + self._spread(key, aim, probe))
        with self._beats.taking_part():
            await self._run_again_and_again(key, aim, probe)

    async def _run_again_and_again(self, key: ProbeKey, aim: ProbeTarget, probe: Probe) -> None:
        number = _number(key)
        loop = asyncio.get_running_loop()
        count = ProbeCount(verdict=aim.verdict)
        told: bool | None = aim.verdict
        while True:
            begun = loop.time()
            outcome = await self._handlers.probe(probe, aim.container, key.id, aim.ip)
            self._ran(key, _result(outcome), loop.time() - begun)
            self._tell_of(key, outcome)
            # As the kubelet does: a probe that could not be run counts for nothing.
            if not outcome.unknown:
                count = count.after(outcome.ok, probe.success_threshold, probe.failure_threshold)
            if count.verdict is not None and count.verdict != told:
                told = count.verdict
                self._report(key, told)
            if key.kind is not ProbeKind.READINESS and told is False:
                return
            if key.kind is ProbeKind.STARTUP and told:
                return
            await asyncio.sleep(max(self._beats.next(begun + max(probe.period_seconds, 1), number) - loop.time(), 0.0))

    def _spread(self, key: ProbeKey, aim: ProbeTarget, probe: Probe) -> float:
        """Seconds before the first run, some part of the period, where a daemon has just found what runs already.

        Without it a daemon that comes back would run the probes of all its pods at once, for ever.
        """
        if aim.started_at >= self._born or self._clock() - self._born > probe.period_seconds:
            return 0.0
        return _number(key) / 2**32 * probe.period_seconds

    def _tell_of(self, key: ProbeKey, outcome: Outcome) -> None:
        title, output = TITLES[key.kind], outcome.output[-_MAX_EVENT:]
        if outcome.unknown:
            if outcome.warning:
                text = f"{title} probe errored and resulted in unknown state: {output}"
                self._tell(EventNote("Warning", "Unhealthy", text, key.container))
        elif not outcome.ok:
            self._tell(EventNote("Warning", "Unhealthy", f"{title} probe failed: {output}", key.container))
        elif outcome.warning:
            self._tell(EventNote("Warning", "ProbeWarning", f"{title} probe warning: {output}", key.container))


def _result(outcome: Outcome) -> str:
    return "unknown" if outcome.unknown else "successful" if outcome.ok else "failed"


def _number(key: ProbeKey) -> int:
    """A number of 32 bits that is a probe's own."""
    return zlib.crc32(f"{key.id}/{key.kind}".encode())


def probe_of(container: Container, kind: ProbeKind) -> Probe | None:
    """The probe of a kind."""
    match kind:
        case ProbeKind.STARTUP:
            return container.startup_probe
        case ProbeKind.READINESS:
            return container.readiness_probe
        case ProbeKind.LIVENESS:
            return container.liveness_probe
