import asyncio
import os
from asyncio.subprocess import Process
from pathlib import Path
from typing import Any

import pytest

from orchestrator.node import tmpfs


async def test_a_mount_that_does_not_end_is_killed_so_that_it_never_hides_what_was_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mount").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "mount").chmod(0o755)
    real, begun = asyncio.create_subprocess_exec, list[Process]()

    async def begin(*argv: Any, **how: Any) -> Process:
        begun.append(await real(*argv, **how))
        return begun[-1]

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(asyncio, "create_subprocess_exec", begin)
    monkeypatch.setattr(tmpfs, "SECONDS", 0.2)
    monkeypatch.setattr(tmpfs, "filesystem_of", lambda _path: "ext4")
    assert not await tmpfs.ensure_in_memory(tmp_path / "secrets")
    assert "it took too long" in caplog.text
    assert [process.returncode for process in begun] == [-9]
