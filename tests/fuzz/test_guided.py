"""A short run of what `make fuzz` does at length."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SECONDS = 20


@pytest.mark.skipif(find_spec("atheris") is None, reason="there is no atheris for this Python on this machine")
def test_S07_no_bytes_break_the_loader(tmp_path: Path) -> None:
    words = (sys.executable, "-m", "tests.fuzz", "--seconds", str(SECONDS), "--found", str(tmp_path))
    run = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS * 10, check=False)
    found = [path.read_bytes() for path in tmp_path.iterdir()]
    assert not found, f"move it to tests/fuzz/cases: {found}\n{run.stderr[-3000:]}"
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Done" in run.stderr
