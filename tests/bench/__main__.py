"""Runs the benchmark and prints a line a figure: ours, the floor, the ratio, the bar."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from orchestrator.objects import registry
from orchestrator.objects.pod import Pod
from tests.bench import adoption, endpoints, loading, probes, traffic
from tests.bench.bare import Bare
from tests.bench.subject import Subject, pod_text
from tests.e2e.daemon import Daemon
from tests.images import busybox_image, engine_answers

IDLE_SECONDS = 20.0


def main() -> int:
    """Run everything; exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each single-pod figure (medians count)")
    parser.add_argument("--many", type=int, nargs="*", default=[10, 30], help="how many pods at once")
    options = parser.parse_args()
    if not engine_answers():
        print("no Docker Engine answers: run `make engine`", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        options_of_daemon = ("--log-level", "info", "--backoff-base", "0.001", "--backoff-max", "0.001")
        daemon = Daemon(Path(folder), busybox_image(), *options_of_daemon, reads=False)
        daemon.start()
        try:
            missed = asyncio.run(_bench(Subject(daemon), options.runs, options.many))
        finally:
            daemon.down()
    return max(missed, adoption.main(), probes.main(), loading.main(), endpoints.main(), traffic.main())


async def _bench(subject: Subject, runs: int, many: Sequence[int]) -> int:
    bare = await Bare.open()
    missed = 0
    print(f"{'':44}{'ours':>9}{'bare API':>10}{'ratio':>8}{'bar':>7}")
    try:
        missed += await _single(subject, bare, runs)
        missed += await _crash(subject, bare, runs)
        for count in many:
            missed += await _many(subject, bare, count)
        missed += await _idle(subject)
    finally:
        await bare.close()
    return 1 if missed else 0


async def _single(subject: Subject, bare: Bare, runs: int) -> int:
    ours, floor = [], []
    for number in range(runs + 1):
        name = f"one{number}"
        floor.append(await bare.up([_pod(name)]))
        await bare.down([_pod(name)])
        ours.append((await asyncio.to_thread(subject.up, [name], probe=False))[0])
        await asyncio.to_thread(subject.down, [name])
    return _line("1 pod: file dropped -> process running", ours[1:], floor[1:], 1.25)


async def _crash(subject: Subject, bare: Bare, runs: int) -> int:
    pod = _pod("crash")
    await asyncio.to_thread(subject.up, ["crash"], probe=False)
    await bare.up([pod])
    ours, floor = [], []
    for number in range(runs + 1):
        ours.append(await asyncio.to_thread(subject.crash, "crash"))
        floor.append(await bare.restart(pod, number))
    await asyncio.to_thread(subject.down, ["crash"])
    await bare.down([pod])
    return _line("crash (kill -9) -> running again", ours[1:], floor[1:], 1.5)


async def _many(subject: Subject, bare: Bare, count: int) -> int:
    names = [f"m{number}" for number in range(count)]
    pods = [_pod(name) for name in names]
    up, ready, down, floor_up, floor_down = [], [], [], [], []
    for _ in range(3 if count <= 10 else 2):
        floor_up.append(await bare.up(pods))
        floor_down.append(await bare.down(pods))
        running, all_ready = await asyncio.to_thread(subject.up, names, probe=True)
        up.append(running)
        ready.append(all_ready)
        down.append(await asyncio.to_thread(subject.down, names))
    bar = 1.5
    missed = _line(f"{count} pods: files dropped -> all processes running", up, floor_up, bar)
    missed += _line(f"{count} pods: files dropped -> all Ready (http, 1 s)", ready, floor_up, bar)
    return missed + _line(f"{count} pods: files removed -> nothing left", down, floor_down, bar)


async def _idle(subject: Subject) -> int:
    """Thirty pods with a check a second each: memory, and CPU of one core."""
    names = [f"idle{number}" for number in range(30)]
    await asyncio.to_thread(subject.up, names, probe=True)
    before, begun = subject.cpu_seconds(), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    share = (subject.cpu_seconds() - before) / (time.monotonic() - begun) * 100
    memory = subject.memory_mb()
    await asyncio.to_thread(subject.down, names)
    print(f"{'30 pods, 1 http probe a second each: CPU':44}{share:>8.1f}%{'':>18}{'2%':>7}")
    print(f"{'30 pods: resident memory of the daemon':44}{memory:>6.1f} MB{'':>18}{'60 MB':>7}")
    return int(share > 2) + int(memory > 60)


def _line(title: str, ours: Sequence[float], floor: Sequence[float], bar: float) -> int:
    ratio = statistics.median(ours) / statistics.median(floor)
    verdict = "" if ratio <= bar else "  missed"
    print(
        f"{title:44}{statistics.median(ours):>8.2f}s{statistics.median(floor):>9.2f}s{ratio:>8.2f}{bar:>7.2f}{verdict}",
        flush=True,
    )
    return int(ratio > bar)


def _pod(name: str) -> Pod:
    pod, problems = registry.decode(yaml.safe_load(pod_text(name, busybox_image(), probe=False)))
    assert isinstance(pod, Pod), problems
    return pod


if __name__ == "__main__":
    sys.exit(main())
