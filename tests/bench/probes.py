"""A thousand probes a second on the simulated engine: for how long the loop stands still.

The whole node runs (store, journal, workers, probers); only the engine is simulated, and each command in a container
takes a few milliseconds of its time and none of ours.
"""

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

from orchestrator.engine.base import ExecResult
from orchestrator.engine.simulated import Program
from orchestrator.garbage import ShortPauses
from tests.component.node.house import Daemon, Engine

PODS = 500
SECONDS = 20.0
BAR = 0.050
"""Seconds."""
_TICK = 0.005
_PROBE = "exec: {command: [check]}, periodSeconds: 1"
_SPEC = f"containers: [{{name: web, image: 'web:1', readinessProbe: {{{_PROBE}}}, livenessProbe: {{{_PROBE}}}}}]"


def main() -> int:
    """Measure and print; exit code 1 when the bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        ran, lags = asyncio.run(_measure(Path(folder)))
    worst, usual = max(lags), statistics.quantiles(lags, n=100)[98]
    title = f"{ran / SECONDS:.0f} probes a second: lag of the loop, worst"
    print(f"{title:44}{worst * 1000:>6.1f} ms{'':>18}{BAR * 1000:>4.0f} ms{'  missed' if worst > BAR else ''}")
    print(f"{'  its 99th percentile':44}{usual * 1000:>6.1f} ms")
    return int(worst > BAR)


async def _measure(folder: Path) -> tuple[int, list[float]]:
    """How many probes ran in SECONDS, and by how much each tick was late (seconds)."""
    engine, ran = Engine(), 0

    async def check(argv: tuple[str, ...]) -> ExecResult:
        nonlocal ran
        ran += 1
        await asyncio.sleep(0.003)
        return ExecResult(0, b"")

    engine.program("web:1", Program(exec=check))
    names = [f"web{number}" for number in range(PODS)]
    async with Daemon(engine, folder) as daemon:
        for name in names:
            daemon.pod(_SPEC, name)
        await daemon.until(lambda: all(daemon.condition("Ready", name) == "True" for name in names), 600)
        pauses = ShortPauses()
        pauses.begin()
        await asyncio.sleep(2)
        ran = 0
        lags = await _lags()
        pauses.end()
    return ran, lags


async def _lags() -> list[float]:
    loop, lags = asyncio.get_running_loop(), []
    end = loop.time() + SECONDS
    while (begun := loop.time()) < end:
        await asyncio.sleep(_TICK)
        lags.append(loop.time() - begun - _TICK)
    return lags


if __name__ == "__main__":
    sys.exit(main())
