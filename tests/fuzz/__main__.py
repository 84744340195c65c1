"""Feeds bytes to the loader, led by what its code does with them (atheris): `make fuzz SECONDS=600`.

Ends with code 0 when nothing was found in the given time.  Else the input is left in a file, which is to be moved to
`tests/fuzz/cases/` under a name that says what it is: the tests go through all that are there.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from orchestrator.cli.documents import to_json, to_yaml
from orchestrator.objects import registry
from tests.bench.documents import document
from tests.fuzz.documents import KINDS, field_names, good

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CASES = HERE / "cases"
SLOWEST = 5
"""Seconds after which one input counts as a hang."""
MEMORY_MB = 1024
LONGEST = 16 * 1024
"""Bytes of an input; what only large ones do is for `test_hostile`."""
_TOKENS = (
    *("---\n", "...\n", "<<: ", "&a ", "*a", "!!str ", "!!python/name:a ", "? ", "|\n  ", ">-\n  ", "%TAG ", "\n- "),
    *("{}", "[]", "~", "1e3", "0o7", "\ufeff", "\u2028", "Pl4nted"),
)


def main() -> int:
    """Fuzz for some seconds; 0 when nothing was found, 2 when there is nothing to fuzz with."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long (default 60)")
    parser.add_argument("--found", type=Path, default=Path(), help="folder for an input that breaks the loader")
    options = parser.parse_args()
    if find_spec("atheris") is None:
        print("cannot fuzz: there is no atheris for this Python on this machine", file=sys.stderr)
        return 2
    limits = (f"-max_total_time={options.seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY_MB}")
    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, seed in enumerate(seeds()):
            corpus.joinpath(f"{number:04}").write_bytes(seed)
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in dictionary()), encoding="ascii")
        ways = (f"-max_len={LONGEST}", f"-dict={words}", f"-artifact_prefix={options.found}/", "-print_final_stats=1")
        return subprocess.call([sys.executable, "-W", "error", "-m", "tests.fuzz.guided", *limits, *ways, str(corpus)])


def seeds() -> Iterator[bytes]:
    """What to begin with: the cases, the demo, the documents of the bench, and a good one of each kind."""
    for path in sorted((*CASES.iterdir(), *ROOT.joinpath("specs").glob("*.yaml"))):
        yield path.read_bytes()
    yield from (document(number).encode() for number in range(4))
    yield from (write(good(kind)).encode() for kind in KINDS for write in (to_yaml, to_json))


def dictionary() -> list[str]:
    """Words that a random change would hardly ever hit: names of fields and kinds, and YAML's own marks."""
    names = {name for row in registry.TABLE for name in field_names(row.type)}
    return sorted({*names, *_TOKENS, *(row.kind for row in registry.TABLE)})


def _escaped(word: str) -> str:
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    sys.exit(main())
