"""`make chaos`: one story for each point, several at a time; prints what came of every kill."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat, zip_longest
from pathlib import Path

import pytest

from tests.chaos.killing import Outcome, kill_in_every_stage, points
from tests.chaos.stages import STAGES
from tests.images import busybox_image, engine_answers
from tests.registry import Registry, need_programs, running

ROUNDS = 4
"""How often a point is tried until the daemon comes to it: which writes the journal makes together is the clock's."""

Points = dict[str, list[str]]
"""By stage."""


def main() -> int:
    """Kill at every point (or some of them); exit code 1 when anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every N-th point of each stage")
    parser.add_argument("--stage", action="append", choices=[stage.name for stage in STAGES], help="only these stages")
    parser.add_argument("--point", default="", help='only points whose names contain this ("Start subject/main")')
    parser.add_argument("--workers", type=int, default=4, help="stories at a time")
    options = parser.parse_args()
    if not engine_answers():
        print("no Docker Engine answers: run `make engine`", file=sys.stderr)
        return 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, _registry(Path(name)) as registry:
        folder = Path(name)
        found = points(folder / "points", busybox_image(), registry)
        print(f"{sum(map(len, found.values()))} points in {len(STAGES)} stages", flush=True)
        chosen = {
            stage: [point for point in every if options.point in point][:: options.every]
            for stage, every in found.items()
            if stage in (options.stage or found)
        }
        outcomes = _until_reached(folder, chosen, registry, options.workers)
    wrong = [outcome for outcome in outcomes if outcome.faults]
    unseen = [outcome for outcome in outcomes if not outcome.reached and not outcome.faults]
    seconds = time.monotonic() - begun
    print(f"{len(outcomes)} points: {len(wrong)} wrong, {len(unseen)} not reached; {seconds:.0f} s")
    for outcome in (*wrong, *unseen):
        print(f"{outcome.stage:15} {outcome.point:45} {outcome.text}")
    return 1 if wrong else 0


def _until_reached(folder: Path, chosen: Points, registry: Registry | None, workers: int) -> list[Outcome]:
    """Each point once, and those that the daemon did not come to again; gives the last outcome of each."""
    last: dict[tuple[str, str], Outcome] = {}
    for number in range(ROUNDS):
        for outcome in _told(folder, number, chosen, registry, workers):
            last[outcome.stage, outcome.point] = outcome
        chosen = {
            stage: [at for at in every if not _is_reached(last.get((stage, at)))] for stage, every in chosen.items()
        }
        if not any(chosen.values()):
            break
    return list(last.values())


@contextmanager
def _registry(folder: Path) -> Iterator[Registry | None]:
    """One to pull from, where Debian's can be had."""
    try:
        need_programs()
    except pytest.skip.Exception as why:
        print(f"nothing is pulled: {why}", flush=True)
        yield None
        return
    with running(Registry(folder / "registry")) as registry:
        yield registry


def _is_reached(outcome: Outcome | None) -> bool:
    """None where its story broke off before."""
    return outcome is not None and (outcome.reached or bool(outcome.faults))


def _told(folder: Path, number: int, chosen: Points, registry: Registry | None, workers: int) -> list[Outcome]:
    """All stories of a round, as many at a time as there are workers."""
    stories = list(zip_longest(*(chosen.get(stage.name, []) for stage in STAGES), fillvalue=""))
    print(f"{len(stories)} stories, {workers} at a time", flush=True)
    with ThreadPoolExecutor(workers) as pool:
        homes = (folder / f"story{number}-{story}" for story in range(len(stories)))
        return [outcome for told in pool.map(_story, homes, stories, repeat(registry)) for outcome in told]


def _story(home: Path, chosen: Sequence[str], registry: Registry | None) -> list[Outcome]:
    outcomes = [each for each in kill_in_every_stage(home, busybox_image(), chosen, registry) if each.point]
    for outcome in outcomes:
        print(f"{outcome.stage:15} {outcome.point:45} {outcome.text}", flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
