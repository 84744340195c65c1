"""Run real manifests through a real daemon, and print how many started, were faithful, and went again without a trace.

    python -m scripts.acceptance [--kinds Pod] [--limit N] [--seconds 15] [--out FILE] [CASES...]

The cases and the program that judges them stand beside the checkout, in ACCEPTANCE (../shared/acceptance); whoever
does not have them is told so.  A stub takes the place of every image and says how it was started.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGE = "acceptance-stub:1"
KEPT = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: acceptance\n"


def main() -> int:
    """Build the stub, start a daemon, judge, print; exit code 0 unless something could not run."""
    options = _options()
    judge = options.home / "check.py"
    if not judge.is_file():
        print(f"cannot run the acceptance cases: {judge} is not there; set ACCEPTANCE to the folder that holds them")
        return 0
    with tempfile.TemporaryDirectory(prefix="acceptance-") as work:
        home = Path(work)
        _build(options.home, home)
        return _judge(judge, home, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", type=Path, help="folders with cases; all of them when none is named")
    parser.add_argument("--kinds", default="Pod", help="the kinds of the cases, with commas between")
    parser.add_argument("--limit", type=int, default=0, help="only so many cases, spread over all")
    parser.add_argument("--seconds", type=float, default=15, help="how long a case may take to start")
    parser.add_argument("--out", type=Path, help="keep the results here, a line of JSON for each case")
    parser.set_defaults(home=Path(os.environ.get("ACCEPTANCE", "../shared/acceptance")).resolve())
    return parser.parse_args()


def _build(source: Path, home: Path) -> None:
    for name in ("stub.c", "Dockerfile"):
        shutil.copy(source / name, home)
    stub = ["gcc", "-O2", "-static", "-pthread", "-w", "-o", "stub", "stub.c"]
    for command in (stub, ["docker", "build", "-q", "-t", IMAGE, "."]):
        subprocess.run(command, cwd=home, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _judge(judge: Path, home: Path, options: argparse.Namespace) -> int:
    specs, log, out = home / "specs", home / "log", options.out or home / "results.jsonl"
    specs.mkdir()
    # A folder that has become empty is waited with, as by accident: this one never does.
    (specs / "kept.yaml").write_text(KEPT)
    out.unlink(missing_ok=True)
    places = ["--state-dir", str(home / "state"), "--run-dir", str(home / "run"), "--instance", "acceptance"]
    daemon = [sys.executable, "-m", "orchestrator", "run", str(specs), *places, "--down-on-exit"]
    with log.open("wb") as written, subprocess.Popen(daemon, stdout=written, stderr=written) as running:
        try:
            cases = [str(case) for case in options.cases] or [str(options.home / "cases")]
            limits = ["--kinds", options.kinds, "--limit", str(options.limit), "--timeout", str(options.seconds)]
            command = [sys.executable, str(judge), "--dir", str(specs), "--out", str(out), *limits, *cases]
            code = subprocess.run(command, check=False).returncode
        finally:
            running.terminate()
    if running.returncode:
        print(log.read_text(errors="replace"), file=sys.stderr)
    _print_shortfalls(out)
    return code or running.returncode


def _print_shortfalls(out: Path) -> None:
    for line in out.read_text().splitlines():
        result = json.loads(line)
        if result["missing"] or result["bad"] or not result["gone"]:
            what = {name: result[name] for name in ("missing", "bad") if result[name]}
            if not result["gone"]:
                what["gone"] = False
            print(f"{Path(result['case']).name} {result['file']}: {json.dumps(what)}")


if __name__ == "__main__":
    sys.exit(main())
