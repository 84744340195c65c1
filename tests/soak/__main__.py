"""`make soak`: for ten minutes, or as long as one likes."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.e2e.daemon import Daemon
from tests.e2e.front import EngineInFront
from tests.images import busybox_image, engine_answers
from tests.soak.soak import soak


def main() -> int:
    """Run it and print figures; exit code 1 when anything is wrong in the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--pods", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    if not engine_answers():
        print("no Docker Engine answers: run `make engine`", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        front = EngineInFront(Path(folder, "front.sock"))
        front.come()
        daemon = Daemon(Path(folder), busybox_image(), "--engine-url", front.url, "--log-level", "info")
        try:
            faults, figures = soak(daemon, front, seconds=options.seconds, pods=options.pods, seed=options.seed)
            print(figures)
            for fault in faults:
                print(f"wrong: {fault}", file=sys.stderr)
        finally:
            front.come()
            daemon.down()
            front.close()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
