import asyncio
import sys
from pathlib import Path

import pytest

from orchestrator.cli.live import MAX_LOG, how_it_ended
from tests.component.api.house import PATIENCE


async def fail_to_start(tmp_path: Path) -> str:
    """Run it where there is no engine; gives what it says on standard error."""
    specs, state = tmp_path / "specs", tmp_path / "state"
    specs.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestrator", "run", str(specs), "--live"),
        *("--state-dir", str(state), "--run-dir", str(tmp_path / "run"), "--engine-url", f"unix://{tmp_path}/none"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        _out, err = await process.communicate()
    assert process.returncode == 1
    return err.decode()


async def test_a_live_daemon_that_cannot_start_says_why(tmp_path: Path) -> None:
    text = await fail_to_start(tmp_path)
    assert f"{tmp_path}/none" in text
    assert text.endswith(f"error: the daemon ended with code 1; its whole log is {tmp_path}/state/daemon.log\n")
    assert "Traceback" not in text
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("size", "kept"), [(MAX_LOG, "daemon.log"), (MAX_LOG + 1, "daemon.log.1")])
async def test_the_log_does_not_grow_for_ever(tmp_path: Path, size: int, kept: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "daemon.log").write_bytes(b"x" * size)
    await fail_to_start(tmp_path)
    assert (state / kept).read_bytes().startswith(b"x" * size)
    assert b"orchestrator: cannot reach" in (state / "daemon.log").read_bytes()[-1000:]


def test_a_daemon_that_was_killed_is_told_with_what_became_of_its_pods() -> None:
    assert how_it_ended(3) == "the daemon ended with code 3"
    assert how_it_ended(-9) == "the daemon was ended by signal 9 (Killed); its pods go on running"
