import asyncio
import sys
from pathlib import Path

from tests.component.api.house import PATIENCE


async def test_a_live_daemon_that_cannot_start_says_why(tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    specs.mkdir()
    state = tmp_path / "state"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestrator", "run", str(specs), "--live"),
        *("--state-dir", str(state), "--run-dir", str(tmp_path / "run"), "--engine-url", f"unix://{tmp_path}/none"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        _out, err = await process.communicate()
    assert process.returncode == 1
    text = err.decode()
    assert f"{tmp_path}/none" in text
    assert text.endswith(f"error: the daemon ended with code 1; its whole log is {state}/daemon.log\n")
    assert "Traceback" not in text
