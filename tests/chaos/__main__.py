"""`make chaos`: one story for each point, several at a time; prints what came of every kill."""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path

from tests.chaos.killing import Outcome, kill_in_every_stage, points
from tests.chaos.story import STAGES
from tests.images import busybox_image, engine_answers


def main() -> int:
    """Kill at every point (or every N-th); exit code 1 when anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every N-th point of each stage")
    parser.add_argument("--workers", type=int, default=4, help="stories at a time")
    options = parser.parse_args()
    if not engine_answers():
        print("no Docker Engine answers: run `make engine`", file=sys.stderr)
        return 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = points(Path(folder, "points"), busybox_image())
        stories = list(zip_longest(*(found[stage.name][:: options.every] for stage in STAGES), fillvalue=""))
        total = sum(len(points) for points in found.values())
        print(
            f"{total} points in {len(STAGES)} stages; {len(stories)} stories, {options.workers} at a time", flush=True
        )
        with ThreadPoolExecutor(options.workers) as pool:
            told = pool.map(lambda job: _told(Path(folder, f"story{job[0]}"), job[1]), enumerate(stories))
            outcomes = [outcome for story in told for outcome in story if outcome.point]
    wrong = [outcome for outcome in outcomes if outcome.faults]
    unseen = [outcome for outcome in outcomes if not outcome.reached and not outcome.faults]
    seconds = time.monotonic() - begun
    print(f"{len(outcomes)} kills: {len(wrong)} wrong, {len(unseen)} not reached; {seconds:.0f} s")
    return 1 if wrong else 0


def _told(home: Path, chosen: tuple[str, ...]) -> list[Outcome]:
    outcomes = kill_in_every_stage(home, busybox_image(), chosen)
    for outcome in outcomes:
        if outcome.point:
            print(f"{outcome.stage:15} {outcome.point:45} {outcome.text}", flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
